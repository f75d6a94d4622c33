//! Windows of rows: filter, search and sort happen here, whatever the size of the table.

use super::filter::{Filter, Question};
use super::{ReadTx, RowSet, RowState};
use crate::codec::{self, Kept};
use crate::error::{Result, StoreError};
use crate::layout::{Table, model};
use omni_model::{Collection, FieldId, RecordId, Row};
use std::collections::BTreeMap;

/// Up to this many matching records are sorted directly; more are picked out of the sorted index.
const SORT_DIRECT_MAX: u64 = 3_000;

/// What to sort by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortBy {
    /// A field; short texts without regard to ASCII case, empty values first.
    Field(FieldId),
    /// The key.
    Key,
    /// The id.
    Id,
    /// The order records came to this laptop.
    Place,
}

/// An order. Equal values stand in the order records came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub by: SortBy,
    /// Largest first.
    pub descending: bool,
}

impl Sort {
    /// From a typed `field` or `-field`; `key` and `id` are names too. Errors: `invalid`.
    pub fn parse(collection: &Collection, text: &str) -> std::result::Result<Sort, StoreError> {
        let (descending, name) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let by = match (collection.field(name), name) {
            (Some(f), _) => SortBy::Field(f.id),
            (None, "key") => SortBy::Key,
            (None, "id") => SortBy::Id,
            _ => return Err(StoreError::invalid(format!("{} has no field “{name}”.", collection.plural))),
        };
        Ok(Sort { by, descending })
    }

    /// By title.
    pub fn title(collection: &Collection) -> Sort {
        let by = collection.field(collection.title).map_or(SortBy::Place, |f| SortBy::Field(f.id));
        Sort { by, descending: false }
    }
}

/// Where a window starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the n-th record, from 0.
    Offset(u64),
    /// After this record (which need not match).
    After(RecordId),
}

/// A question for a window.
#[derive(Clone, Debug)]
pub struct ListQuery {
    /// The collection.
    pub collection: &'static Collection,
    /// All of these.
    pub filter: Vec<Filter>,
    /// Words, each the beginning of a word of the record.
    pub search: Option<String>,
    /// The order.
    pub sort: Sort,
    /// Where the window starts.
    pub start: Place,
    /// Records wanted.
    pub limit: u64,
}

impl ListQuery {
    /// Everything, by title.
    pub fn all(collection: &'static Collection) -> ListQuery {
        ListQuery {
            collection,
            filter: Vec::new(),
            search: None,
            sort: Sort::title(collection),
            start: Place::Offset(0),
            limit: u64::MAX,
        }
    }
}

/// One record of a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRow {
    /// The record.
    pub row: Row,
    /// Last commit that touched it.
    pub seq: Option<u64>,
    /// Its badge.
    pub state: RowState,
    /// Fields with unconfirmed edits.
    pub pending: Vec<FieldId>,
    /// Titles of linked records, by field.
    pub titles: BTreeMap<FieldId, String>,
}

/// A window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// All that match.
    pub total: u64,
    /// The window.
    pub rows: Vec<ListRow>,
}

impl ReadTx<'_> {
    /// A window of records with their states and titles. Errors: `invalid`.
    pub fn list(&self, query: &ListQuery) -> std::result::Result<Page, StoreError> {
        let table = self.table(query.collection)?;
        let set = self.matching(table, &query.question())?;
        let total = match &set {
            Some(set) => set.len(),
            None => self.rows_of(query.collection)?,
        };
        let saved = self.all_saved()?;
        let mut rows = Vec::new();
        for rid in self.window(table, set.as_deref(), query)? {
            let Some(kept) = self.record_at(table, rid)? else { continue };
            rows.push(self.listed(table, kept, saved)?);
        }
        Ok(Page { total, rows })
    }

    /// Gives every matching record to `f`, in order, without states. For exports: nothing is collected.
    pub fn for_each(
        &self,
        query: &ListQuery,
        f: &mut dyn FnMut(Row) -> std::result::Result<(), StoreError>,
    ) -> std::result::Result<(), StoreError> {
        let table = self.table(query.collection)?;
        let set = self.matching(table, &query.question())?;
        for rid in self.window(table, set.as_deref(), query)? {
            if let Some(kept) = self.record_at(table, rid)? {
                f(kept.row)?;
            }
        }
        Ok(())
    }

    fn listed(&self, table: &Table, kept: Kept, saved: bool) -> Result<ListRow> {
        let states = match saved {
            true => Default::default(),
            false => self.states(kept.row.collection, kept.row.id)?,
        };
        let titles = self.linked_titles(table.collection, &kept.row)?;
        Ok(ListRow { pending: states.pending(), state: states.row, titles, row: kept.row, seq: kept.seq })
    }

    pub(super) fn record_at(&self, table: &Table, rid: i64) -> Result<Option<Kept>> {
        let mut stmt = self.conn.prepare_cached(&table.by_rid)?;
        let mut rows = stmt.query([rid])?;
        rows.next()?.map(|sql| codec::read_record(table, sql)).transpose()
    }

    /// The places of a window, in order.
    fn window(&self, table: &Table, set: Option<&RowSet>, query: &ListQuery) -> Result<Vec<i64>> {
        let order = Order::of(table, query.sort)?;
        match (set, query.start) {
            (Some(set), _) if set.is_empty() => Ok(Vec::new()),
            (None, Place::Offset(offset)) => {
                let sql = format!("SELECT rid FROM {} ORDER BY {} LIMIT ?1 OFFSET ?2", table.name, order.sql);
                self.rids(&sql, (as_i64(query.limit), as_i64(offset)))
            }
            (Some(set), Place::Offset(offset)) if !order.indexed || set.len() <= SORT_DIRECT_MAX => {
                let sql = format!(
                    "SELECT rid FROM {} WHERE rid IN (SELECT value FROM json_each(?1)) ORDER BY {} LIMIT ?2 OFFSET ?3",
                    table.name, order.sql
                );
                let places = serde_json::to_string(&set.iter().collect::<Vec<_>>()).unwrap_or_default();
                self.rids(&sql, (places, as_i64(query.limit), as_i64(offset)))
            }
            (set, start) => self.walk(table, set, &order, start, query.limit),
        }
    }

    fn rids(&self, sql: &str, params: impl rusqlite::Params) -> Result<Vec<i64>> {
        let mut stmt = self.conn.prepare_cached(sql)?;
        let mut rows = stmt.query(params)?;
        let mut out = Vec::new();
        while let Some(sql) = rows.next()? {
            out.push(sql.get(0)?);
        }
        Ok(out)
    }

    /// Walks the sorted index and takes what is in the set, until the window is full.
    fn walk(&self, table: &Table, set: Option<&RowSet>, order: &Order, start: Place, limit: u64) -> Result<Vec<i64>> {
        let (mut skip, mut passed) = match start {
            Place::Offset(n) => (n, None),
            Place::After(id) => {
                let sql = format!("SELECT rid FROM {} WHERE id = ?1", table.name);
                match self.rids(&sql, [id.0.as_bytes().as_slice()])?.first() {
                    Some(rid) => (0, Some(*rid)),
                    None => return Err(StoreError::invalid("The record to continue after does not exist here.")),
                }
            }
        };
        let mut stmt = self.conn.prepare_cached(&format!("SELECT rid FROM {} ORDER BY {}", table.name, order.sql))?;
        let mut rows = stmt.query([])?;
        let mut out = Vec::new();
        while let Some(sql) = rows.next()? {
            let rid: i64 = sql.get(0)?;
            if let Some(after) = passed {
                passed = (rid != after).then_some(after);
                continue;
            }
            if set.is_some_and(|s| !s.contains(rid)) {
                continue;
            }
            if skip > 0 {
                skip -= 1;
                continue;
            }
            if out.len() as u64 >= limit {
                break;
            }
            out.push(rid);
        }
        Ok(out)
    }
}

impl ListQuery {
    fn question(&self) -> Question<'_> {
        Question { filter: &self.filter, search: self.search.as_deref() }
    }
}

fn as_i64(n: u64) -> i64 {
    n.min(i64::MAX as u64) as i64
}

/// An order as SQL.
struct Order {
    sql: String,
    indexed: bool,
}

impl Order {
    fn of(table: &Table, sort: Sort) -> Result<Order> {
        let (term, indexed) = match sort.by {
            SortBy::Field(id) => {
                let (field, _) =
                    table.field(id).ok_or_else(|| StoreError::invalid("The order names an unknown field."))?;
                (model::sort_term(field), model::is_indexed(table.collection, field))
            }
            SortBy::Key => ("key".to_owned(), false),
            SortBy::Id => ("id".to_owned(), true),
            SortBy::Place => ("rid".to_owned(), true),
        };
        let direction = if sort.descending { " DESC" } else { "" };
        let sql = match sort.by {
            SortBy::Place => format!("rid{direction}"),
            _ => format!("{term}{direction}, rid{direction}"),
        };
        Ok(Order { sql, indexed })
    }
}
