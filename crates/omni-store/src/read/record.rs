//! One record in full, titles of linked ones, and small facts.

use super::{ReadTx, RowState};
use crate::codec::{self, read_body};
use crate::error::{Result, StoreError};
use crate::layout::{Table, table};
use crate::tx::{self, KeptEntry, OUTBOX_COLUMNS, entry_from};
use omni_model::{Collection, CollectionId, FieldId, RecordId, Row, Value, schema};
use omni_protocol::{ChangeId, ConflictId, ConflictItem, DeviceId, DirectoryEntry, Scope};
use omni_sync::digest::Digest;
use omni_sync::replica::{OutboxEntry, ReplicaMeta};
use rusqlite::OptionalExtension as _;
use std::collections::BTreeMap;

/// Which conflict items a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemFilter {
    /// Those that wait for a person.
    Open,
    /// Those a rule decided.
    Auto,
    /// Those a person settled.
    Person,
    /// All of them.
    All,
}

/// A record as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRow {
    /// The visible record: confirmed plus pending.
    pub row: Row,
    /// Last commit that touched it; `None` = not on central yet.
    pub seq: Option<u64>,
}

/// One field of a record that is not simply saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldStatus {
    /// Its badge.
    pub state: RowState,
    /// When its newest unconfirmed edit was saved here: this laptop's clock, unix milliseconds.
    pub saved_ms: Option<i64>,
}

/// Everything about one record.
#[derive(Clone, Debug)]
pub struct RecordDetail {
    /// The visible record.
    pub stored: StoredRow,
    /// Its badge.
    pub state: RowState,
    /// Fields that are not simply saved.
    pub fields: BTreeMap<FieldId, FieldStatus>,
    /// The confirmed layer: `None` = nothing pending, `Some(None)` = does not exist on central.
    pub confirmed: Option<Option<Row>>,
    /// Own unconfirmed changes that touch it, oldest first.
    pub changes: Vec<OutboxEntry>,
    /// Its conflict items, open ones and decided ones.
    pub conflicts: Vec<ConflictItem>,
    /// Titles of linked records, by field.
    pub titles: BTreeMap<FieldId, String>,
}

impl ReadTx<'_> {
    /// The visible record.
    pub fn row(&self, c: CollectionId, id: RecordId) -> std::result::Result<Option<StoredRow>, StoreError> {
        let Some(table) = table(c) else { return Ok(None) };
        Ok(tx::load(self.conn, table, id)?.map(|k| StoredRow { row: k.row, seq: k.seq }))
    }

    /// The confirmed layer of a touched record, as in `ReplicaTx::confirmed`.
    pub fn confirmed(&self, c: CollectionId, id: RecordId) -> std::result::Result<Option<Option<Row>>, StoreError> {
        let sql = "SELECT body FROM confirmed WHERE collection = ?1 AND id = ?2";
        let mut stmt = self.conn.prepare_cached(sql)?;
        let body: Option<Option<Vec<u8>>> = stmt.query_row((c.0, id.0.as_bytes()), |r| r.get(0)).optional()?;
        body.map(|b| b.map(|bytes| read_body(c, id, &bytes)).transpose()).transpose()
    }

    /// Everything about one record; `None` = it is not here.
    pub fn record(&self, c: CollectionId, id: RecordId) -> std::result::Result<Option<RecordDetail>, StoreError> {
        let (Some(table), Some(stored)) = (table(c), self.row(c, id)?) else { return Ok(None) };
        // Mostly there is nothing of one's own on the way: one look instead of three.
        let clean = self.all_saved()?;
        let states = if clean { Default::default() } else { self.states(c, id)? };
        let changes = if clean { Vec::new() } else { self.changes_of(c, id)? };
        let saved_ms = |field: FieldId| {
            let writes = |e: &&OutboxEntry| {
                e.state.in_overlay()
                    && e.change.ops.iter().any(|op| op.record() == (c, id) && op.fields().contains(&field))
            };
            changes.iter().rev().find(writes).map(|e| e.change.time.wall_ms)
        };
        let fields = states.fields.iter().map(|(f, s)| (*f, FieldStatus { state: *s, saved_ms: saved_ms(*f) }));
        Ok(Some(RecordDetail {
            fields: fields.collect(),
            state: states.row,
            confirmed: if clean { None } else { self.confirmed(c, id)? },
            conflicts: self.conflicts_of(c, id)?,
            titles: self.linked_titles(table.collection, &stored.row)?,
            stored,
            changes,
        }))
    }

    /// Own unconfirmed changes with an operation on the record, oldest first.
    pub fn changes_of(&self, c: CollectionId, id: RecordId) -> std::result::Result<Vec<OutboxEntry>, StoreError> {
        let sql = format!(
            "SELECT {OUTBOX_COLUMNS} FROM outbox JOIN outbox_touch t ON t.local_no = outbox.local_no \
             WHERE t.collection = ?1 AND t.record = ?2 AND t.direct = 1 ORDER BY t.local_no"
        );
        let mut stmt = self.conn.prepare_cached(&sql)?;
        let mut rows = stmt.query((c.0, id.0.as_bytes()))?;
        let mut out = Vec::new();
        while let Some(sql) = rows.next()? {
            out.push(entry_from(sql)?);
        }
        Ok(out)
    }

    /// Conflict items of a record, newest first.
    pub fn conflicts_of(&self, c: CollectionId, id: RecordId) -> std::result::Result<Vec<ConflictItem>, StoreError> {
        let sql =
            "SELECT owner, compartment, item FROM conflict WHERE collection = ?1 AND record = ?2 ORDER BY seq DESC";
        let mut stmt = self.conn.prepare_cached(sql)?;
        let mut rows = stmt.query((c.0, id.0.as_bytes()))?;
        let mut out = Vec::new();
        while let Some(sql) = rows.next()? {
            out.push(tx::item_from(sql)?.1);
        }
        Ok(out)
    }

    /// A window of conflict items, and how many there are: open ones oldest first, others newest first.
    pub fn conflicts(
        &self,
        filter: ItemFilter,
        offset: u64,
        limit: u64,
    ) -> std::result::Result<(u64, Vec<(Scope, ConflictItem)>), StoreError> {
        let (from, to, order) = match filter {
            ItemFilter::Open => (tx::OPEN, tx::OPEN, "seq, id"),
            ItemFilter::Auto => (tx::AUTO, tx::AUTO, "seq DESC, id"),
            ItemFilter::Person => (tx::PERSON, tx::PERSON, "seq DESC, id"),
            ItemFilter::All => (tx::AUTO, tx::PERSON, "seq DESC, id"),
        };
        let sql = "SELECT count(*) FROM conflict WHERE open BETWEEN ?1 AND ?2";
        let total: i64 = self.conn.prepare_cached(sql)?.query_row([from, to], |r| r.get(0))?;
        let sql = format!(
            "SELECT owner, compartment, item FROM conflict WHERE open BETWEEN ?1 AND ?2 ORDER BY {order} LIMIT ?3 OFFSET ?4"
        );
        let mut stmt = self.conn.prepare_cached(&sql)?;
        let limits = (from, to, limit.min(i64::MAX as u64) as i64, offset.min(i64::MAX as u64) as i64);
        let mut rows = stmt.query(limits)?;
        let mut out = Vec::new();
        while let Some(sql) = rows.next()? {
            out.push(tx::item_from(sql)?);
        }
        Ok((total as u64, out))
    }

    /// One conflict item with its scope.
    pub fn conflict(&self, id: ConflictId) -> std::result::Result<Option<(Scope, ConflictItem)>, StoreError> {
        let mut stmt = self.conn.prepare_cached("SELECT owner, compartment, item FROM conflict WHERE id = ?1")?;
        let mut rows = stmt.query([id.as_bytes().as_slice()])?;
        rows.next()?.map(tx::item_from).transpose()
    }

    /// The title of a record, if it is here and has one.
    pub fn title(&self, c: CollectionId, id: RecordId) -> std::result::Result<Option<String>, StoreError> {
        if let Some(title) = self.titles.borrow().get(&(c, id)) {
            return Ok(title.clone());
        }
        let title = match table(c) {
            Some(table) => self.load_title(table, id)?,
            None => None,
        };
        self.titles.borrow_mut().insert((c, id), title.clone());
        Ok(title)
    }

    fn load_title(&self, table: &Table, id: RecordId) -> Result<Option<String>> {
        let Some(field) = table.collection.field(table.collection.title) else { return Ok(None) };
        let column = crate::layout::model::column_name(field);
        let mut stmt = self.conn.prepare_cached(&format!("SELECT {column} FROM {} WHERE id = ?1", table.name))?;
        let mut rows = stmt.query([id.0.as_bytes().as_slice()])?;
        match rows.next()? {
            Some(sql) => Ok(codec::from_column(field, sql.get_ref(0)?)?.as_text().map(str::to_owned)),
            None => Ok(None),
        }
    }

    /// Titles of the records a row links to, by field; several are joined by commas.
    pub fn linked_titles(
        &self,
        collection: &Collection,
        row: &Row,
    ) -> std::result::Result<BTreeMap<FieldId, String>, StoreError> {
        let mut out = BTreeMap::new();
        for field in collection.fields {
            let Some(target) = field.target().and_then(schema::by_name) else { continue };
            let ids: Vec<RecordId> = match row.get(field.id) {
                Value::Id(id) => vec![*id],
                Value::Set(items) => items.iter().filter_map(|i| uuid::Uuid::parse_str(i).ok().map(RecordId)).collect(),
                _ => continue,
            };
            let mut titles = Vec::new();
            for id in ids {
                titles.extend(self.title(target.id, id)?);
            }
            if !titles.is_empty() {
                out.insert(field.id, titles.join(", "));
            }
        }
        Ok(out)
    }

    /// Identity and cursor; `None` before the first enrolment.
    pub fn meta(&self) -> std::result::Result<Option<ReplicaMeta>, StoreError> {
        tx::load_meta(self.conn)
    }

    /// All scope digests.
    pub fn digests(&self) -> std::result::Result<BTreeMap<Scope, Digest>, StoreError> {
        tx::load_digests(self.conn)
    }

    /// A device's name and operator.
    pub fn device(&self, device: DeviceId) -> std::result::Result<Option<DirectoryEntry>, StoreError> {
        if let Some(known) = self.devices.borrow().get(&device) {
            return Ok(known.clone());
        }
        let found = tx::load_device(self.conn, device)?;
        self.devices.borrow_mut().insert(device, found.clone());
        Ok(found)
    }

    /// A fact kept beside the replica (see `WriteTx::set_fact`).
    pub fn fact(&self, name: &str) -> std::result::Result<Option<Vec<u8>>, StoreError> {
        let mut stmt = self.conn.prepare_cached("SELECT value FROM fact WHERE name = ?1")?;
        Ok(stmt.query_row([name], |sql| sql.get(0)).optional()?)
    }

    /// A UI setting as JSON text.
    pub fn setting(&self, name: &str) -> std::result::Result<Option<String>, StoreError> {
        let mut stmt = self.conn.prepare_cached("SELECT json FROM setting WHERE name = ?1")?;
        Ok(stmt.query_row([name], |sql| sql.get(0)).optional()?)
    }

    /// An own change that left the outbox: its signed bytes and answer, for 30 days.
    pub fn own_change(&self, id: ChangeId) -> std::result::Result<Option<KeptEntry>, StoreError> {
        tx::load_own(self.conn, id)
    }
}
