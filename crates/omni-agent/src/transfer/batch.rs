//! Many edits from a list: one change each, on their own or as one group.

use super::group;
use super::import::collection;
use super::slices::Slices;
use super::trial::Trial;
use super::writes::{Act, Failure, operations, save_act};
use crate::error::{Result, store_error, usage};
use crate::ids;
use omni_model::{Args, Collection, FieldId, Offline, Op, RecordId, Row, Value, schema};
use omni_protocol::change::{BULK, EMERGENCY, NORMAL};
use omni_protocol::{ChangeId, GroupRef, WireError};
use omni_store::{ReadTx, Store, WriteTx};
use omni_sync::replica::ReplicaTx;
use omni_sync::replica::overlay::Visible;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// One edit. A line that cannot be read is a bad line, not a bad batch.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(remote = "Self", default)]
pub struct BatchLine {
    /// `set`, `create`, `delete` or `do`.
    pub op: String,
    /// The collection, except for `do`.
    pub collection: Option<String>,
    /// The record: its id or its key.
    pub id: Option<String>,
    /// The key a created record gets.
    pub key: Option<String>,
    /// Values by field; null clears. A set or counter is written as what is added and taken away.
    pub fields: BTreeMap<String, Json>,
    /// The domain command of `do`.
    pub command: Option<String>,
    /// Its arguments.
    pub args: BTreeMap<String, Json>,
    /// Why the line could not be read.
    #[serde(skip)]
    pub unreadable: Option<String>,
}

impl<'de> Deserialize<'de> for BatchLine {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<BatchLine, D::Error> {
        let line = BatchLine::deserialize(Json::deserialize(d)?);
        Ok(line.unwrap_or_else(|e| BatchLine { unreadable: Some(e.to_string()), ..BatchLine::default() }))
    }
}

/// What became of a line.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BatchDone {
    /// The change's permanent id; none if nothing changed.
    pub change: Option<String>,
    /// The record; for a command the first one it touches.
    pub id: Option<String>,
    /// Why it was not saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<WireError>,
}

/// A line that may be saved, with the record it is about.
#[derive(Clone, Debug)]
struct Ready {
    place: usize,
    line: BatchLine,
    record: RecordId,
}

/// What a line comes to on the records of a transaction.
struct Planned {
    act: Act,
    record: RecordId,
}

/// Saves a change for each line that changes something, in order. Later lines see what earlier ones do. Without `group`
/// bad lines get an error and the others are saved. With `group` the lines are checked first and saved as one group, all
/// or none: if one is bad, nothing is saved and every line has an error. Durable when it returns.
///
/// Errors: `invalid` (priority), `busy`, and those of the store; with `group` also what kept it from being finished.
pub fn batch(store: &Store, lines: &[BatchLine], group: bool, priority: Option<u8>) -> Result<Vec<BatchDone>> {
    let priority = priority.unwrap_or(if group { BULK } else { NORMAL });
    if !(EMERGENCY..=BULK).contains(&priority) {
        return Err(WireError::new("invalid", "The priority is 1 (emergency), 2 or 3."));
    }
    let (mut done, ready) = store.read(|tx| Ok(check(tx, lines))).map_err(store_error)?.map_err(WireError::from)?;
    let bad = done.iter().position(|d| d.error.is_some());
    match (group, bad) {
        (true, Some(bad)) => {
            let not_saved = WireError::new("not_saved", format!("Nothing was saved: line {} is bad.", bad + 1));
            for other in done.iter_mut().filter(|d| d.error.is_none()) {
                other.error = Some(not_saved.clone());
            }
        }
        (true, None) => save_group(store, ready, priority, &mut done)?,
        (false, _) => save_each(store, ready, priority, &mut done)?,
    }
    Ok(done)
}

/// Tries every line, each on what those before it leave.
fn check(tx: &ReadTx<'_>, lines: &[BatchLine]) -> std::result::Result<(Vec<BatchDone>, Vec<Ready>), Failure> {
    let mut trial = Trial::new(tx)?;
    let (mut done, mut ready) = (Vec::with_capacity(lines.len()), Vec::new());
    for (place, line) in lines.iter().enumerate() {
        let tried = trial.attempt(|trial| {
            let planned = plan(trial, line, None)?;
            let record = planned.record;
            let change = save_act(trial, planned.act, NORMAL, None)?;
            Ok((record, change.is_some()))
        });
        match tried {
            Ok((record, changes)) => {
                done.push(BatchDone { id: Some(record.to_string()), ..BatchDone::default() });
                ready.extend(changes.then(|| Ready { place, line: line.clone(), record }));
            }
            Err(Failure::Refused(e)) => done.push(BatchDone { error: Some(e), ..BatchDone::default() }),
            Err(failure) => return Err(failure),
        }
    }
    Ok((done, ready))
}

fn save_group(store: &Store, ready: Vec<Ready>, priority: u8, done: &mut [BatchDone]) -> Result<()> {
    if ready.is_empty() {
        return Ok(());
    }
    let places: Vec<usize> = ready.iter().map(|r| r.place).collect();
    let work = move |tx: &mut WriteTx<'_>, ready: &Ready, group: GroupRef| {
        let changed = || {
            let message = format!("What line {} is about changed meanwhile. Try again.", ready.place + 1);
            Failure::Refused(WireError::retryable("changed", message))
        };
        save_one(tx, ready, priority, Some(group))?.ok_or_else(changed)
    };
    let saved = group::save(store, ready, work, &|_| true)?;
    for (place, change) in places.into_iter().zip(saved.changes) {
        done[place].change = Some(change.to_string());
    }
    Ok(())
}

fn save_each(store: &Store, ready: Vec<Ready>, priority: u8, done: &mut [BatchDone]) -> Result<()> {
    let places: Vec<usize> = ready.iter().map(|r| r.place).collect();
    let mut slices =
        Slices::new(store, ready, move |tx: &mut WriteTx<'_>, _, ready: &Ready| save_one(tx, ready, priority, None));
    let (saved, failed) = slices.each();
    let failed = failed.map(store_error);
    let mut saved = saved.into_iter();
    for place in places {
        match saved.next() {
            Some(Ok(change)) => done[place].change = change.map(|id| id.to_string()),
            Some(Err(e)) => done[place].error = Some(e),
            // The store failed here: what was saved before stays saved, and each line says how it is with it.
            None => done[place].error = failed.clone(),
        }
    }
    Ok(())
}

fn save_one(
    tx: &mut WriteTx<'_>,
    ready: &Ready,
    priority: u8,
    group: Option<GroupRef>,
) -> std::result::Result<Option<ChangeId>, Failure> {
    let planned = plan(tx, &ready.line, Some(ready.record))?;
    Ok(save_act(tx, planned.act, priority, group)?)
}

/// Plans a line over the records it is shown. `record` = the id a created record was given when the line was tried.
fn plan(tx: &dyn ReplicaTx, line: &BatchLine, record: Option<RecordId>) -> std::result::Result<Planned, Failure> {
    if let Some(why) = &line.unreadable {
        return Err(usage(format!("The line cannot be read: {why}.")).into());
    }
    match line.op.as_str() {
        "set" => {
            let (c, row) = existing(tx, line)?;
            let ops = operations(c, row.id, None, Some(&row), &values(c, &line.fields)?);
            Ok(Planned { act: Act { ops, ..Act::default() }, record: row.id })
        }
        "create" => {
            let c = named_collection(line)?;
            let (key, record) = new_identity(c, line, record)?;
            let ops = operations(c, record, key, None, &values(c, &line.fields)?);
            Ok(Planned { act: Act { ops, ..Act::default() }, record })
        }
        "delete" => {
            let (c, row) = existing(tx, line)?;
            let ops = vec![Op::Delete { collection: c.id, record: row.id }];
            Ok(Planned { act: Act { ops, ..Act::default() }, record: row.id })
        }
        "do" => plan_command(tx, line),
        "" => Err(usage("“op” is missing: set, create, delete or do.").into()),
        other => Err(usage(format!("There is no op “{other}”: set, create, delete and do are.")).into()),
    }
}

fn named_collection(line: &BatchLine) -> Result<&'static Collection> {
    collection(line.collection.as_deref().ok_or_else(|| usage("“collection” is missing."))?)
}

fn existing(tx: &dyn ReplicaTx, line: &BatchLine) -> std::result::Result<(&'static Collection, Row), Failure> {
    let c = named_collection(line)?;
    let named = line.id.as_deref().or(line.key.as_deref()).ok_or_else(|| usage("“id” is missing."))?;
    let id = uuid::Uuid::parse_str(named).map_or_else(|_| RecordId::from_key(c.name, named), RecordId);
    let missing = || WireError::new("not_found", format!("{} “{named}” does not exist on this laptop.", c.label));
    Ok((c, tx.row(c.id, id)?.ok_or_else(missing)?))
}

/// Key and id of a new record. An `id` that is no id is a key.
fn new_identity<'l>(
    c: &Collection,
    line: &'l BatchLine,
    given: Option<RecordId>,
) -> Result<(Option<&'l str>, RecordId)> {
    let id = line.id.as_deref().map(|text| (uuid::Uuid::parse_str(text).ok().map(RecordId), text));
    let key = match (line.key.as_deref(), id) {
        (Some(key), Some((None, text))) if key != text => {
            return Err(WireError::new("invalid", format!("Key “{key}” and id “{text}” differ.")));
        }
        (Some(key), _) | (None, Some((None, key))) => Some(key),
        (None, _) => None,
    };
    let id = id.and_then(|(id, _)| id);
    Ok((
        key,
        match key {
            // An id that does not follow from the key is refused when saved.
            Some(key) => id.unwrap_or_else(|| RecordId::from_key(c.name, key)),
            None => id.or(given).unwrap_or_else(ids::record_id),
        },
    ))
}

fn values(c: &Collection, fields: &BTreeMap<String, Json>) -> Result<Vec<(FieldId, Value)>> {
    let mut out = Vec::with_capacity(fields.len());
    for (name, json) in fields {
        let unknown = || WireError::new("unknown_field", format!("{} have no field “{name}”.", c.plural));
        let field = c.field(name).ok_or_else(unknown)?;
        out.push((field.id, field.from_json(json).map_err(|e| WireError::new("invalid", e.to_string()))?));
    }
    Ok(out)
}

fn plan_command(tx: &dyn ReplicaTx, line: &BatchLine) -> std::result::Result<Planned, Failure> {
    let name = line.command.as_deref().ok_or_else(|| usage("“command” is missing."))?;
    let unknown = || WireError::new("unknown_command", format!("There is no command “{name}”."));
    let command = schema::command_by_name(name).ok_or_else(unknown)?;
    if command.offline == Offline::No {
        let message = format!("“{name}” needs central's answer and cannot be part of a batch.");
        return Err(WireError::new("offline", message).into());
    }
    if let Some(stray) = line.args.keys().find(|a| !command.args.iter().any(|k| k.name == a.as_str())) {
        return Err(usage(format!("{name} has no argument “{stray}”.")).into());
    }
    let text = |json: &Json| json.as_str().map_or_else(|| json.to_string(), str::to_owned);
    let args: BTreeMap<String, String> = line.args.iter().map(|(name, json)| (name.clone(), text(json))).collect();
    let records = Visible::new(tx);
    let planned = (command.plan)(&records, &Args(args.clone()));
    records.take_failure()?;
    let ops = planned.map_err(|refusal| WireError::new(refusal.code, refusal.message))?;
    let record = ops.first().map_or(RecordId::GLOBAL, |op| op.record().1);
    // What central plans is not shown as done here.
    let ops = if command.offline == Offline::Queued { Vec::new() } else { ops };
    Ok(Planned { act: Act { command: command.id, args: args.into_iter().collect(), ops }, record })
}
