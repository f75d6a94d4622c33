//! The whole file against the replica, before anything is saved: every row goes through `local::save` on a trial copy.

use super::draft::{Content, Draft, Drafter, Drafts};
use super::import::{ImportOptions, Progress, cancelled};
use super::order::{links, parents_first};
use super::report::RowError;
use super::source::Source;
use super::trial::Trial;
use super::writes::{Act, operations, save_act};
use crate::error::{Result, store_error};
use omni_model::field::TEXT_BYTES_MAX;
use omni_model::{Collection, FieldId, Op, RecordId, Row, schema};
use omni_protocol::change::BULK;
use omni_store::ReadTx;
use omni_sync::StorageError;
use omni_sync::replica::{EditError, ReplicaTx};
use std::collections::{BTreeSet, HashSet};

/// Rows between two looks at whether to go on.
const LOOK_ROWS: usize = 512;

/// A row that is going to be saved.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub draft: Draft,
    pub creates: bool,
}

/// The verdict on a file.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub rows: u32,
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub errors: Vec<RowError>,
    pub notes: Vec<String>,
    /// Good rows that change something, parents first.
    pub members: Vec<Member>,
}

/// Reads and checks the file over one view of the replica.
pub(super) fn check(
    tx: &ReadTx<'_>,
    c: &'static Collection,
    source: Source,
    options: &ImportOptions,
    progress: Progress<'_>,
) -> Result<Checked> {
    let mut drafter = Drafter::new(c, &options.map)?;
    source.rows(c, &mut |row| {
        if (row.number as usize).is_multiple_of(LOOK_ROWS) && !progress(0, 0) {
            return Err(cancelled());
        }
        drafter.row(row);
        Ok(())
    })?;
    drop(source);
    let mut all = drafter.finish()?;
    let mut out = Checked { rows: all.rows, notes: std::mem::take(&mut all.notes), ..Checked::default() };
    let drafts = std::mem::take(&mut all.drafts);
    let order = parents_first(c, &drafts);
    let mut drafts: Vec<Option<Draft>> = drafts.into_iter().map(Some).collect();
    let trial = Trial::new(tx).map_err(store_error)?;
    let mut checker = Checker { c, trial, all, bad: HashSet::new() };
    for (n, place) in order.into_iter().enumerate() {
        if n % LOOK_ROWS == 0 && !progress(if options.dry_run { n as u64 } else { 0 }, out.rows.into()) {
            return Err(cancelled());
        }
        let Some(draft) = drafts[place].take() else { continue };
        match checker.row(&draft).map_err(|e| store_error(e.into()))? {
            Verdict::Bad => {
                checker.bad.insert(draft.row);
            }
            Verdict::Unchanged => out.unchanged += 1,
            Verdict::Changes { creates } => {
                *(if creates { &mut out.created } else { &mut out.updated }) += 1;
                if !options.dry_run {
                    out.members.push(Member { draft, creates });
                }
            }
        }
    }
    let (errors, notes) = checker.all.found.give_out();
    out.errors = errors;
    out.notes.extend(notes);
    Ok(out)
}

/// What a row comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    Changes { creates: bool },
    Unchanged,
    Bad,
}

struct Checker<'t, 'c> {
    c: &'static Collection,
    trial: Trial<'t, 'c>,
    all: Drafts,
    /// Rows with errors, as far as checked.
    bad: HashSet<u32>,
}

impl Checker<'_, '_> {
    fn row(&mut self, draft: &Draft) -> Result<Verdict, StorageError> {
        let content = draft.content();
        let before = self.trial.row(self.c.id, draft.record)?;
        let creates = before.is_none();
        let ops = operations(self.c, draft.record, content.key.as_deref(), before.as_ref(), &content.values);
        let mut bad = self.all.unread.contains_key(&draft.row);
        if let Some(problem) = bad_identity(draft.record, content.key.as_deref()).filter(|_| creates) {
            self.all.found.error(draft.row, "key", problem);
            bad = true;
        }
        let mut refused = None;
        if !bad {
            let act = Act { ops: ops.clone(), ..Act::default() };
            match self.trial.attempt(|trial| save_act(trial, act, BULK, None)) {
                Ok(Some(_)) => return Ok(Verdict::Changes { creates }),
                Ok(None) => return Ok(Verdict::Unchanged),
                Err(EditError::Storage(e)) => return Err(e),
                Err(EditError::Refused { message, .. }) => refused = Some(message),
            }
        }
        let named = self.explain(draft, &content, before, &ops)?;
        if let Some(message) = refused.filter(|_| !named) {
            self.all.found.error(draft.row, "record", message);
        }
        Ok(Verdict::Bad)
    }

    /// Names every problem of a bad row, where saving stops at the first kind. `false` = it found none.
    fn explain(
        &mut self,
        draft: &Draft,
        content: &Content,
        before: Option<Row>,
        ops: &[Op],
    ) -> Result<bool, StorageError> {
        let row = draft.row;
        let creates = before.is_none();
        let written: BTreeSet<FieldId> = ops.iter().flat_map(Op::fields).collect();
        let unread: Vec<FieldId> = self.all.unread.get(&row).cloned().unwrap_or_default();
        let mut wanted = before.unwrap_or_else(|| Row::new(self.c.id, draft.record));
        content.values.iter().for_each(|(f, v)| wanted.set(*f, v.clone()));
        let mut named = false;
        for e in self.c.check(&wanted) {
            let rule = self.c.rules.iter().any(|r| r.name == e.field);
            let concerns = match self.c.field(&e.field).filter(|_| !rule) {
                // A rule over values that could not be read says nothing.
                None => unread.is_empty(),
                Some(f) => !unread.contains(&f.id) && (creates || written.contains(&f.id)),
            };
            if concerns {
                self.all.found.field(row, e);
                named = true;
            }
        }
        for (id, value) in content.values.iter().filter(|(f, _)| creates || written.contains(f)) {
            let Some(field) = self.c.field_by_id(*id) else { continue };
            let Some(target) = field.target().and_then(schema::by_name) else { continue };
            for link in links(value) {
                if self.trial.row(target.id, link)?.is_none() {
                    let message = self.missing_link(row, target, link);
                    self.all.found.error(row, field.name, message);
                    named = true;
                }
            }
        }
        Ok(named)
    }

    fn missing_link(&self, row: u32, target: &Collection, link: RecordId) -> String {
        let other = self.all.row_of.get(&link).filter(|_| target.id == self.c.id);
        match other {
            Some(other) if *other == row => "The row refers to itself.".to_owned(),
            Some(other) if self.bad.contains(other) => format!("Row {other}, which it refers to, has errors."),
            Some(other) => format!("Row {other}, which it refers to, refers back to it."),
            None => {
                let word = self.all.link_words.get(&link).map_or_else(|| link.to_string(), |w| w.to_string());
                format!("There is no {} “{word}”.", target.label.to_lowercase())
            }
        }
    }
}

/// Why a record of this identity cannot be made.
fn bad_identity(record: RecordId, key: Option<&str>) -> Option<&'static str> {
    let Some(key) = key else {
        let of_key = record.0.get_version_num() == 5;
        return of_key.then_some("No record has this id. To make it, its key is needed.");
    };
    if uuid::Uuid::parse_str(key).is_ok() {
        return Some("A key cannot look like a record id.");
    }
    if key.trim() != key || key.chars().any(char::is_control) {
        return Some("A key has no spaces around it and no control characters.");
    }
    (key.len() > TEXT_BYTES_MAX).then_some("The key is too long.")
}
