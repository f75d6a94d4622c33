//! Operators' edits: from names and texts to operations, saved with their outbox entry. Durable when saved.

use crate::error::{Result, edit_error, internal};
use crate::sync::measure::Measures;
use crate::text::TextEditing;
use crate::{clock, ids};
use omni_model::{Args, Collection, Command, Field, FieldId, Offline, Op, Policy, RecordId, Row, Value, schema};
use omni_protocol::change::{EMERGENCY, NORMAL};
use omni_protocol::rpc::{ChangeMade, TextArgs};
use omni_protocol::{ChangeId, GroupRef, WireError};
use omni_store::{Durability, Lane, Store, StoreError, WriteTx};
use omni_sync::replica::overlay::Visible;
use omni_sync::replica::{
    EditError, Intent, OutboxState, ReplicaTx, discard, save as save_intent, seal_lone, take_for_reissue,
};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What an operator wants done.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    /// The act.
    pub act: Act,
    /// 1 emergency, 2 normal, 3 bulk; 2 if not said.
    pub priority: Option<u8>,
    /// The larger act it belongs to.
    pub group: Option<GroupRef>,
}

/// One act.
#[derive(Clone, Debug, Default)]
pub enum Act {
    /// Writes fields of a record.
    Set {
        /// Its collection.
        collection: String,
        /// Its id or key.
        id: String,
        /// What is written.
        fields: Fields,
    },
    /// Makes a record.
    Create {
        /// Its collection.
        collection: String,
        /// Its immutable key, if it gets one.
        key: Option<String>,
        /// Its values.
        fields: Fields,
    },
    /// Edits a text.
    Text(TextArgs),
    /// Deletes a record.
    Delete {
        /// Its collection.
        collection: String,
        /// Its id or key.
        id: String,
    },
    /// Runs a domain command.
    Do {
        /// Its name.
        command: String,
        /// Its arguments.
        args: BTreeMap<String, String>,
    },
    /// Nothing.
    #[default]
    Nothing,
}

/// Field values as they were given.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// As JSON.
    pub json: BTreeMap<String, Json>,
    /// As typed.
    pub texts: BTreeMap<String, String>,
    /// Added to a set or counter.
    pub add: BTreeMap<String, String>,
    /// Taken out of a set, subtracted from a counter.
    pub remove: BTreeMap<String, String>,
}

/// The collection of this name.
///
/// Errors: `unknown_collection`.
pub fn collection(name: &str) -> Result<&'static Collection> {
    schema::by_name(name)
        .ok_or_else(|| WireError::new("unknown_collection", format!("There is no collection “{name}”.")))
}

/// The record a person names: its id or its key.
pub fn record_id(collection: &Collection, text: &str) -> RecordId {
    uuid::Uuid::parse_str(text).map_or_else(|_| RecordId::from_key(collection.name, text), RecordId)
}

pub(crate) fn invalid(e: impl std::fmt::Display) -> WireError {
    WireError::new("invalid", e.to_string())
}

pub(crate) fn field(collection: &Collection, name: &str) -> Result<&'static Field> {
    collection
        .field(name)
        .ok_or_else(|| WireError::new("unknown_field", format!("{} have no field “{name}”.", collection.plural)))
}

impl Fields {
    /// Values to be written whole, by field.
    fn values(&self, c: &Collection) -> Result<BTreeMap<FieldId, Value>> {
        let mut out = BTreeMap::new();
        for (name, json) in &self.json {
            let f = field(c, name)?;
            out.insert(f.id, f.from_json(json).map_err(invalid)?);
        }
        for (name, text) in &self.texts {
            let f = field(c, name)?;
            out.insert(f.id, f.parse(text).map_err(invalid)?);
        }
        Ok(out)
    }

    /// Operations on a record as it is now. A set or counter written whole becomes what was added and taken out, so that
    /// it merges with what others do to it.
    fn operations(&self, c: &Collection, row: &Row) -> Result<Vec<Op>> {
        let (collection, record) = (c.id, row.id);
        let mut ops = Vec::new();
        for (field, value) in self.values(c)? {
            let policy = c.field_by_id(field).map(|f| f.policy);
            match policy {
                Some(Policy::Set) => ops.extend(set_difference(c, row, field, &value)),
                Some(Policy::Counter) => {
                    let by = value.as_int().unwrap_or(0) - row.get(field).as_int().unwrap_or(0);
                    ops.extend((by != 0).then_some(Op::Add { collection, record, field, by }));
                }
                _ => ops.push(Op::Set { collection, record, field, value }),
            }
        }
        for (name, text) in &self.add {
            ops.extend(relative(c, record, field(c, name)?, text, true)?);
        }
        for (name, text) in &self.remove {
            ops.extend(relative(c, record, field(c, name)?, text, false)?);
        }
        Ok(ops)
    }
}

fn set_difference(c: &Collection, row: &Row, field: FieldId, value: &Value) -> Vec<Op> {
    let (collection, record) = (c.id, row.id);
    let (old, new) = (row.get(field).as_set().unwrap_or_default(), value.as_set().unwrap_or_default());
    let gone = old.difference(&new).map(|item| Op::Exclude { collection, record, field, item: item.clone() });
    let added = new.difference(&old).map(|item| Op::Include { collection, record, field, item: item.clone() });
    gone.chain(added).collect()
}

/// `f+=v` and `f-=v`.
fn relative(c: &Collection, record: RecordId, f: &Field, text: &str, add: bool) -> Result<Vec<Op>> {
    let (collection, field, value) = (c.id, f.id, f.parse(text).map_err(invalid)?);
    match (f.policy, value) {
        (Policy::Counter, Value::Int(n)) => {
            Ok(vec![Op::Add { collection, record, field, by: if add { n } else { -n } }])
        }
        (Policy::Set, Value::Set(items)) => Ok(items
            .into_iter()
            .map(|item| match add {
                true => Op::Include { collection, record, field, item },
                false => Op::Exclude { collection, record, field, item },
            })
            .collect()),
        _ => {
            let message = format!("{}: only sets and counters take += and -=.", f.label);
            Err(WireError::new("bad_operation", message))
        }
    }
}

/// What an act comes to on the rows of this transaction.
struct Plan {
    command: u16,
    args: Vec<(String, String)>,
    ops: Vec<Op>,
    record: RecordId,
}

fn plain(ops: Vec<Op>, record: RecordId) -> Plan {
    Plan { command: 0, args: Vec::new(), ops, record }
}

/// An edit that cannot be planned, or was refused when saved.
#[derive(Debug)]
pub enum NotSaved {
    /// By the plan.
    Plan(WireError),
    /// By the core.
    Edit(EditError),
}

impl From<StoreError> for NotSaved {
    fn from(error: StoreError) -> NotSaved {
        NotSaved::Edit(error.into())
    }
}

impl From<EditError> for NotSaved {
    fn from(error: EditError) -> NotSaved {
        NotSaved::Edit(error)
    }
}

impl From<WireError> for NotSaved {
    fn from(error: WireError) -> NotSaved {
        NotSaved::Plan(error)
    }
}

impl From<NotSaved> for WireError {
    fn from(error: NotSaved) -> WireError {
        match error {
            NotSaved::Plan(e) => e,
            NotSaved::Edit(e) => edit_error(e),
        }
    }
}

fn plan(tx: &WriteTx<'_>, act: &Act) -> std::result::Result<Plan, NotSaved> {
    let missing = |c: &Collection, id: &str| {
        WireError::new("not_found", format!("{} “{id}” does not exist on this laptop.", c.label))
    };
    match act {
        Act::Nothing => Ok(plain(Vec::new(), RecordId::GLOBAL)),
        Act::Set { collection: name, id, fields } => {
            let c = collection(name)?;
            let record = record_id(c, id);
            let row = tx.row(c.id, record).map_err(StoreError::from)?.ok_or_else(|| missing(c, id))?;
            Ok(plain(fields.operations(c, &row)?, record))
        }
        Act::Text(args) => {
            let editing = TextEditing::try_from(args.clone())?;
            let c = collection(&editing.collection)?;
            let record = record_id(c, &editing.id);
            let row = tx.row(c.id, record).map_err(StoreError::from)?.ok_or_else(|| missing(c, &editing.id))?;
            Ok(plain(vec![editing.operation(c, &row)?], record))
        }
        Act::Create { collection: name, key, fields } => {
            let c = collection(name)?;
            let record = key.as_ref().map_or_else(ids::record_id, |k| RecordId::from_key(c.name, k));
            let mut values = fields.values(c)?;
            values.retain(|_, v| !v.is_null());
            let op = Op::Insert { collection: c.id, record, key: key.clone(), values: values.into_iter().collect() };
            Ok(plain(vec![op], record))
        }
        Act::Delete { collection: name, id } => {
            let c = collection(name)?;
            let record = record_id(c, id);
            tx.row(c.id, record).map_err(StoreError::from)?.ok_or_else(|| missing(c, id))?;
            Ok(plain(vec![Op::Delete { collection: c.id, record }], record))
        }
        Act::Do { command, args } => plan_command(tx, command, args),
    }
}

fn plan_command(tx: &WriteTx<'_>, name: &str, args: &BTreeMap<String, String>) -> std::result::Result<Plan, NotSaved> {
    let unknown = || WireError::new("unknown_command", format!("There is no command “{name}”."));
    let command: &Command = schema::COMMANDS.iter().find(|c| c.name == name).ok_or_else(unknown)?;
    if let Some(stray) = args.keys().find(|a| !command.args.iter().any(|k| k.name == a.as_str())) {
        return Err(crate::error::usage(format!("{name} has no argument “{stray}”.")).into());
    }
    let ops = plan_ops(tx, command, args)?;
    let record = ops.first().map_or(RecordId::GLOBAL, |op| op.record().1);
    let ops = shown_at_once(command, ops);
    Ok(Plan { command: command.id, args: args.clone().into_iter().collect(), ops, record })
}

fn plan_ops(
    tx: &WriteTx<'_>,
    command: &Command,
    args: &BTreeMap<String, String>,
) -> std::result::Result<Vec<Op>, NotSaved> {
    let records = Visible::new(tx);
    let planned = (command.plan)(&records, &Args(args.clone()));
    records.take_failure().map_err(StoreError::from)?;
    Ok(planned.map_err(|r| WireError::new(r.code, r.message))?)
}

/// The operations a command comes to on what is visible now; none for a queued one, whose operations central makes.
pub fn planned(
    tx: &WriteTx<'_>,
    command: &Command,
    args: &BTreeMap<String, String>,
) -> std::result::Result<Vec<Op>, NotSaved> {
    Ok(shown_at_once(command, plan_ops(tx, command, args)?))
}

/// A queued command shows nothing as done: central makes its operations.
fn shown_at_once(command: &Command, ops: Vec<Op>) -> Vec<Op> {
    if command.offline == Offline::Queued { Vec::new() } else { ops }
}

/// Plans and saves an edit inside a transaction. `None` = it changes nothing.
pub fn save_in(tx: &mut WriteTx<'_>, edit: &Edit, id: ChangeId) -> std::result::Result<ChangeMade, NotSaved> {
    let plan = plan(tx, &edit.act)?;
    let priority = edit.priority.unwrap_or(NORMAL);
    let intent = Intent {
        id,
        time: clock::edit_time(),
        command: plan.command,
        args: plan.args,
        ops: plan.ops,
        priority,
        group: edit.group,
    };
    save_in_intent(tx, intent, plan.record)
}

/// Saves an intent inside a transaction; `record` is what the answer names.
pub fn save_in_intent(
    tx: &mut WriteTx<'_>,
    intent: Intent,
    record: RecordId,
) -> std::result::Result<ChangeMade, NotSaved> {
    let entry = save_intent(tx, intent)?;
    Ok(ChangeMade { change: entry.map(|e| e.change.id.to_string()), id: record.to_string() })
}

/// Saves an edit. Durable when it returns; sealed with it where central waits for it.
///
/// Errors: what the model, its rules or the store refuse; nothing is saved then.
pub async fn save(store: &Store, measures: &Arc<Measures>, edit: Edit, seal: Seal) -> Result<ChangeMade> {
    if edit.priority.is_some_and(|p| !(EMERGENCY..=3).contains(&p)) {
        return Err(WireError::new("invalid", "The priority is 1 (emergency), 2 or 3."));
    }
    let id = ids::change_id();
    measures.edit_began(*id.as_bytes(), clock::mono_us());
    write(store, move |tx| {
        let made = save_in(tx, &edit, id)?;
        if seal == Seal::AtOnce {
            let batch = seal_lone(tx).map_err(StoreError::from)?;
            tx.sealed_alone(batch);
        }
        Ok::<_, NotSaved>(made)
    })
    .await
}

/// When a saved change is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal {
    /// In the transaction that saves it, if nothing else waits: central is there, and one durable step is enough.
    AtOnce,
    /// When a batch is made: it may be edited and discarded until then.
    Later,
}

/// One durable transaction for the operator, without blocking the runtime.
pub async fn write<R, E>(
    store: &Store,
    body: impl FnOnce(&mut WriteTx<'_>) -> std::result::Result<R, E> + Send + 'static,
) -> Result<R>
where
    R: Send + 'static,
    E: From<StoreError> + Into<WireError> + Send + 'static,
{
    let (tell, told) = tokio::sync::oneshot::channel();
    let done = move |result| drop(tell.send(result));
    store.submit(Lane::Interactive, Durability::Full, body, done).map_err(crate::error::store_error)?;
    let result = told.await.map_err(|e| internal("Saving", e))?;
    result.map_err(Into::into)
}

/// Takes a change out of the queue; `restore` puts it back.
///
/// Errors: `sealed` once it is on its way, `not_found`.
pub async fn discard_change(store: &Store, id: ChangeId) -> Result<()> {
    write(store, move |tx| discard(tx, id).map_err(NotSaved::Edit)).await
}

/// Saves a discarded or refused change again, under a new id and over what is here now; `replace` puts other values in
/// place of its own.
pub async fn again(store: &Store, id: ChangeId, replace: BTreeMap<String, Json>) -> Result<ChangeMade> {
    write(store, move |tx| again_in(tx, id, &replace)).await
}

fn again_in(
    tx: &mut WriteTx<'_>,
    id: ChangeId,
    replace: &BTreeMap<String, Json>,
) -> std::result::Result<ChangeMade, NotSaved> {
    let change = take_for_reissue(tx, id)?;
    let mut ops = change.ops;
    let record = ops.first().map_or(RecordId::GLOBAL, |op| op.record().1);
    for (name, json) in replace {
        replace_value(&mut ops, name, json)?;
    }
    let intent = Intent {
        id: ids::change_id(),
        time: clock::edit_time(),
        command: if replace.is_empty() { change.command } else { 0 },
        args: if replace.is_empty() { change.args } else { Vec::new() },
        ops,
        priority: change.priority,
        group: None,
    };
    save_in_intent(tx, intent, record)
}

fn replace_value(ops: &mut [Op], name: &str, json: &Json) -> std::result::Result<(), NotSaved> {
    for op in ops.iter_mut() {
        let (c, _) = op.record();
        let Some(f) = schema::by_id(c).and_then(|c| c.field(name)) else { continue };
        match op {
            Op::Set { field, value, .. } if *field == f.id => {
                *value = f.from_json(json).map_err(invalid)?;
                return Ok(());
            }
            Op::Text { collection, record, field, .. } if *field == f.id => {
                let value = f.from_json(json).map_err(invalid)?;
                *op = Op::Set { collection: *collection, record: *record, field: f.id, value };
                return Ok(());
            }
            Op::Insert { values, .. } => {
                let new = f.from_json(json).map_err(invalid)?;
                values.retain(|(id, _)| *id != f.id);
                values.extend((!new.is_null()).then_some((f.id, new)));
                return Ok(());
            }
            _ => {}
        }
    }
    Err(WireError::new("unknown_field", format!("This change does not write “{name}”.")).into())
}

/// Sends a change again now: what waits is sent, what was refused is saved anew.
///
/// Returns whether the change was saved anew.
pub async fn retry(store: &Store, id: ChangeId) -> Result<bool> {
    let entry = {
        let store = store.clone();
        let read = move || store.read(|tx| tx.queued(id));
        tokio::task::spawn_blocking(read).await.map_err(|e| internal("Reading the queue", e))?
    };
    let entry = entry.map_err(crate::error::store_error)?;
    let entry = entry.ok_or_else(|| WireError::new("not_found", "This change is not in the queue."))?;
    match entry.state {
        OutboxState::Rejected | OutboxState::Held => again(store, id, BTreeMap::new()).await.map(|_| true),
        OutboxState::Discarded => Err(WireError::new("discarded", "This change was discarded. Restore it first.")),
        _ => Ok(false),
    }
}
