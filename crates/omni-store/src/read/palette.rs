//! The palette: any record of any collection from a few typed letters, errors forgiven, best first.

use super::ReadTx;
use crate::error::{Result, StoreError};
use crate::fold;
use crate::layout::{Table, model, tables};
use omni_model::{CollectionId, FieldType, OwnerRule, RecordId, Row, schema};
use std::collections::HashSet;

/// Below this many exact hits typing errors are forgiven too.
const ENOUGH_HITS: usize = 3;

/// One hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The collection.
    pub collection: CollectionId,
    /// The record.
    pub id: RecordId,
    /// Its key.
    pub key: Option<String>,
    /// Its title.
    pub title: String,
    /// Title of what it belongs to, empty if that is nothing or not here.
    pub subtitle: String,
}

/// How well a record fits: smaller is better.
type Score = (u8, usize, usize);

/// What has been found so far.
#[derive(Default)]
struct Finds {
    seen: HashSet<(CollectionId, RecordId)>,
    hits: Vec<(Score, Hit)>,
}

impl ReadTx<'_> {
    /// Records that fit what was typed, best first: the key itself, titles that begin so, records with words that begin
    /// so, and if those are few, records with words almost like it.
    pub fn search(&self, text: &str, limit: usize) -> std::result::Result<Vec<Hit>, StoreError> {
        let words = fold::words(text);
        let mut finds = Finds::default();
        if words.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        for (place, table) in tables().iter().enumerate() {
            self.by_key(table, place, text.trim(), &mut finds)?;
            self.by_title(table, place, text.trim(), limit, &mut finds)?;
        }
        let query = fold::prefix_query(text).unwrap_or_default();
        for (place, table) in tables().iter().enumerate() {
            self.by_words(table, place, 2, &query, limit, &mut finds)?;
        }
        if finds.hits.len() < ENOUGH_HITS.min(limit) {
            for (place, table) in tables().iter().enumerate() {
                if let Some(query) = self.corrected(table, &words)? {
                    self.by_words(table, place, 3, &query, limit, &mut finds)?;
                }
            }
        }
        finds.hits.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.title.cmp(&b.1.title)));
        finds.hits.truncate(limit);
        Ok(finds.hits.into_iter().map(|(_, hit)| hit).collect())
    }

    fn by_key(&self, table: &Table, place: usize, text: &str, finds: &mut Finds) -> Result<()> {
        let id = match uuid::Uuid::parse_str(text) {
            Ok(id) => RecordId(id),
            Err(_) => RecordId::from_key(table.collection.name, text),
        };
        if let Some(kept) = crate::tx::load(self.conn, table, id)? {
            self.found(table, kept.row, (0, place, 0), finds)?;
        }
        Ok(())
    }

    /// Titles that begin with the text, by the title's index.
    fn by_title(&self, table: &Table, place: usize, text: &str, limit: usize, finds: &mut Finds) -> Result<()> {
        let Some(title) = table.collection.field(table.collection.title) else { return Ok(()) };
        if title.ty != FieldType::Text {
            return Ok(());
        }
        let (column, term) = (model::column_name(title), model::sort_term(title));
        let sql = format!(
            "SELECT rid FROM {} WHERE {column} >= ?1 COLLATE NOCASE AND {column} < ?2 COLLATE NOCASE ORDER BY {term} LIMIT ?3",
            table.name
        );
        let mut stmt = self.conn.prepare_cached(&sql)?;
        let mut rows = stmt.query((text, format!("{text}\u{10ffff}"), limit as i64))?;
        while let Some(sql) = rows.next()? {
            if let Some(kept) = self.record_at(table, sql.get(0)?)? {
                let rest = kept.row.get(title.id).as_text().map_or(0, |t| t.len().saturating_sub(text.len()));
                self.found(table, kept.row, (1, rest.min(1), place), finds)?;
            }
        }
        Ok(())
    }

    fn by_words(
        &self,
        table: &Table,
        place: usize,
        rank: u8,
        query: &str,
        limit: usize,
        finds: &mut Finds,
    ) -> Result<()> {
        let sql = format!("SELECT rowid FROM {0} WHERE {0} MATCH ?1 LIMIT ?2", table.search);
        let mut stmt = self.conn.prepare_cached(&sql)?;
        let mut rows = stmt.query((query, limit as i64))?;
        while let Some(sql) = rows.next()? {
            if let Some(kept) = self.record_at(table, sql.get(0)?)? {
                self.found(table, kept.row, (rank, place, 0), finds)?;
            }
        }
        Ok(())
    }

    fn found(&self, table: &Table, row: Row, score: Score, finds: &mut Finds) -> Result<()> {
        if !finds.seen.insert((row.collection, row.id)) {
            return Ok(());
        }
        let title = table.title(&row).or_else(|| row.key.clone()).unwrap_or_else(|| row.id.to_string());
        let subtitle = self.belongs_to(table, &row)?;
        let hit = Hit { collection: row.collection, id: row.id, key: row.key, title, subtitle };
        finds.hits.push((score, hit));
        Ok(())
    }

    fn belongs_to(&self, table: &Table, row: &Row) -> Result<String> {
        let OwnerRule::Inherit(name) = table.collection.owner else { return Ok(String::new()) };
        let target = table.collection.field(name).and_then(|f| f.target()).and_then(schema::by_name);
        match (target, row.named(name).as_id()) {
            (Some(target), Some(id)) => Ok(self.title(target.id, id)?.unwrap_or_default()),
            _ => Ok(String::new()),
        }
    }
}
