//! What the author of a change had on their screen, told from what commits they did not know did to a record.

use super::author::Author;
use super::work::Work;
use crate::meta::{Stamp, Stored};
use crate::storage::StorageError;
use omni_model::{FieldId, Value};

/// The committed value of a field as its author knew it: that of the newest write they knew. Own writes that did not take
/// effect are not in it.
pub fn seen(work: &Work, author: &Author, stored: &Stored, field: FieldId) -> Result<Value, StorageError> {
    let tx = work.tx();
    let mut value = stored.row.get(field).clone();
    for (seq, image) in tx.images_after(stored.row.collection, stored.row.id, author.base)? {
        let Some(info) = tx.committed(seq)?.map(|c| c.info) else { continue };
        let known = author.knows(&Stamp { seq, replica: info.replica, counter: info.counter });
        let touched = image.fields.iter().find(|f| f.field == field);
        match (known, touched) {
            (true, Some(f)) => return Ok(f.after.clone()),
            (false, Some(f)) => value = f.before.clone(),
            (false, None) if image.owner_before.is_none() => value = Value::Null,
            _ => {}
        }
    }
    Ok(value)
}
