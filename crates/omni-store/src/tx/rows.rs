//! Visible records: typed columns, search index, counters.

use super::{Caches, ROWS_KEPT, WriteTx};
use crate::codec::{self, Kept};
use crate::error::{Result, corrupt};
use crate::layout::{Table, fts_columns_text, table, tables};
use omni_model::{CollectionId, Field, FieldId, RecordId, Row, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement};

/// A collection nobody should ask for: its records are deferred cells.
fn unknown(c: CollectionId) -> crate::StoreError {
    crate::StoreError::Internal(format!("collection {} has no table", c.0))
}

/// Reads one record by id.
pub fn load(conn: &Connection, table: &Table, id: RecordId) -> Result<Option<Kept>> {
    let mut stmt = conn.prepare_cached(&table.by_id)?;
    let mut rows = stmt.query([id.0.as_bytes().as_slice()])?;
    match rows.next()? {
        Some(sql) => Ok(Some(codec::read_record(table, sql)?)),
        None => Ok(None),
    }
}

/// A record to be inserted, without its values.
pub struct NewRecord<'r> {
    /// Its id.
    pub id: RecordId,
    /// Its key.
    pub key: Option<&'r str>,
    /// Its owner.
    pub owner: RecordId,
    /// The last commit that touched it.
    pub seq: Option<u64>,
    /// Values that do not fit their columns, encoded.
    pub odd: Option<Vec<u8>>,
}

/// Binds a record to `Table::insert`; its values are given by place and field.
pub fn bind_record<'v>(
    stmt: &mut Statement<'_>,
    table: &Table,
    record: &NewRecord<'_>,
    value: impl Fn(usize, &Field) -> &'v Value,
) -> Result<()> {
    stmt.raw_bind_parameter(1, record.id.0.as_bytes().as_slice())?;
    stmt.raw_bind_parameter(2, record.key)?;
    stmt.raw_bind_parameter(3, record.owner.0.as_bytes().as_slice())?;
    stmt.raw_bind_parameter(4, record.seq.map(|s| s as i64))?;
    stmt.raw_bind_parameter(5, record.odd.as_deref())?;
    for (place, field) in table.collection.fields.iter().enumerate() {
        bind_value(stmt, codec::FIXED + place, codec::to_column(field, value(place, field)))?;
    }
    Ok(())
}

/// Inserts a record that is not there. Returns its place. The search index is the caller's.
fn insert_record(conn: &Connection, table: &Table, row: &Row, seq: Option<u64>) -> Result<i64> {
    let mut stmt = conn.prepare_cached(&table.insert)?;
    let odd = codec::odd_values(table, row);
    let record = NewRecord { id: row.id, key: row.key.as_deref(), owner: row.owner, seq, odd };
    bind_record(&mut stmt, table, &record, |_, field| row.get(field.id))?;
    stmt.raw_execute()?;
    Ok(conn.last_insert_rowid())
}

fn bind_value(stmt: &mut Statement<'_>, place: usize, value: Option<ToSqlOutput<'_>>) -> Result<()> {
    let value = value.unwrap_or(ToSqlOutput::Borrowed(ValueRef::Null));
    Ok(stmt.raw_bind_parameter(place, value)?)
}

impl Caches {
    fn keep(&mut self, key: (CollectionId, RecordId), kept: Option<Kept>) {
        if self.rows.len() >= ROWS_KEPT {
            self.rows.clear();
        }
        self.rows.insert(key, kept);
    }
}

impl WriteTx<'_> {
    /// The visible record with its place and seq.
    pub(super) fn kept(&self, c: CollectionId, id: RecordId) -> Result<Option<Kept>> {
        if let Some(kept) = self.caches.borrow().rows.get(&(c, id)) {
            return Ok(kept.clone());
        }
        let Some(table) = table(c) else { return Ok(None) };
        let kept = load(self.conn, table, id)?;
        self.caches.borrow_mut().keep((c, id), kept.clone());
        Ok(kept)
    }

    /// Writes the visible record whole.
    pub(super) fn write_row(&mut self, row: &Row, seq: Option<u64>) -> Result<()> {
        let key = (row.collection, row.id);
        let table = table(row.collection).ok_or_else(|| unknown(row.collection))?;
        let mut row = row.clone();
        row.fields.retain(|_, v| !v.is_null());
        let kept = match self.kept(row.collection, row.id)? {
            None => self.add_row(table, row, seq)?,
            Some(old) => self.change_row(table, old, row, seq)?,
        };
        self.caches.borrow_mut().keep(key, Some(kept));
        self.notes.touch(key.0, key.1);
        Ok(())
    }

    fn add_row(&mut self, table: &Table, row: Row, seq: Option<u64>) -> Result<Kept> {
        let rid = insert_record(self.conn, table, &row, seq)?;
        let text = fts_columns_text(table.collection, &row);
        self.conn.prepare_cached(&table.search_add)?.execute((rid, text))?;
        *self.counts.entry((row.collection, row.owner)).or_default() += 1;
        Ok(Kept { rid, row, seq })
    }

    /// Writes only the columns that differ: each indexed column written costs its index.
    fn change_row(&mut self, table: &Table, old: Kept, row: Row, seq: Option<u64>) -> Result<Kept> {
        let mut sets: Vec<&str> = Vec::new();
        let mut values: Vec<ToSqlOutput<'_>> = Vec::new();
        for (place, field) in table.collection.fields.iter().enumerate() {
            if old.row.get(field.id) != row.get(field.id) {
                sets.push(&table.columns[place]);
                let value = codec::to_column(field, row.get(field.id));
                values.push(value.unwrap_or(ToSqlOutput::Borrowed(ValueRef::Null)));
            }
        }
        if old.row.key != row.key {
            sets.push("key");
            values.push(ToSqlOutput::Borrowed(ValueRef::from(row.key.as_deref())));
        }
        if old.row.owner != row.owner {
            sets.push("owner");
            values.push(row.owner.0.as_bytes().as_slice().into());
            *self.counts.entry((row.collection, old.row.owner)).or_default() -= 1;
            *self.counts.entry((row.collection, row.owner)).or_default() += 1;
        }
        let (was_odd, odd) = (codec::odd_values(table, &old.row), codec::odd_values(table, &row));
        if was_odd != odd {
            sets.push("odd");
            values.push(ToSqlOutput::Owned(odd.into()));
        }
        let new_seq = seq.or(old.seq);
        if new_seq != old.seq {
            sets.push("seq");
            values.push(ToSqlOutput::Owned(new_seq.map(|s| s as i64).into()));
        }
        if !sets.is_empty() {
            let sql = format!("UPDATE {} SET {} = ? WHERE rid = ?", table.name, sets.join(" = ?, "));
            let mut stmt = self.conn.prepare_cached(&sql)?;
            for (place, value) in values.iter().enumerate() {
                stmt.raw_bind_parameter(place + 1, value)?;
            }
            stmt.raw_bind_parameter(values.len() + 1, old.rid)?;
            stmt.raw_execute()?;
        }
        let (was, is) = (fts_columns_text(table.collection, &old.row), fts_columns_text(table.collection, &row));
        if was != is {
            self.conn.prepare_cached(&table.search_take)?.execute((old.rid, was))?;
            self.conn.prepare_cached(&table.search_add)?.execute((old.rid, is))?;
        }
        drop(values);
        Ok(Kept { rid: old.rid, row, seq: new_seq })
    }

    /// Writes some fields of an existing record.
    pub(super) fn patch(
        &mut self,
        c: CollectionId,
        id: RecordId,
        fields: &[(FieldId, Value)],
        seq: Option<u64>,
    ) -> Result<()> {
        let Some(kept) = self.kept(c, id)? else { return Err(corrupt("record to be changed: it does not exist")) };
        let mut row = kept.row;
        fields.iter().for_each(|(f, v)| row.set(*f, v.clone()));
        self.write_row(&row, seq)
    }

    /// Removes a visible record, if it is there.
    pub(super) fn remove(&mut self, c: CollectionId, id: RecordId) -> Result<()> {
        let (Some(table), Some(old)) = (table(c), self.kept(c, id)?) else { return Ok(()) };
        self.conn.prepare_cached(&table.delete)?.execute([old.rid])?;
        let text = fts_columns_text(table.collection, &old.row);
        self.conn.prepare_cached(&table.search_take)?.execute((old.rid, text))?;
        *self.counts.entry((c, old.row.owner)).or_default() -= 1;
        self.caches.borrow_mut().keep((c, id), None);
        self.notes.touch(c, id);
        Ok(())
    }

    /// Records whose link field points to `target`, in id order.
    pub(super) fn linked_to(&self, c: CollectionId, f: FieldId, target: RecordId) -> Result<Vec<RecordId>> {
        let Some((table, (_, column))) = table(c).and_then(|t| Some((t, t.field(f)?))) else { return Ok(Vec::new()) };
        let sql = format!("SELECT id FROM {} WHERE {column} = ?1 ORDER BY id", table.name);
        let mut stmt = self.conn.prepare_cached(&sql)?;
        let mut rows = stmt.query([target.0.as_bytes().as_slice()])?;
        let mut out = Vec::new();
        while let Some(sql) = rows.next()? {
            out.push(codec::record_id(sql.get_ref(0)?)?);
        }
        Ok(out)
    }

    /// All visible records in (collection, id) order, one at a time.
    pub(super) fn each_row(&self, f: &mut dyn FnMut(Row) -> Result<()>) -> Result<()> {
        let mut order: Vec<&Table> = tables().iter().collect();
        order.sort_by_key(|t| t.collection.id);
        for table in order {
            let mut stmt = self.conn.prepare(&format!("SELECT {} FROM {} ORDER BY id", table.all, table.name))?;
            let mut rows = stmt.query([])?;
            while let Some(sql) = rows.next()? {
                f(codec::read_record(table, sql)?.row)?;
            }
        }
        Ok(())
    }
}
