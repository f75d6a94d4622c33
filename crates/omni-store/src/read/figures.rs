//! Counts for the Command Center, from counters kept with each write.

use super::ReadTx;
use crate::codec::{read_record, record_id};
use crate::error::{Result, StoreError};
use crate::layout::{table, tables};
use omni_model::{CollectionId, RecordId, Row, schema};
use std::collections::HashMap;

/// One collection's figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionFigures {
    /// The collection.
    pub collection: CollectionId,
    /// Live records.
    pub rows: u64,
    /// Records with unconfirmed edits.
    pub pending: u64,
}

/// One sector's figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectorFigures {
    /// The sector.
    pub row: Row,
    /// Recorded brands.
    pub brands: u64,
    /// Records of the sector with unconfirmed edits.
    pub pending: u64,
}

/// Figures of the whole copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// In model order.
    pub collections: Vec<CollectionFigures>,
    /// In the order of their position field, then of arrival.
    pub sectors: Vec<SectorFigures>,
}

impl ReadTx<'_> {
    /// Figures of the whole copy: a few milliseconds whatever its size.
    pub fn overview(&self) -> std::result::Result<Overview, StoreError> {
        let (pending, owners) = self.pending_records()?;
        let mut collections = Vec::new();
        for c in schema::COLLECTIONS {
            let rows = self.rows_of(c)?;
            collections.push(CollectionFigures {
                collection: c.id,
                rows,
                pending: pending.get(&c.id).copied().unwrap_or(0),
            });
        }
        Ok(Overview { collections, sectors: self.sector_figures(&owners)? })
    }

    /// Records with a confirmed layer, counted by collection and by owner.
    fn pending_records(&self) -> Result<(HashMap<CollectionId, u64>, HashMap<RecordId, u64>)> {
        let mut stmt = self.conn.prepare_cached("SELECT collection, id, owner FROM confirmed")?;
        let mut rows = stmt.query([])?;
        let (mut by_collection, mut by_owner) = (HashMap::new(), HashMap::new());
        while let Some(sql) = rows.next()? {
            let c = CollectionId(sql.get(0)?);
            *by_collection.entry(c).or_default() += 1;
            let owner = match sql.get_ref(2)? {
                rusqlite::types::ValueRef::Null => self.owner_of(c, record_id(sql.get_ref(1)?)?)?,
                known => Some(record_id(known)?),
            };
            if let Some(owner) = owner {
                *by_owner.entry(owner).or_default() += 1;
            }
        }
        Ok((by_collection, by_owner))
    }

    fn owner_of(&self, c: CollectionId, id: RecordId) -> Result<Option<RecordId>> {
        let Some(table) = table(c) else { return Ok(None) };
        let mut stmt = self.conn.prepare_cached(&format!("SELECT owner FROM {} WHERE id = ?1", table.name))?;
        let mut rows = stmt.query([id.0.as_bytes().as_slice()])?;
        rows.next()?.map(|sql| record_id(sql.get_ref(0)?)).transpose()
    }

    fn sector_figures(&self, pending: &HashMap<RecordId, u64>) -> Result<Vec<SectorFigures>> {
        let named = |name| tables().iter().find(|t| t.collection.name == name);
        let (Some(sectors), Some(brands)) = (named("sector"), named("brand")) else { return Ok(Vec::new()) };
        let order = sectors.collection.field("position").map_or("rid", |_| "f_position, rid");
        let mut stmt =
            self.conn.prepare_cached(&format!("SELECT {} FROM {} ORDER BY {order}", sectors.all, sectors.name))?;
        let mut counted = self
            .conn
            .prepare_cached("SELECT coalesce(sum(rows), 0) FROM row_count WHERE collection = ?1 AND owner = ?2")?;
        let mut rows = stmt.query([])?;
        let mut out = Vec::new();
        while let Some(sql) = rows.next()? {
            let row = read_record(sectors, sql)?.row;
            let key = (brands.collection.id.0, row.id.0.as_bytes());
            let brands: i64 = counted.query_row(key, |r| r.get(0))?;
            let pending = pending.get(&row.id).copied().unwrap_or(0);
            out.push(SectorFigures { row, brands: brands.max(0) as u64, pending });
        }
        Ok(out)
    }
}
