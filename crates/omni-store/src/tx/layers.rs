//! The confirmed layer under pending edits, and cells this version does not know.

use super::WriteTx;
use crate::codec;
use crate::error::Result;
use omni_model::{CollectionId, FieldId, RecordId, Row};
use omni_protocol::Scope;

/// A deferred cell with its address.
pub type DeferredCell = (Scope, CollectionId, RecordId, FieldId, Vec<u8>);

fn body_of(c: CollectionId, id: RecordId, body: Option<Vec<u8>>) -> Result<Option<Row>> {
    body.map(|bytes| codec::read_body(c, id, &bytes)).transpose()
}

impl WriteTx<'_> {
    pub(super) fn load_confirmed(&self, c: CollectionId, id: RecordId) -> Result<Option<Option<Row>>> {
        let sql = "SELECT body FROM confirmed WHERE collection = ?1 AND id = ?2";
        let mut stmt = self.conn.prepare_cached(sql)?;
        let mut rows = stmt.query((c.0, id.0.as_bytes()))?;
        match rows.next()? {
            Some(sql) => Ok(Some(body_of(c, id, sql.get(0)?)?)),
            None => Ok(None),
        }
    }

    pub(super) fn store_confirmed(&mut self, c: CollectionId, id: RecordId, row: Option<&Row>) -> Result<()> {
        let sql = "INSERT INTO confirmed (collection, id, owner, body) VALUES (?1, ?2, ?3, ?4) \
                   ON CONFLICT (collection, id) DO UPDATE SET owner = ?3, body = ?4";
        let owner = row.map(|r| r.owner.0.into_bytes());
        self.conn.prepare_cached(sql)?.execute((c.0, id.0.as_bytes(), owner, row.map(codec::row_body)))?;
        self.notes.touch(c, id);
        Ok(())
    }

    pub(super) fn forget_confirmed(&mut self, c: CollectionId, id: RecordId) -> Result<()> {
        let sql = "DELETE FROM confirmed WHERE collection = ?1 AND id = ?2";
        self.conn.prepare_cached(sql)?.execute((c.0, id.0.as_bytes()))?;
        self.notes.touch(c, id);
        Ok(())
    }

    pub(super) fn every_confirmed(&self) -> Result<Vec<(CollectionId, RecordId, Option<Row>)>> {
        let mut stmt =
            self.conn.prepare_cached("SELECT collection, id, body FROM confirmed ORDER BY collection, id")?;
        let mut rows = stmt.query([])?;
        let mut out = Vec::new();
        while let Some(sql) = rows.next()? {
            let (c, id) = (CollectionId(sql.get(0)?), codec::record_id(sql.get_ref(1)?)?);
            out.push((c, id, body_of(c, id, sql.get(2)?)?));
        }
        Ok(out)
    }

    pub(super) fn deferred_of(&self, c: CollectionId, id: RecordId) -> Result<Vec<(Scope, FieldId, Vec<u8>)>> {
        let sql =
            "SELECT owner, compartment, field, wire FROM deferred WHERE collection = ?1 AND id = ?2 ORDER BY field";
        let mut stmt = self.conn.prepare_cached(sql)?;
        let mut rows = stmt.query((c.0, id.0.as_bytes()))?;
        let mut out = Vec::new();
        while let Some(sql) = rows.next()? {
            let scope = Scope { owner: codec::record_id(sql.get_ref(0)?)?, compartment: sql.get(1)? };
            out.push((scope, FieldId(sql.get(2)?), sql.get(3)?));
        }
        Ok(out)
    }

    pub(super) fn store_deferred(
        &mut self,
        scope: Scope,
        c: CollectionId,
        id: RecordId,
        field: FieldId,
        wire: &[u8],
    ) -> Result<()> {
        if wire.is_empty() {
            let sql = "DELETE FROM deferred WHERE collection = ?1 AND id = ?2 AND field = ?3";
            self.conn.prepare_cached(sql)?.execute((c.0, id.0.as_bytes(), field.0))?;
            return Ok(());
        }
        let sql = "INSERT OR REPLACE INTO deferred (collection, id, field, owner, compartment, wire) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let owner = scope.owner.0.into_bytes();
        self.conn.prepare_cached(sql)?.execute((c.0, id.0.as_bytes(), field.0, owner, scope.compartment, wire))?;
        Ok(())
    }

    pub(super) fn every_deferred(&self) -> Result<Vec<DeferredCell>> {
        let sql = "SELECT owner, compartment, collection, id, field, wire FROM deferred ORDER BY collection, id, field";
        let mut stmt = self.conn.prepare_cached(sql)?;
        let mut rows = stmt.query([])?;
        let mut out = Vec::new();
        while let Some(sql) = rows.next()? {
            let scope = Scope { owner: codec::record_id(sql.get_ref(0)?)?, compartment: sql.get(1)? };
            let (c, id) = (CollectionId(sql.get(2)?), codec::record_id(sql.get_ref(3)?)?);
            out.push((scope, c, id, FieldId(sql.get(4)?), sql.get(5)?));
        }
        Ok(out)
    }
}
