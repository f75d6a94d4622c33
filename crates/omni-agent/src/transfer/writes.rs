//! From wanted values to operations and intents, and why they are not saved.

use crate::error::{edit_error, store_error};
use crate::{clock, ids};
use omni_model::{Collection, FieldId, Op, Policy, RecordId, Row, Value};
use omni_protocol::{ChangeId, GroupRef, WireError};
use omni_store::StoreError;
use omni_sync::StorageError;
use omni_sync::replica::{EditError, Intent, ReplicaTx, save};

/// Why something was not written: the store failed, or it does not fit.
#[derive(Debug)]
pub(crate) enum Failure {
    Store(StoreError),
    Refused(WireError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::Store(error)
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Failure {
        Failure::Store(error.into())
    }
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Failure {
        Failure::Refused(error)
    }
}

impl From<EditError> for Failure {
    fn from(error: EditError) -> Failure {
        match error {
            EditError::Storage(e) => Failure::Store(e.into()),
            refused => Failure::Refused(edit_error(refused)),
        }
    }
}

impl From<Failure> for WireError {
    fn from(failure: Failure) -> WireError {
        match failure {
            Failure::Store(e) => store_error(e),
            Failure::Refused(e) => e,
        }
    }
}

/// The operations that give the record these values; none if it has them. A set or counter is written as what is added
/// and taken away, so that it merges with what others do to it; what only grows or shrinks is left if it is further.
pub(crate) fn operations(
    c: &Collection,
    record: RecordId,
    key: Option<&str>,
    before: Option<&Row>,
    values: &[(FieldId, Value)],
) -> Vec<Op> {
    let Some(row) = before else {
        let values = values.iter().filter(|(_, v)| !v.is_null()).cloned().collect();
        return vec![Op::Insert { collection: c.id, record, key: key.map(str::to_owned), values }];
    };
    values.iter().flat_map(|(field, value)| differences(c, row, *field, value)).collect()
}

fn differences(c: &Collection, row: &Row, field: FieldId, value: &Value) -> Vec<Op> {
    let (collection, record, old) = (c.id, row.id, row.get(field));
    let empty = |v: &Value| v.is_null() || v.as_text() == Some("");
    if old == value || (empty(old) && empty(value)) {
        return Vec::new();
    }
    let set = || vec![Op::Set { collection, record, field, value: value.clone() }];
    let numbers = (old.as_int(), value.as_int());
    match (c.field_by_id(field).map(|f| f.policy), numbers) {
        (Some(Policy::Counter), (old, new)) => {
            let by = new.unwrap_or(0).saturating_sub(old.unwrap_or(0));
            if by == 0 { Vec::new() } else { vec![Op::Add { collection, record, field, by }] }
        }
        (Some(Policy::Max), (Some(old), new)) if new.is_none_or(|new| new < old) => Vec::new(),
        (Some(Policy::Min), (Some(old), new)) if new.is_none_or(|new| new > old) => Vec::new(),
        (Some(Policy::Set), _) => {
            let (old, new) = (old.as_set().unwrap_or_default(), value.as_set().unwrap_or_default());
            let gone = old.difference(&new).map(|item| Op::Exclude { collection, record, field, item: item.clone() });
            let added = new.difference(&old).map(|item| Op::Include { collection, record, field, item: item.clone() });
            gone.chain(added).collect()
        }
        _ => set(),
    }
}

/// One act, ready to be saved.
#[derive(Clone, Debug, Default)]
pub(crate) struct Act {
    pub command: u16,
    pub args: Vec<(String, String)>,
    pub ops: Vec<Op>,
}

/// Saves an act as one change; `None` = it changes nothing.
pub(crate) fn save_act(
    tx: &mut dyn ReplicaTx,
    act: Act,
    priority: u8,
    group: Option<GroupRef>,
) -> Result<Option<ChangeId>, EditError> {
    let Act { command, args, ops } = act;
    let intent = Intent { id: ids::change_id(), time: clock::edit_time(), command, args, ops, priority, group };
    Ok(save(tx, intent)?.map(|entry| entry.change.id))
}
