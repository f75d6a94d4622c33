//! Filters and search as sets of records.

use super::{ReadTx, RowSet};
use crate::codec::{record_id, set_text, to_column};
use crate::error::{Result, StoreError};
use crate::fold;
use crate::layout::Table;
use crate::layout::model::{Storage, is_indexed};
use omni_model::{Collection, Field, FieldId, FieldType, RecordId, Value};
use rusqlite::types::ToSqlOutput;
use std::sync::Arc;

/// Below this many records a further condition is checked record by record instead of by another set.
const CHECK_SINGLY_MAX: u64 = 2_000;

/// One condition on a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The field has this value; null = no value; a set = all these items are in.
    Field(FieldId, Value),
    /// The record with this key.
    Key(String),
    /// The record with this id.
    Id(RecordId),
}

impl Filter {
    /// From a name and a typed text, as the model reads it. `id` and `key` are names too. Errors: `invalid`.
    pub fn parse(collection: &Collection, name: &str, text: &str) -> std::result::Result<Filter, StoreError> {
        if let Some(field) = collection.field(name) {
            let value = field.parse(text).map_err(|e| StoreError::invalid(e.to_string()))?;
            return Ok(Filter::Field(field.id, value));
        }
        match name {
            "key" => Ok(Filter::Key(text.to_owned())),
            "id" => match uuid::Uuid::parse_str(text) {
                Ok(id) => Ok(Filter::Id(RecordId(id))),
                Err(_) => Ok(Filter::Key(text.to_owned())),
            },
            _ => Err(StoreError::invalid(format!("{} has no field “{name}”.", collection.plural))),
        }
    }
}

/// A condition as SQL, with its values bound from the second parameter on.
struct Condition<'v> {
    sql: String,
    values: Vec<ToSqlOutput<'v>>,
    indexed: bool,
}

fn text_value(s: &str) -> ToSqlOutput<'_> {
    s.into()
}

impl<'v> Condition<'v> {
    fn of(table: &Table, field: &'static Field, column: &str, value: &'v Value) -> Condition<'v> {
        let indexed = is_indexed(table.collection, field);
        match (value, Storage::of(field)) {
            (v, _) if v.is_null() => Condition { sql: format!("{column} IS NULL"), values: Vec::new(), indexed },
            (Value::Set(items), Storage::Set) => {
                let has = |n| format!("EXISTS (SELECT 1 FROM json_each({column}) WHERE value = ?{n})");
                let sql = (2..2 + items.len()).map(has).collect::<Vec<_>>().join(" AND ");
                Condition { sql, values: items.iter().map(|i| text_value(i)).collect(), indexed: false }
            }
            (v, _) => {
                // The index ignores case, the condition does not.
                let sql = match field.ty {
                    FieldType::Text => format!("{column} = ?2 COLLATE NOCASE AND {column} = ?2"),
                    _ => format!("{column} = ?2"),
                };
                match to_column(field, v) {
                    Some(value) => Condition { sql, values: vec![value], indexed },
                    None => Condition { sql: "FALSE".into(), values: Vec::new(), indexed: true },
                }
            }
        }
    }
}

/// What is asked of one table.
pub struct Question<'q> {
    /// All of these.
    pub filter: &'q [Filter],
    /// And these words, as beginnings.
    pub search: Option<&'q str>,
}

impl Question<'_> {
    /// A text that is the same for the same question.
    fn name(&self, table: &Table, search: Option<&str>) -> String {
        let mut name = format!("{}\n{}", table.name, search.unwrap_or(""));
        for f in self.filter {
            name.push('\n');
            match f {
                Filter::Field(f, Value::Set(items)) => name.push_str(&format!("f{}={}", f.0, set_text(items))),
                other => name.push_str(&format!("{other:?}")),
            }
        }
        name
    }
}

impl ReadTx<'_> {
    /// Records that match; `None` = all of them.
    pub(super) fn matching(&self, table: &Table, question: &Question<'_>) -> Result<Option<Arc<RowSet>>> {
        let search = question.search.and_then(fold::prefix_query);
        if question.filter.is_empty() && search.is_none() {
            return Ok(None);
        }
        let name = question.name(table, search.as_deref());
        if let Some(set) = self.sets.and_then(|(cache, generation)| cache.get(generation, &name)) {
            return Ok(Some(set));
        }
        let set = Arc::new(self.compute(table, question.filter, search.as_deref())?);
        if let Some((cache, generation)) = self.sets {
            cache.put(generation, name, set.clone());
        }
        Ok(Some(set))
    }

    fn compute(&self, table: &Table, filter: &[Filter], search: Option<&str>) -> Result<RowSet> {
        let mut conditions = Vec::new();
        let mut found: Option<RowSet> = None;
        for f in filter {
            match f {
                Filter::Id(id) => self.narrow(&mut found, self.place(table, *id, None)?),
                Filter::Key(key) => {
                    let id = RecordId::from_key(table.collection.name, key);
                    self.narrow(&mut found, self.place(table, id, Some(key))?);
                }
                Filter::Field(id, value) => {
                    let (field, column) =
                        table.field(*id).ok_or_else(|| StoreError::invalid("The filter names an unknown field."))?;
                    conditions.push(Condition::of(table, field, column, value));
                }
            }
        }
        conditions.sort_by_key(|c| !c.indexed);
        let (fast, slow): (Vec<_>, Vec<_>) = conditions.into_iter().partition(|c| c.indexed);
        for c in &fast {
            self.apply(table, &mut found, c)?;
        }
        if let Some(search) = search {
            let sql = format!("SELECT rowid FROM {0} WHERE {0} MATCH ?1", table.search);
            self.narrow(&mut found, self.places(&sql, &[text_value(search)])?);
        }
        for c in &slow {
            self.apply(table, &mut found, c)?;
        }
        Ok(found.unwrap_or_default())
    }

    fn narrow(&self, found: &mut Option<RowSet>, with: RowSet) {
        *found = Some(match found.take() {
            Some(set) => set.intersect(&with),
            None => with,
        });
    }

    fn apply(&self, table: &Table, found: &mut Option<RowSet>, condition: &Condition<'_>) -> Result<()> {
        if let Some(set) = found.as_ref().filter(|s| s.len() <= CHECK_SINGLY_MAX) {
            let sql = format!("SELECT rid FROM {} WHERE rid = ?1 AND {}", table.name, condition.sql);
            let mut stmt = self.conn.prepare_cached(&sql)?;
            let mut left = RowSet::default();
            for rid in set.iter() {
                stmt.raw_bind_parameter(1, rid)?;
                for (n, value) in condition.values.iter().enumerate() {
                    stmt.raw_bind_parameter(n + 2, value)?;
                }
                if stmt.raw_query().next()?.is_some() {
                    left.insert(rid);
                }
            }
            *found = Some(left);
            return Ok(());
        }
        // Parameter 1 is bound to nothing here: conditions count their values from 2.
        let sql = format!("SELECT rid FROM {} WHERE ?1 IS NULL AND {}", table.name, condition.sql);
        let mut stmt = self.conn.prepare_cached(&sql)?;
        stmt.raw_bind_parameter(1, rusqlite::types::Null)?;
        for (n, value) in condition.values.iter().enumerate() {
            stmt.raw_bind_parameter(n + 2, value)?;
        }
        let mut rows = stmt.raw_query();
        let mut set = RowSet::default();
        while let Some(sql) = rows.next()? {
            set.insert(sql.get(0)?);
        }
        self.narrow(found, set);
        Ok(())
    }

    fn places(&self, sql: &str, values: &[ToSqlOutput<'_>]) -> Result<RowSet> {
        let mut stmt = self.conn.prepare_cached(sql)?;
        let mut rows = stmt.query(rusqlite::params_from_iter(values))?;
        let mut set = RowSet::default();
        while let Some(sql) = rows.next()? {
            set.insert(sql.get(0)?);
        }
        Ok(set)
    }

    fn place(&self, table: &Table, id: RecordId, key: Option<&str>) -> Result<RowSet> {
        let sql = format!("SELECT rid, id FROM {} WHERE id = ?1 AND (?2 IS NULL OR key = ?2)", table.name);
        let mut stmt = self.conn.prepare_cached(&sql)?;
        let mut rows = stmt.query((id.0.as_bytes(), key))?;
        let mut set = RowSet::default();
        if let Some(sql) = rows.next()? {
            record_id(sql.get_ref(1)?)?;
            set.insert(sql.get(0)?);
        }
        Ok(set)
    }

    /// Records that match, counted.
    pub fn count(
        &self,
        collection: &Collection,
        filter: &[Filter],
        search: Option<&str>,
    ) -> std::result::Result<u64, StoreError> {
        let table = self.table(collection)?;
        match self.matching(table, &Question { filter, search })? {
            Some(set) => Ok(set.len()),
            None => self.rows_of(collection),
        }
    }

    /// Live records of a collection.
    pub fn rows_of(&self, collection: &Collection) -> std::result::Result<u64, StoreError> {
        let sql = "SELECT coalesce(sum(rows), 0) FROM row_count WHERE collection = ?1";
        Ok(self.conn.prepare_cached(sql)?.query_row([collection.id.0], |r| r.get::<_, i64>(0))? as u64)
    }

    /// Live records of all collections.
    pub fn rows_total(&self) -> std::result::Result<u64, StoreError> {
        let sql = "SELECT coalesce(sum(rows), 0) FROM row_count";
        Ok(self.conn.prepare_cached(sql)?.query_row([], |r| r.get::<_, i64>(0))? as u64)
    }
}
