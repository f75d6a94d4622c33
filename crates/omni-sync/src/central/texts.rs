//! Writes to text fields: what the text engine merges, and what it leaves to a person.

use super::apply::{Stop, Summary, refuse, writable};
use super::author::Author;
use super::merge::{self, Unit};
use super::seen::seen;
use super::text::{TextInput, TextStop, TextWrite};
use super::work::Work;
use super::write;
use crate::meta::Stored;
use crate::storage::StorageError;
use crate::text;
use omni_model::{Collection, FieldId, RecordId, Refusal, Value};

/// Merges a write into a text field of a record.
pub fn write(
    work: &mut Work,
    author: &Author,
    collection: &'static Collection,
    record: RecordId,
    field: FieldId,
    write: &TextWrite,
    summary: &mut Summary,
) -> Result<(), Stop> {
    let before = work.load(collection.id, record)?;
    let wanted = match &before {
        Some(stored) => wanted_text(work, author, stored, field, write)?,
        None => None,
    };
    // What meets a deletion may wait for a person, who must then see the text.
    let deleted = before.is_some_and(|stored| !stored.is_live());
    if deleted && wanted.is_none() && !matches!(write, TextWrite::Invert(_)) {
        return refuse("text_base", MISFIT);
    }
    let unit: Unit = vec![(field, value_of(wanted.as_deref().unwrap_or_default()))];
    let Some(mut stored) = writable(work, author, collection, record, &unit, summary)? else { return Ok(()) };
    if let Some(by) = write::frozen_by(collection, &stored, &[field]) {
        if author.knows(&merge::last_write(&stored, by).unwrap_or(stored.meta.created)) {
            return write::refuse_frozen(collection, &[field], by);
        }
        if wanted.is_none() {
            return refuse("text_base", MISFIT);
        }
        write::wait(work, author, &mut stored, &unit, &[None], "Frozen", summary)?;
        return Ok(work.store(stored)?);
    }
    merge_into(work, author, collection, &mut stored, field, write, summary)?;
    Ok(work.store(stored)?)
}

const MISFIT: &str = "Central does not know the text this edit was made on. Your text is kept with this change: edit it and send it again.";

/// The text its author wanted, as far as it can be told without the engine: whole texts, and edits on the committed text
/// as they knew it.
fn wanted_text(
    work: &Work,
    author: &Author,
    stored: &Stored,
    field: FieldId,
    write: &TextWrite,
) -> Result<Option<String>, StorageError> {
    match write {
        TextWrite::Whole(text) => Ok(Some((*text).to_owned())),
        TextWrite::Edits { seen: fingerprint, edits } => {
            let known = seen(work, author, stored, field)?;
            let known = known.as_text().unwrap_or_default();
            Ok(text::apply(known, edits).filter(|_| text::fingerprint(known) == *fingerprint))
        }
        TextWrite::Old { wanted, .. } => Ok(Some((*wanted).to_owned())),
        TextWrite::Invert(_) => Ok(None),
    }
}

/// Merges a write into a live record. An inversion of something the engine does not know is offered as a choice.
pub fn merge_into(
    work: &mut Work,
    author: &Author,
    collection: &'static Collection,
    stored: &mut Stored,
    field: FieldId,
    write: &TextWrite,
    summary: &mut Summary,
) -> Result<(), Stop> {
    match engine_merge(work, author, stored, field, write)? {
        Ok(met) => {
            summary.met |= met;
            check(collection, stored, field)
        }
        Err(TextStop::Corrupt) => Err(StorageError::corrupt("text history").into()),
        Err(TextStop::Unknown) => {
            summary.offered.push((stored.row.id, field));
            Ok(())
        }
        Err(TextStop::BelowHistory | TextStop::Misfit | TextStop::Overlap) => {
            let Some(mine) = wanted_text(work, author, stored, field, write)? else {
                return refuse("text_base", MISFIT);
            };
            three_way(work, author, stored, field, &mine, summary)?;
            check(collection, stored, field)
        }
    }
}

/// Below the kept history: a three-way merge of whole texts; where both changed one place, a person decides.
fn three_way(
    work: &mut Work,
    author: &Author,
    stored: &mut Stored,
    field: FieldId,
    mine: &str,
    summary: &mut Summary,
) -> Result<(), Stop> {
    let base = seen(work, author, stored, field)?;
    let old = TextWrite::Old { base: base.as_text().unwrap_or_default(), wanted: mine };
    match engine_merge(work, author, stored, field, &old)? {
        Ok(met) => {
            summary.met |= met;
            Ok(())
        }
        Err(TextStop::Overlap) => {
            write::wait(work, author, stored, &vec![(field, value_of(mine))], &[Some(base)], "Text", summary)
        }
        Err(TextStop::Corrupt) => Err(StorageError::corrupt("text history").into()),
        Err(_) => refuse("text_base", MISFIT),
    }
}

/// Writes a whole text as somebody who knows all that stands: a person's choice, or a merge made outside the engine.
pub fn settle(work: &mut Work, author: &Author, stored: &mut Stored, field: FieldId, text: &str) -> Result<(), Stop> {
    let all = Author { base: u64::MAX, ..author.clone() };
    match engine_merge(work, &all, stored, field, &TextWrite::Whole(text))? {
        Ok(_) => Ok(()),
        Err(_) => Err(StorageError::corrupt("text history").into()),
    }
}

type Merged = Result<Result<bool, TextStop>, StorageError>;

/// Runs the engine and stores what it gives; tells whether the write met one its author did not know.
fn engine_merge(work: &mut Work, author: &Author, stored: &mut Stored, field: FieldId, write: &TextWrite) -> Merged {
    let key = (stored.row.collection, stored.row.id, field);
    let history = work.text_history(key)?;
    let committed = stored.row.get(field).as_text().unwrap_or_default().to_owned();
    let knows = |stamp: &crate::meta::Stamp| author.knows(stamp);
    let input = TextInput {
        history: history.as_deref(),
        committed: &committed,
        committed_by: merge::last_write(stored, field),
        knows: &knows,
        stamp: author.stamp(),
    };
    let merged = match work.tx().text_engine().merge(&input, write) {
        Ok(merged) => merged,
        Err(stop) => return Ok(Err(stop)),
    };
    work.put_text_history(key, merged.history);
    if merged.text != committed {
        let meta = merge::added(stored, field, author);
        stored.meta.fields.insert(field, meta);
        stored.row.set(field, value_of(&merged.text));
    }
    Ok(Ok(merged.met))
}

/// Merged texts must fit the field like typed ones.
fn check(collection: &'static Collection, stored: &Stored, field: FieldId) -> Result<(), Stop> {
    let Some(field) = collection.field_by_id(field) else { return Ok(()) };
    field.check(stored.row.get(field.id)).map_err(|e| Stop::Refused(Refusal::new("invalid", e.to_string())))
}

/// The empty text is no value.
pub fn value_of(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { Value::text(text) }
}
