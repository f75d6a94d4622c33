//! After an upgrade: cells that were kept aside because this app did not know their field become values.

use super::WriteTx;
use super::layers::DeferredCell;
use crate::codec;
use crate::error::{Result, corrupt};
use omni_model::{Collection, CollectionId, FieldId, RecordId, Row, Value};
use std::collections::BTreeMap;

/// Moves every deferred cell the model knows now into its record. Digests do not change: the same cells count.
pub fn move_deferred(tx: &mut WriteTx<'_>, collections: &[&'static Collection]) -> Result<()> {
    let mut records: BTreeMap<(CollectionId, RecordId), Vec<DeferredCell>> = BTreeMap::new();
    for cell in tx.every_deferred()? {
        let known = collections
            .iter()
            .find(|c| c.id == cell.1)
            .is_some_and(|c| cell.3 == FieldId::RECORD || c.fields.iter().any(|f| f.id == cell.3));
        if known {
            records.entry((cell.1, cell.2)).or_default().push(cell);
        }
    }
    for ((c, id), cells) in records {
        adopt(tx, c, id, cells)?;
    }
    Ok(())
}

fn adopt(tx: &mut WriteTx<'_>, c: CollectionId, id: RecordId, cells: Vec<DeferredCell>) -> Result<()> {
    let mut values: Vec<(FieldId, Value)> = Vec::new();
    let mut created: Option<Row> = None;
    for (scope, _, _, field, wire) in cells {
        if field == FieldId::RECORD {
            let (owner, key): (RecordId, Option<String>) = codec::decode(&wire, "deferred record")?;
            created = Some(Row { key, owner, ..Row::new(c, id) });
        } else {
            values.push((field, Value::from_wire(&wire).map_err(|_| corrupt("deferred value"))?));
        }
        tx.store_deferred(scope, c, id, field, &[])?;
    }
    if let Some(mut row) = created {
        values.iter().for_each(|(f, v)| row.set(*f, v.clone()));
        let seq = tx.load_meta()?.position.seq;
        return tx.write_row(&row, Some(seq));
    }
    if let Some(Some(mut row)) = tx.load_confirmed(c, id)? {
        values.iter().for_each(|(f, v)| row.set(*f, v.clone()));
        tx.store_confirmed(c, id, Some(&row))?;
    }
    match tx.kept(c, id)? {
        Some(_) => tx.patch(c, id, &values, None),
        None => Ok(()),
    }
}
