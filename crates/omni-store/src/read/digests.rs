//! Digests counted anew from the rows, beside the writer: what *verify my copy* compares with central's.

use super::ReadTx;
use crate::codec::{self, read_body};
use crate::error::{Result, StoreError};
use crate::layout::tables;
use crate::tx;
use omni_model::{CollectionId, FieldId, RecordId, Row};
use omni_protocol::{ConflictItem, OriginalGroup, Scope};
use omni_sync::bucket::{self, Buckets};
use omni_sync::diff;
use omni_sync::digest::{self, Deltas, Digest};
use omni_sync::replica::Here;
use omni_sync::replica::feed::deferred_existence;
use std::collections::{BTreeMap, BTreeSet, HashMap};

type Key = (CollectionId, RecordId);

/// A copy counted from its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Digests of the scopes that hold anything.
    pub sums: BTreeMap<Scope, Digest>,
    /// Records (also of unknown collections) and conflict items counted.
    pub rows: u64,
}

impl ReadTx<'_> {
    /// Digests of the confirmed layer, counted from rows, cells kept aside and conflict items. Reads the whole copy.
    pub fn recompute(&self) -> std::result::Result<BTreeMap<Scope, Digest>, StoreError> {
        Ok(self.recount()?.sums)
    }

    /// The same, with how much was counted.
    pub fn recount(&self) -> std::result::Result<Counted, StoreError> {
        let mut deltas = Deltas::default();
        let mut records = 0;
        self.each_confirmed(&mut |row| {
            records += 1;
            diff::add(row, &mut deltas);
        })?;
        let mut aside = BTreeSet::new();
        self.each_deferred(&mut |scope, key, field, cell| {
            deltas.add(scope, cell);
            if field == FieldId::RECORD {
                aside.insert(key);
            }
        })?;
        let mut items = 0;
        self.each_item(&mut |scope, item| {
            items += 1;
            deltas.add(scope, digest::conflict(item));
        })?;
        deltas.0.retain(|_, d| *d != Digest::default());
        Ok(Counted { sums: deltas.0, rows: records + aside.len() as u64 + items })
    }

    /// Digests of the buckets of some scopes, counted from rows. Reads the whole copy.
    pub fn buckets(&self, scopes: &BTreeSet<Scope>) -> std::result::Result<BTreeMap<Scope, Buckets>, StoreError> {
        let mut out: BTreeMap<Scope, Buckets> = scopes.iter().map(|s| (*s, Buckets::default())).collect();
        let owners: BTreeSet<RecordId> = scopes.iter().map(|s| s.owner).collect();
        let mut add = |scope: Scope, record: RecordId, sum: Digest| {
            if let Some(buckets) = out.get_mut(&scope) {
                buckets.add(record, sum);
            }
        };
        self.each_confirmed(&mut |row| {
            if owners.contains(&row.owner) {
                let mut cells = Deltas::default();
                diff::add(row, &mut cells);
                cells.0.into_iter().for_each(|(scope, sum)| add(scope, row.id, sum));
            }
        })?;
        self.each_deferred(&mut |scope, key, _, cell| add(scope, key.1, cell))?;
        self.each_item(&mut |scope, item| add(scope, item.record, digest::conflict(item)))?;
        Ok(out)
    }

    /// Every signed original kept, oldest first.
    pub fn originals(&self) -> std::result::Result<Vec<OriginalGroup>, StoreError> {
        let mut stmt = self.conn.prepare("SELECT body FROM original ORDER BY epoch, seq")?;
        let mut rows = stmt.query([])?;
        let mut out = Vec::new();
        while let Some(sql) = rows.next()? {
            out.push(codec::decode(&sql.get::<_, Vec<u8>>(0)?, "original")?);
        }
        Ok(out)
    }

    /// What the copy holds of a scope in some lower buckets, and where it stands.
    pub fn held(&self, scope: Scope, wanted: &BTreeSet<u16>) -> std::result::Result<Here, StoreError> {
        let meta = self.meta()?;
        let meta = meta.ok_or_else(|| StoreError::invalid("This database has no identity yet."))?;
        let inside = |record: RecordId| wanted.contains(&bucket::of(record));
        let mut here = Here { position: meta.position, ..Here::default() };
        self.each_confirmed(&mut |row| {
            if row.owner == scope.owner && inside(row.id) {
                here.records.insert((row.collection, row.id));
            }
        })?;
        self.each_deferred(&mut |at, key, _, _| {
            if at == scope && inside(key.1) {
                here.records.insert(key);
            }
        })?;
        self.each_item(&mut |at, item| {
            if at == scope && inside(item.record) {
                here.items.insert(item.id);
            }
        })?;
        Ok(here)
    }

    /// Every record of the confirmed layer.
    fn each_confirmed(&self, visit: &mut dyn FnMut(&Row)) -> Result<()> {
        let touched = self.confirmed_layer()?;
        for table in tables() {
            let mut stmt = self.conn.prepare(&format!("SELECT {} FROM {}", table.all, table.name))?;
            let mut rows = stmt.query([])?;
            while let Some(sql) = rows.next()? {
                let row = codec::read_record(table, sql)?.row;
                if !touched.contains_key(&(row.collection, row.id)) {
                    visit(&row);
                }
            }
        }
        touched.values().flatten().for_each(visit);
        Ok(())
    }

    fn each_item(&self, visit: &mut dyn FnMut(Scope, &ConflictItem)) -> Result<()> {
        let mut stmt = self.conn.prepare("SELECT owner, compartment, item FROM conflict")?;
        let mut rows = stmt.query([])?;
        while let Some(sql) = rows.next()? {
            let (scope, item) = tx::item_from(sql)?;
            visit(scope, &item);
        }
        Ok(())
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

    fn each_deferred(&self, visit: &mut dyn FnMut(Scope, Key, FieldId, Digest)) -> Result<()> {
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
            visit(scope, key, field, cell);
        }
        Ok(())
    }
}
