//! Digests counted anew from the rows, beside the writer: what *verify my copy* compares with central's.

use super::ReadTx;
use crate::codec::{self, read_body};
use crate::error::{Result, StoreError};
use crate::layout::tables;
use crate::tx;
use omni_model::{CollectionId, FieldId, RecordId, Row};
use omni_protocol::Scope;
use omni_sync::diff;
use omni_sync::digest::{self, Deltas, Digest};
use omni_sync::replica::feed::deferred_existence;
use std::collections::{BTreeMap, BTreeSet, HashMap};

type Key = (CollectionId, RecordId);

impl ReadTx<'_> {
    /// Digests of the confirmed layer, counted from rows, cells kept aside and conflict items. Reads the whole copy.
    pub fn recompute(&self) -> std::result::Result<BTreeMap<Scope, Digest>, StoreError> {
        let mut deltas = Deltas::default();
        let touched = self.confirmed_layer()?;
        for table in tables() {
            let mut stmt = self.conn.prepare(&format!("SELECT {} FROM {}", table.all, table.name))?;
            let mut rows = stmt.query([])?;
            while let Some(sql) = rows.next()? {
                let row = codec::read_record(table, sql)?.row;
                if !touched.contains_key(&(row.collection, row.id)) {
                    diff::add(&row, &mut deltas);
                }
            }
        }
        touched.values().flatten().for_each(|row| diff::add(row, &mut deltas));
        self.add_deferred(&mut deltas)?;
        let mut stmt = self.conn.prepare("SELECT owner, compartment, item FROM conflict")?;
        let mut rows = stmt.query([])?;
        while let Some(sql) = rows.next()? {
            let (scope, item) = tx::item_from(sql)?;
            deltas.add(scope, digest::conflict(&item));
        }
        deltas.0.retain(|_, d| *d != Digest::default());
        Ok(deltas.0)
    }

    fn confirmed_layer(&self) -> Result<HashMap<Key, Option<Row>>> {
        let mut stmt = self.conn.prepare("SELECT collection, id, body FROM confirmed")?;
        let mut rows = stmt.query([])?;
        let mut out = HashMap::new();
        while let Some(sql) = rows.next()? {
            let key = (CollectionId(sql.get(0)?), codec::record_id(sql.get_ref(1)?)?);
            let body: Option<Vec<u8>> = sql.get(2)?;
            out.insert(key, body.map(|b| read_body(key.0, key.1, &b)).transpose()?);
        }
        Ok(out)
    }

    fn add_deferred(&self, deltas: &mut Deltas) -> Result<()> {
        let mut stmt = self.conn.prepare("SELECT owner, compartment, collection, id, field, wire FROM deferred")?;
        let mut rows = stmt.query([])?;
        while let Some(sql) = rows.next()? {
            let scope = Scope { owner: codec::record_id(sql.get_ref(0)?)?, compartment: sql.get(1)? };
            let key = (CollectionId(sql.get(2)?), codec::record_id(sql.get_ref(3)?)?);
            let (field, wire): (FieldId, Vec<u8>) = (FieldId(sql.get(4)?), sql.get(5)?);
            let cell = match field {
                FieldId::RECORD => deferred_existence(key, &wire)?,
                _ => digest::cell(key.1, field, &wire),
            };
            deltas.add(scope, cell);
        }
        Ok(())
    }

    /// Visible records of these owners.
    pub fn rows_of_owners(&self, owners: &BTreeSet<RecordId>) -> std::result::Result<u64, StoreError> {
        let mut stmt = self.conn.prepare_cached("SELECT coalesce(sum(rows), 0) FROM row_count WHERE owner = ?1")?;
        let mut total = 0;
        for owner in owners {
            total += stmt.query_row([owner.as_bytes().as_slice()], |r| r.get::<_, i64>(0))?.max(0) as u64;
        }
        Ok(total)
    }
}
