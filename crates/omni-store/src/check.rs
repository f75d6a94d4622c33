//! Is the file whole, and what is in it, in numbers.

use crate::connect::{Purpose, with_suffix};
use crate::error::{Result, StoreError};
use crate::layout::tables;
use crate::store::Store;
use rusqlite::Connection;
use serde_json::{Map, Value as Json, json};
use std::path::Path;

/// Problems listed at most.
const PROBLEMS_MAX: usize = 50;

impl Store {
    /// Checks the authentication code of every page in use, the structure of every table and index, and the counters.
    /// Returns what is wrong, empty if nothing is. Reads the whole file.
    pub fn check_integrity(&self) -> std::result::Result<Vec<String>, StoreError> {
        self.shared.readers.read(|_| {
            // On a connection of its own: its pages all come from the disk, where their codes are checked; and
            // `integrity_check` judges a search index by the structure its connection remembers from an earlier search,
            // and calls a newer one damaged.
            let conn = &self.shared.target.connect(Purpose::Read)?;
            let mut problems = match lines(conn, &format!("PRAGMA integrity_check({PROBLEMS_MAX})")) {
                Ok(problems) => problems,
                // Too damaged to be read through. Only now the codes of the bare file count: in a sound one, pages that
                // are newer in the log may not be written yet.
                Err(e) => match lines(conn, "PRAGMA cipher_integrity_check")? {
                    pages if pages.is_empty() => return Err(e),
                    pages => pages,
                },
            };
            problems.retain(|line| line != "ok");
            if problems.is_empty() {
                problems = wrong_counters(conn)?;
            }
            problems.truncate(PROBLEMS_MAX);
            Ok(problems)
        })
    }

    /// Figures for a support bundle: counts and sizes, no values of records, no names.
    pub fn diagnostics(&self) -> std::result::Result<Json, StoreError> {
        let path = self.path();
        let (file, log) = (size(path), size(&with_suffix(path, "-wal")));
        let stats = self.stats();
        let queue = self.read(|tx| tx.queue_counts())?;
        let lane = |n: usize| {
            let lane = &stats.lanes[n];
            json!({
                "writes": lane.held.count(),
                "waited_p99_us": lane.waited.quantile_us(0.99),
                "held_p99_us": lane.held.quantile_us(0.99),
            })
        };
        self.shared.readers.read(|conn| {
            let mut rows = Map::new();
            for table in tables() {
                let sql = "SELECT coalesce(sum(rows), 0) FROM row_count WHERE collection = ?1";
                let n: i64 = conn.query_row(sql, [table.collection.id.0], |r| r.get(0))?;
                rows.insert(table.collection.name.into(), n.into());
            }
            let mut others = Map::new();
            for table in ["confirmed", "deferred", "outbox", "own_change", "conflict", "history", "digest", "directory"]
            {
                let n: i64 = conn.query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0))?;
                others.insert(table.into(), n.into());
            }
            Ok(json!({
                "file_bytes": file, "log_bytes": log,
                "sqlite": rusqlite::version(),
                "cipher": conn.query_row("PRAGMA cipher_version", [], |r| r.get::<_, String>(0))?,
                "pages": conn.query_row("PRAGMA page_count", [], |r| r.get::<_, i64>(0))?,
                "free_pages": conn.query_row("PRAGMA freelist_count", [], |r| r.get::<_, i64>(0))?,
                "layout": conn.query_row("SELECT max(number) FROM migration", [], |r| r.get::<_, i64>(0))?,
                "rows": rows, "tables": others,
                "queue": {
                    "pending": queue.pending, "sending": queue.sending, "acknowledged": queue.acknowledged,
                    "rejected": queue.rejected, "held": queue.held, "blocked": queue.blocked,
                    "discarded": queue.discarded,
                },
                "writer": {
                    "interactive": lane(0), "sync": lane(1), "maintenance": lane(2),
                    "long_holds": stats.long_holds, "panics": stats.panics,
                },
            }))
        })
    }
}

fn lines(conn: &Connection, sql: &str) -> Result<Vec<String>> {
    let mut stmt = conn.prepare(sql)?;
    let mut rows = stmt.query([])?;
    let mut out = Vec::new();
    while let Some(r) = rows.next()? {
        out.push(r.get(0)?);
    }
    Ok(out)
}

/// Counters that differ from a count.
fn wrong_counters(conn: &Connection) -> Result<Vec<String>> {
    let mut out = Vec::new();
    for table in tables() {
        let sql = format!(
            "SELECT count(*) FROM (SELECT owner, count(*) AS n FROM {} GROUP BY owner) FULL JOIN \
             (SELECT owner AS o, rows FROM row_count WHERE collection = {} AND rows <> 0) ON owner = o WHERE n IS NOT rows",
            table.name, table.collection.id.0
        );
        let wrong: i64 = conn.query_row(&sql, [], |r| r.get(0))?;
        if wrong > 0 {
            out.push(format!("{wrong} counters of {} are wrong", table.collection.name));
        }
    }
    Ok(out)
}

fn size(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|m| m.len())
}
