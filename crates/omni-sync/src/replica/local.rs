//! An operator's edit on the laptop: checked over what they see, shown at once, saved with its outbox entry in one
//! transaction.

use super::overlay::{self, Visible};
use super::texts;
use super::tx::{OutboxEntry, OutboxState, ReplicaTx};
use crate::storage::StorageError;
use omni_model::records::{circle, circle_fields, circle_message, owner_of};
use omni_model::{CollectionId, FieldError, FieldId, Offline, Op, Policy, RecordId, Row, Value, schema};
use omni_protocol::limits::{CHANGE_BYTES_MAX, CHANGE_OPS_MAX};
use omni_protocol::{Base, Change, ChangeId, EditTime, GroupRef};
use std::collections::{BTreeMap, BTreeSet};

/// What the operator wants, with the identity and time the caller took for it.
#[derive(Clone, Debug)]
pub struct Intent {
    /// Fresh UUIDv7.
    pub id: ChangeId,
    /// When it is made.
    pub time: EditTime,
    /// Command number; 0 = plain edit.
    pub command: u16,
    /// Arguments of the command, by name.
    pub args: Vec<(String, String)>,
    /// Operations; for a command, those its plan made (empty for a queued one).
    pub ops: Vec<Op>,
    /// 1 emergency, 2 normal, 3 bulk.
    pub priority: u8,
    /// The larger act it belongs to.
    pub group: Option<GroupRef>,
}

/// Why an edit was not saved. Nothing happened.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The medium failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A value, rule or precondition does not hold. `code` is stable.
    #[error("{message}")]
    Refused {
        /// Stable word: `invalid`, `not_found`, `exists`, `unknown_link`, `in_use`, `circle`, `too_large`, …
        code: &'static str,
        /// A sentence for the operator.
        message: String,
        /// Problems by field, if that is the reason.
        fields: Vec<FieldError>,
    },
}

pub(super) fn refuse<T>(code: &'static str, message: impl Into<String>) -> Result<T, EditError> {
    Err(EditError::Refused { code, message: message.into(), fields: Vec::new() })
}

/// Saves an edit. Returns the saved entry, or `None` if it changes nothing that is visible.
pub fn save(tx: &mut dyn ReplicaTx, intent: Intent) -> Result<Option<OutboxEntry>, EditError> {
    let meta = tx.meta()?;
    let queued = schema::command_by_id(intent.command).is_some_and(|c| c.offline == Offline::Queued);
    let base = Base { epoch: meta.position.epoch, seq: meta.position.seq };
    let ops = match intent.command {
        0 => effective_ops(tx, texts::typed(tx, intent.ops, base)?)?,
        _ => intent.ops,
    };
    if ops.is_empty() && !queued {
        return Ok(None);
    }
    if ops.len() > CHANGE_OPS_MAX {
        return refuse("too_large", format!("{} operations in one change; at most {CHANGE_OPS_MAX} fit.", ops.len()));
    }
    let was = values_before(tx, &ops)?;
    apply_checked(tx, &ops, &was)?;
    let change = Change {
        id: intent.id,
        base,
        command: intent.command,
        version: schema::command_by_id(intent.command).map_or(0, |c| c.version),
        schema: schema::SCHEMA_VERSION,
        args: intent.args,
        ops,
        after: Vec::new(),
        time: intent.time,
        priority: intent.priority,
        group: intent.group,
        was,
    };
    if texts::wire_bytes(&change).len() > CHANGE_BYTES_MAX {
        return refuse("too_large", format!("The change is larger than {CHANGE_BYTES_MAX} bytes. Split it."));
    }
    let mut entry = OutboxEntry::waiting(change);
    entry.local_no = tx.outbox_insert(&entry)?;
    Ok(Some(entry))
}

/// Drops sets that change nothing or are set again in the same edit, and completes merge groups: a group is written
/// whole, as the author sees it.
fn effective_ops(tx: &dyn ReplicaTx, ops: Vec<Op>) -> Result<Vec<Op>, EditError> {
    let mut out: Vec<Op> = Vec::with_capacity(ops.len());
    let mut completed: BTreeSet<(RecordId, &'static str)> = BTreeSet::new();
    let mut last: BTreeMap<(RecordId, FieldId), usize> = BTreeMap::new();
    let mut made_anew: BTreeSet<RecordId> = BTreeSet::new();
    for (at, op) in ops.iter().enumerate() {
        match op {
            Op::Set { record, field, .. } => {
                last.insert((*record, *field), at);
            }
            Op::Insert { record, .. } | Op::Delete { record, .. } => {
                made_anew.insert(*record);
            }
            _ => {}
        }
    }
    for (at, op) in ops.iter().enumerate() {
        let Op::Set { collection, record, field, value } = op else {
            out.push(op.clone());
            continue;
        };
        if last.get(&(*record, *field)) != Some(&at) {
            continue;
        }
        // What the edit itself creates or deletes cannot be compared with what is visible before it.
        let row = tx.row(*collection, *record)?.filter(|_| !made_anew.contains(record));
        let unchanged = row.as_ref().is_some_and(|r| r.get(*field) == value);
        let group = schema::by_id(*collection).and_then(|c| c.field_by_id(*field)).and_then(|f| f.group);
        match (group, row) {
            (None, _) if !unchanged => out.push(op.clone()),
            (None, _) => {}
            (Some(group), Some(row)) if completed.insert((*record, group)) => {
                out.extend(whole_group(&ops, *collection, *record, group, &row));
            }
            (Some(_), Some(_)) => {}
            (Some(_), None) => out.push(op.clone()),
        }
    }
    Ok(out)
}

/// All fields of a group: written values where the edit has them, seen values elsewhere. Empty if nothing changes.
fn whole_group(ops: &[Op], c: CollectionId, record: RecordId, group: &'static str, row: &Row) -> Vec<Op> {
    let Some(collection) = schema::by_id(c) else { return Vec::new() };
    let written = |field: FieldId| {
        ops.iter().rev().find_map(|op| match op {
            Op::Set { collection, record: r, field: f, value } if (*collection, *r, *f) == (c, record, field) => {
                Some(value.clone())
            }
            _ => None,
        })
    };
    let values: Vec<(FieldId, Value)> =
        collection.group(group).map(|f| (f.id, written(f.id).unwrap_or_else(|| row.get(f.id).clone()))).collect();
    if values.iter().all(|(f, v)| row.get(*f) == v) {
        return Vec::new();
    }
    values.into_iter().map(|(field, value)| Op::Set { collection: c, record, field, value }).collect()
}

fn values_before(tx: &dyn ReplicaTx, ops: &[Op]) -> Result<Vec<Value>, StorageError> {
    ops.iter()
        .map(|op| match op {
            Op::Set { collection, record, field, .. } | Op::Text { collection, record, field, .. } => {
                Ok(tx.row(*collection, *record)?.map(|r| r.get(*field).clone()).unwrap_or_default())
            }
            _ => Ok(Value::Null),
        })
        .collect()
}

/// Applies the operations to the visible rows, keeping the confirmed state of each record touched first, and checks
/// every record they leave.
fn apply_checked(tx: &mut dyn ReplicaTx, ops: &[Op], was: &[Value]) -> Result<(), EditError> {
    let touched: BTreeSet<(CollectionId, RecordId)> = ops.iter().map(Op::record).collect();
    for (c, id) in &touched {
        let before = tx.row(*c, *id)?;
        if tx.confirmed(*c, *id)?.is_none() {
            tx.put_confirmed(*c, *id, before.as_ref())?;
        }
        let mut row = before.clone();
        for (op, was) in ops.iter().zip(was).filter(|(op, _)| op.record() == (*c, *id)) {
            check_op(op, row.as_ref())?;
            overlay::apply_op(&mut row, op, was);
        }
        match &mut row {
            Some(row) => {
                settle_owner(tx, row)?;
                tx.put_row(row, None)?;
            }
            None => tx.remove_row(*c, *id)?,
        }
    }
    for (c, id) in &touched {
        match tx.row(*c, *id)? {
            Some(row) => check_row(tx, &row, ops)?,
            None => check_unlinked(tx, *c, *id)?,
        }
    }
    Ok(())
}

fn settle_owner(tx: &dyn ReplicaTx, row: &mut Row) -> Result<(), EditError> {
    let Some(collection) = schema::by_id(row.collection) else { return Ok(()) };
    let visible = Visible::new(tx);
    let owner = owner_of(collection, row, &visible);
    visible.take_failure()?;
    match owner {
        Some(owner) => row.owner = owner,
        None => {
            return refuse(
                "unknown_link",
                format!("What this {} belongs to does not exist here.", collection.label.to_lowercase()),
            );
        }
    }
    Ok(())
}

fn check_op(op: &Op, row: Option<&Row>) -> Result<(), EditError> {
    let (c, id) = op.record();
    let Some(collection) = schema::by_id(c) else { return refuse("unknown_collection", "No such collection.") };
    let label = collection.label.to_lowercase();
    match (op, row) {
        (Op::Insert { .. }, Some(_)) => return refuse("exists", format!("This {label} exists already.")),
        (Op::Insert { key: Some(key), .. }, None) if RecordId::from_key(collection.name, key) != id => {
            return refuse("invalid", "The record's id does not follow from its key.");
        }
        (Op::Insert { .. }, None) => {}
        // A decision or an undo may bring a deleted record back.
        (Op::Resolve { .. } | Op::Undo { .. }, None) => {}
        (_, None) => return refuse("not_found", format!("This {label} does not exist.")),
        _ => {}
    }
    for field in op.fields() {
        let Some(f) = collection.field_by_id(field) else { return refuse("unknown_field", "No such field.") };
        let fits = match op {
            Op::Set { .. } => !matches!(f.policy, Policy::Counter | Policy::Set),
            Op::Add { .. } => f.policy == Policy::Counter,
            Op::Include { .. } | Op::Exclude { .. } => f.policy == Policy::Set,
            Op::Text { .. } => f.policy == Policy::Text,
            Op::Insert { .. } | Op::Delete { .. } | Op::Resolve { .. } | Op::Undo { .. } => true,
        };
        if !fits {
            return refuse("bad_operation", format!("{} cannot be written like this.", f.label));
        }
    }
    Ok(())
}

/// Types, rules, links; uniqueness is central's to judge, but a clash seen here is refused here.
fn check_row(tx: &dyn ReplicaTx, row: &Row, ops: &[Op]) -> Result<(), EditError> {
    let Some(collection) = schema::by_id(row.collection) else { return Ok(()) };
    let mine: Vec<&Op> = ops.iter().filter(|op| op.record() == (row.collection, row.id)).collect();
    let created = mine.iter().any(|op| op.creates());
    let written: BTreeSet<FieldId> = mine.iter().flat_map(|op| op.fields()).collect();
    // A rule may be named like a field: it concerns the whole record all the same.
    let concerns = |e: &FieldError| {
        let rule = collection.rules.iter().any(|r| r.name == e.field);
        collection.field(&e.field).filter(|_| !rule).is_none_or(|f| created || written.contains(&f.id))
    };
    let errors: Vec<FieldError> = collection.check(row).into_iter().filter(concerns).collect();
    if let Some(first) = errors.first() {
        return Err(EditError::Refused { code: "invalid", message: first.to_string(), fields: errors });
    }
    if circle_fields(collection).any(|field| created || written.contains(&field)) {
        let visible = Visible::new(tx);
        let way = circle(collection, row, &visible);
        visible.take_failure()?;
        if let Some(way) = way {
            return refuse("circle", circle_message(collection, &way, &visible));
        }
    }
    for id in written {
        let Some(field) = collection.field_by_id(id) else { continue };
        let Some(target) = field.target().and_then(schema::by_name) else { continue };
        let links: Vec<RecordId> = match row.get(id) {
            Value::Id(id) => vec![*id],
            Value::Set(items) => items.iter().filter_map(|i| uuid::Uuid::parse_str(i).ok().map(RecordId)).collect(),
            _ => Vec::new(),
        };
        for link in links {
            if tx.row(target.id, link)?.is_none() {
                let label = target.label.to_lowercase();
                return refuse("unknown_link", format!("{}: this {label} does not exist here.", field.label));
            }
        }
    }
    Ok(())
}

fn check_unlinked(tx: &dyn ReplicaTx, c: CollectionId, id: RecordId) -> Result<(), EditError> {
    let Some(target) = schema::by_id(c) else { return Ok(()) };
    for collection in schema::COLLECTIONS {
        for field in collection.fields.iter().filter(|f| f.ty == omni_model::FieldType::Ref(target.name)) {
            let n = tx.linked(collection.id, field.id, id)?.into_iter().filter(|l| *l != id).count();
            if n > 0 {
                let plural = collection.plural.to_lowercase();
                return refuse("in_use", format!("{n} {plural} still belong to it. Move or delete them first."));
            }
        }
    }
    Ok(())
}

/// Why a change cannot be taken back.
pub const SEALED_MESSAGE: &str = "This edit is on its way; wait for central's answer, then change it again.";

/// Sealed before under an earlier identity and not answered: it may be in effect on central already, so it is answered
/// first like any sealed change.
fn was_sent(entry: &OutboxEntry) -> bool {
    entry.state == OutboxState::Unsealed && entry.attempts > 0
}

/// Takes a change out of the queue: an unsealed one, or one central refused. It stays restorable.
pub fn discard(tx: &mut dyn ReplicaTx, id: ChangeId) -> Result<(), EditError> {
    let Some(mut entry) = tx.outbox_get(id)? else { return refuse("not_found", "This change is not in the queue.") };
    if !matches!(entry.state, OutboxState::Unsealed | OutboxState::Rejected | OutboxState::Held) || was_sent(&entry) {
        return refuse("sealed", SEALED_MESSAGE);
    }
    let was_visible = entry.state.in_overlay();
    entry.state = OutboxState::Discarded;
    tx.outbox_update(&entry)?;
    if was_visible {
        rebuild_all(tx, &entry.change)?;
    }
    Ok(())
}

/// Puts a discarded change that was never sent back into the queue, in its old place and under its own id.
pub fn restore(tx: &mut dyn ReplicaTx, id: ChangeId) -> Result<(), EditError> {
    let Some(mut entry) = tx.outbox_get(id)? else { return refuse("not_found", "This change is not in the queue.") };
    if entry.state != OutboxState::Discarded || entry.counter.is_some() || entry.attempts > 0 {
        return refuse("sealed", "This change was sent before it was discarded. Make it again.");
    }
    if texts::typed_over(tx, &entry)? {
        return refuse("moved", "The text was edited again since. Make the change again.");
    }
    entry.state = OutboxState::Unsealed;
    entry.blocked = false;
    let touched: BTreeSet<(CollectionId, RecordId)> = entry.change.ops.iter().map(Op::record).collect();
    for (c, id) in &touched {
        if tx.confirmed(*c, *id)?.is_none() {
            let row = tx.row(*c, *id)?;
            tx.put_confirmed(*c, *id, row.as_ref())?;
        }
    }
    tx.outbox_update(&entry)?;
    rebuild_all(tx, &entry.change)?;
    if tx.outbox_get(id)?.is_some_and(|e| e.blocked) {
        return refuse("blocked", "What it changed is not as it was. Make the change again.");
    }
    Ok(())
}

/// The operations of a discarded or refused change, to be saved again under a new id.
pub fn take_for_reissue(tx: &mut dyn ReplicaTx, id: ChangeId) -> Result<Change, EditError> {
    let Some(entry) = tx.outbox_get(id)? else { return refuse("not_found", "This change is not in the queue.") };
    if !matches!(
        entry.state,
        OutboxState::Unsealed | OutboxState::Rejected | OutboxState::Held | OutboxState::Discarded
    ) || was_sent(&entry)
    {
        return refuse("sealed", SEALED_MESSAGE);
    }
    tx.outbox_remove(id)?;
    rebuild_all(tx, &entry.change)?;
    let mut change = entry.change;
    texts::renewed(tx, &mut change)?;
    Ok(change)
}

/// Makes the visible rows of every record a change touches anew.
pub fn rebuild_all(tx: &mut dyn ReplicaTx, change: &Change) -> Result<(), StorageError> {
    let touched: BTreeSet<(CollectionId, RecordId)> = change.ops.iter().map(Op::record).collect();
    touched.into_iter().try_for_each(|(c, id)| overlay::rebuild(tx, c, id, None))
}
