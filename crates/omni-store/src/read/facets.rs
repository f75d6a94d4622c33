//! Counts by value of one field, under a filter.

use super::filter::{Filter, Question};
use super::{ReadTx, RowSet};
use crate::codec::from_column;
use crate::error::{Result, StoreError};
use crate::layout::{Table, model};
use omni_model::{Collection, Field, FieldId, Value, schema};
use std::collections::HashMap;

/// Values given at most; the most frequent ones.
const FACETS_MAX: usize = 200;

/// One value and how often it occurs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacetCount {
    /// The value; null = none. For a set field: one item, as a text.
    pub value: Value,
    /// The linked record's title, or the value as text.
    pub label: String,
    /// Records.
    pub count: u64,
}

impl ReadTx<'_> {
    /// Counts by value, most frequent first. Errors: `invalid`.
    pub fn facets(
        &self,
        collection: &Collection,
        field: FieldId,
        filter: &[Filter],
        search: Option<&str>,
    ) -> std::result::Result<Vec<FacetCount>, StoreError> {
        let table = self.table(collection)?;
        let (field, column) = table.field(field).ok_or_else(|| StoreError::invalid("There is no such field."))?;
        let set = self.matching(table, &Question { filter, search })?;
        let counts = match set.as_deref() {
            None if !field.is_set() => self.grouped(table, field, column)?,
            set => self.counted(table, field, column, set)?,
        };
        let mut sorted: Vec<(Value, u64)> = counts;
        sorted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        sorted.truncate(FACETS_MAX);
        sorted.into_iter().map(|(value, count)| self.facet(field, value, count)).collect()
    }

    fn facet(&self, field: &Field, value: Value, count: u64) -> Result<FacetCount> {
        let target = field.target().and_then(schema::by_name);
        let id = match &value {
            Value::Id(id) => Some(*id),
            Value::Text(s) if target.is_some() => uuid::Uuid::parse_str(s).ok().map(omni_model::RecordId),
            _ => None,
        };
        let title = match (target, id) {
            (Some(target), Some(id)) => self.title(target.id, id)?,
            _ => None,
        };
        let label = title.unwrap_or_else(|| match &value {
            Value::Text(s) => s.clone(),
            other => field.to_text(other),
        });
        Ok(FacetCount { value, label, count })
    }

    fn grouped(&self, table: &Table, field: &Field, column: &str) -> Result<Vec<(Value, u64)>> {
        let sql = format!("SELECT {column}, count(*) FROM {} GROUP BY {}", table.name, model::sort_term(field));
        let mut stmt = self.conn.prepare_cached(&sql)?;
        let mut rows = stmt.query([])?;
        let mut out = Vec::new();
        while let Some(sql) = rows.next()? {
            out.push((from_column(field, sql.get_ref(0)?)?, sql.get::<_, i64>(1)? as u64));
        }
        Ok(out)
    }

    /// Walks the field's index (or the table) and counts what is in the set.
    fn counted(&self, table: &Table, field: &Field, column: &str, set: Option<&RowSet>) -> Result<Vec<(Value, u64)>> {
        let mut counts: HashMap<Value, u64> = HashMap::new();
        let mut stmt = self.conn.prepare_cached(&format!("SELECT rid, {column} FROM {}", table.name))?;
        let mut rows = stmt.query([])?;
        while let Some(sql) = rows.next()? {
            if set.is_some_and(|s| sql.get(0).is_ok_and(|rid| !s.contains(rid))) {
                continue;
            }
            match from_column(field, sql.get_ref(1)?)? {
                Value::Set(items) => items.into_iter().for_each(|i| *counts.entry(Value::Text(i)).or_default() += 1),
                value => *counts.entry(value).or_default() += 1,
            }
        }
        Ok(counts.into_iter().collect())
    }
}
