//! From what shall go back to the operations that take it back: per record, computed where it is saved, so that it fits
//! what is there then.

use super::older::Older;
use super::steps::{self, Write};
use crate::error::Result;
use crate::transfer::group;
use crate::transfer::writes::{Act, Failure, operations, save_act};
use crate::views;
use omni_model::{Collection, CollectionId, Expected, FieldId, Op, Policy, RecordId, Row, Value, schema};
use omni_protocol::change::{BULK, NORMAL};
use omni_protocol::rpc::{RollbackLine, RolledBack};
use omni_protocol::{ChangeId, DeviceId, GroupRef, WireError};
use omni_store::{Durability, Lane, ReadTx, Store, StoreError, WriteTx};
use omni_sync::undo::{Back, Line, rolled_back, taken_back};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What one change did to so many records is taken back by one change; more are a group.
const ONE_CHANGE_RECORDS_MAX: usize = 100;

type Stored<T> = std::result::Result<T, StoreError>;
/// A record's address.
pub type Key = (CollectionId, RecordId);

/// What shall go back.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// These changes.
    Changes(BTreeSet<ChangeId>),
    /// What was done since the first seq of each record: they go back to what they were before.
    Point,
}

/// One act of taking back.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What.
    pub wanted: Wanted,
    /// The records, newest touched first, and the oldest seq of each that matters.
    pub records: Vec<(Key, u64)>,
    /// Lines that go back though somebody changed them since.
    pub also: BTreeSet<String>,
    /// What central told.
    pub older: Older,
    /// This device.
    pub own: DeviceId,
    /// Records as they were, where central was asked for them.
    pub points: BTreeMap<Key, Option<Row>>,
}

/// What taking back comes to on one record.
#[derive(Debug)]
pub struct Plan {
    key: Key,
    now: Option<Row>,
    back: Back,
    /// The change that is taken back, if it is one alone.
    alone: Option<ChangeId>,
}

impl Ask {
    /// What it comes to on one record, as things are in this transaction.
    pub fn plan(&self, tx: &ReadTx<'_>, key: Key, from: u64) -> Stored<Plan> {
        let none = BTreeSet::new();
        let back = match &self.wanted {
            Wanted::Changes(ids) => ids,
            Wanted::Point => &none,
        };
        let (now, writes) = steps::writes(tx, key, from, back, self.own, &self.older)?;
        let mut alone: Vec<ChangeId> = writes.iter().filter(|w| w.step.back).map(|w| w.change).collect();
        alone.dedup();
        let steps: Vec<_> = writes.iter().map(|w| w.step.clone()).collect();
        let back = match self.wanted {
            Wanted::Changes(_) => taken_back(now.as_ref(), &steps),
            Wanted::Point => {
                let then = self.then(tx, key, &writes)?;
                rolled_back(now.as_ref(), then.as_ref(), &steps, self.own)
            }
        };
        Ok(Plan { key, now, back, alone: alone.pop().filter(|_| alone.is_empty()) })
    }

    /// The record at the point it goes back to.
    fn then(&self, tx: &ReadTx<'_>, key: Key, writes: &[Write]) -> Stored<Option<Row>> {
        if let Some(row) = self.points.get(&key) {
            return Ok(row.clone());
        }
        let commits = writes.iter().filter(|w| w.seq.is_some()).map(|w| &w.step.image);
        Ok(omni_sync::history::rewound(tx.confirmed_row(key.0, key.1)?, commits))
    }
}

impl Plan {
    fn collection(&self) -> Option<&'static Collection> {
        schema::by_id(self.key.0)
    }

    /// `collection/record/field`.
    fn address(&self, c: &Collection, field: FieldId) -> String {
        let name = c.field_by_id(field).map_or("*", |f| f.name);
        format!("{}/{}/{name}", c.name, self.key.1)
    }

    fn chosen(&self, line: &Line, also: &BTreeSet<String>) -> bool {
        line.later.is_none() || self.collection().is_some_and(|c| also.contains(&self.address(c, line.field)))
    }

    /// Lines that stay as they are because somebody wrote them since.
    pub fn left(&self, also: &BTreeSet<String>) -> u64 {
        self.back.lines.iter().filter(|l| !self.chosen(l, also)).count() as u64
    }

    /// The lines for people.
    pub fn lines(&self, tx: &ReadTx<'_>) -> Stored<Vec<RollbackLine>> {
        let Some(c) = self.collection() else { return Ok(Vec::new()) };
        let row = self.now.as_ref().or(self.back.restored.as_ref());
        let title = row.map_or_else(|| self.key.1.to_string(), |row| views::title_of(c, row));
        let mut out = Vec::new();
        for line in &self.back.lines {
            let later_by = match line.later {
                Some(device) => tx.device(device)?.map(|d| format!("{} ({})", d.operator, d.name)),
                None => None,
            };
            let field = c.field_by_id(line.field);
            let json = |v: &Value| match field {
                Some(f) => f.to_json(v),
                None if v.is_null() => serde_json::Value::Null,
                None => title.as_str().into(),
            };
            out.push(RollbackLine {
                address: self.address(c, line.field),
                collection: c.name.into(),
                record: self.key.1.to_string(),
                title: title.clone(),
                field: field.map_or("*", |f| f.name).into(),
                label: field.map_or(c.label, |f| f.label).into(),
                now: json(&line.now),
                then: json(&line.then),
                later: line.later.is_some(),
                later_by,
            });
        }
        Ok(out)
    }

    /// The operations. An only change is taken back as such: central judges it field by field. What several changes did,
    /// and what was chosen though somebody wrote it since, is written anew.
    pub fn ops(&self, also: &BTreeSet<String>) -> Vec<Op> {
        let Some(c) = self.collection() else { return Vec::new() };
        let (forced, plain): (Vec<&Line>, Vec<&Line>) =
            self.back.lines.iter().filter(|l| self.chosen(l, also)).partition(|l| l.later.is_some());
        let mut ops = Vec::new();
        match self.alone {
            Some(change) if !plain.is_empty() => ops.push(self.undo(change, &plain)),
            _ => ops.extend(self.written(c, &plain)),
        }
        ops.extend(self.written(c, &forced));
        ops
    }

    fn undo(&self, change: ChangeId, lines: &[&Line]) -> Op {
        let values = |row: &Row| row.fields.iter().map(|(f, v)| (*f, v.clone())).collect();
        let whole = lines.iter().find(|l| l.field == FieldId::RECORD);
        let expects = match (whole, &self.back.restored) {
            (Some(line), _) if line.then.is_null() => Expected::Gone,
            (Some(_), Some(row)) => Expected::Values(values(row)),
            _ => Expected::Values(lines.iter().map(|l| (l.field, l.then.clone())).collect()),
        };
        Op::Undo { collection: self.key.0, record: self.key.1, change, expects }
    }

    fn written(&self, c: &Collection, lines: &[&Line]) -> Vec<Op> {
        let (collection, record) = self.key;
        let mut ops = Vec::new();
        if let Some(whole) = lines.iter().find(|l| l.field == FieldId::RECORD) {
            match &self.back.restored {
                _ if whole.then.is_null() => return vec![Op::Delete { collection, record }],
                Some(row) => {
                    let values: Vec<_> = row.fields.iter().map(|(f, v)| (*f, v.clone())).collect();
                    ops.extend(operations(c, record, row.key.as_deref(), None, &values));
                }
                None => {}
            }
        }
        let fields = lines.iter().filter(|l| l.field != FieldId::RECORD);
        let values: Vec<_> = fields.filter(|l| goes_back(c, l)).map(|l| (l.field, l.then.clone())).collect();
        if let Some(now) = self.now.as_ref().filter(|_| !values.is_empty()) {
            ops.extend(operations(c, record, None, Some(now), &values));
        }
        ops
    }
}

/// What only grows or shrinks cannot be written back.
fn goes_back(c: &Collection, line: &Line) -> bool {
    !matches!(c.field_by_id(line.field).map(|f| f.policy), Some(Policy::Max | Policy::Min))
}

/// Nothing is left to take back.
pub fn offered() -> WireError {
    WireError::new("offered", "Somebody changed all of it since. Look at the preview and choose what shall go back.")
}

fn moved() -> WireError {
    WireError::retryable("busy", "Something changed meanwhile. Look at the preview again.")
}

/// What was saved.
#[derive(Debug, Default)]
pub struct Saved {
    /// The compensating changes.
    pub changes: Vec<ChangeId>,
    /// Their group, if there are several.
    pub group: Option<String>,
    /// Lines left alone.
    pub left: u64,
}

/// Takes back: one change as one change, several record by record as a group. Blocks.
///
/// Errors: `offered` if nothing can be taken back, and what saving refuses; nothing is saved then.
pub fn save(store: &Store, ask: Ask) -> Result<Saved> {
    let ask = Arc::new(ask);
    let (doing, left) = planned(store, &ask)?;
    let mut saved = Saved { left, ..Saved::default() };
    let one_act = match &ask.wanted {
        Wanted::Changes(ids) => ids.len() == 1 && doing.len() <= ONE_CHANGE_RECORDS_MAX,
        Wanted::Point => true,
    };
    match (doing.len(), one_act) {
        (0, _) if left > 0 => return Err(offered()),
        (0, _) => return Err(WireError::new("unchanged", "It is like that already.")),
        (1, _) | (_, true) => {
            let work = move |tx: &mut WriteTx<'_>| one_change(tx, &ask, &doing, NORMAL, None);
            saved.changes.push(store.write(Lane::Interactive, Durability::Full, work).map_err(WireError::from)?);
        }
        _ => {
            let work = move |tx: &mut WriteTx<'_>, item: &(Key, u64), group| {
                one_change(tx, &ask, std::slice::from_ref(item), BULK, Some(group))
            };
            let done = group::save(store, doing, work, &|_| true)?;
            (saved.changes, saved.group) = (done.changes, Some(done.id.to_string()));
        }
    }
    Ok(saved)
}

/// The records something is to be done about, and the lines that are left alone.
fn planned(store: &Store, ask: &Ask) -> Result<(Vec<(Key, u64)>, u64)> {
    let plans = store.read(|tx| {
        let plan = |(key, from): &(Key, u64)| Ok((*key, *from, ask.plan(tx, *key, *from)?));
        ask.records.iter().map(plan).collect::<Stored<Vec<_>>>()
    });
    let (mut doing, mut left) = (Vec::new(), 0);
    for (key, from, plan) in plans.map_err(crate::error::store_error)? {
        left += plan.left(&ask.also);
        if !plan.ops(&ask.also).is_empty() {
            doing.push((key, from));
        }
    }
    Ok((doing, left))
}

/// Takes records back in one change, as things are in this transaction.
fn one_change(
    tx: &mut WriteTx<'_>,
    ask: &Ask,
    records: &[(Key, u64)],
    priority: u8,
    group: Option<GroupRef>,
) -> std::result::Result<ChangeId, Failure> {
    let mut ops = Vec::new();
    for (key, from) in records {
        ops.extend(ask.plan(&tx.read()?, *key, *from)?.ops(&ask.also));
    }
    save_act(tx, Act { ops, ..Act::default() }, priority, group)?.ok_or_else(|| moved().into())
}

/// As the reply of `rollback`.
pub fn reply(saved: Saved, discarded: u64) -> RolledBack {
    RolledBack {
        changes: saved.changes.iter().map(ToString::to_string).collect(),
        group: saved.group,
        discarded,
        left: saved.left,
    }
}
