//! What this storage derives from rows for itself: index tables, and columns that repeat what the bytes beside them say.

use super::codec::{self, RECORD_COLUMNS, RawRecord, decode};
use super::error::map;
use super::index::Entries;
use omni_protocol::{CommitInfo, ConflictItem, Decided, Part};
use omni_sync::StorageError;
use omni_sync::meta::Image;
use rusqlite::{Connection, Params, Row, params};

type Result<T> = std::result::Result<T, StorageError>;

/// Everything derived that is not so, in words.
pub fn derived(conn: &Connection) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    commits(conn, &mut faults)?;
    parts(conn, &mut faults)?;
    records(conn, &mut faults)?;
    conflicts(conn, &mut faults)?;
    Ok(faults)
}

fn each(conn: &Connection, sql: &str, mut visit: impl FnMut(&Row) -> Result<()>) -> Result<()> {
    let mut statement = conn.prepare(sql).map_err(map)?;
    let mut rows = statement.query([]).map_err(map)?;
    while let Some(row) = rows.next().map_err(map)? {
        visit(row)?;
    }
    Ok(())
}

fn blob<'r>(row: &'r Row, at: usize) -> Result<&'r [u8]> {
    row.get_ref(at).and_then(|v| Ok(v.as_blob()?)).map_err(map)
}

fn has(conn: &Connection, sql: &str, at: impl Params) -> Result<bool> {
    conn.prepare_cached(sql).and_then(|mut s| s.exists(at)).map_err(map)
}

fn count(conn: &Connection, table: &str) -> Result<u64> {
    let counted = conn.query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get::<_, i64>(0));
    counted.map(|n| n as u64).map_err(map)
}

/// Times repeat the provenance; touched records are those of the images.
fn commits(conn: &Connection, faults: &mut Vec<String>) -> Result<()> {
    let mut touched = 0;
    each(conn, "SELECT seq, at_ms, info, images FROM commit_log ORDER BY seq", |row| {
        let seq: i64 = row.get(0).map_err(map)?;
        let info: CommitInfo = decode(blob(row, 2)?, "commit info")?;
        if info.at_ms != row.get::<_, i64>(1).map_err(map)? {
            faults.push(format!("the time of commit {seq} is not the one its provenance names"));
        }
        for image in decode::<Vec<Image>>(blob(row, 3)?, "images")? {
            touched += 1;
            let at = params![image.collection.0, &image.record.as_bytes()[..], seq];
            if !has(conn, "SELECT 1 FROM touched WHERE collection = ?1 AND record = ?2 AND seq = ?3", at)? {
                faults.push(format!("record {} is not listed as touched by commit {seq}", image.record));
            }
        }
        Ok(())
    })?;
    counted(conn, "touched", touched, faults)
}

/// As every expected row was found, more rows are rows too many.
fn counted(conn: &Connection, table: &str, expected: u64, faults: &mut Vec<String>) -> Result<()> {
    let found = count(conn, table)?;
    if found != expected {
        faults.push(format!("the index {table} has {found} rows, {expected} follow from what it indexes"));
    }
    Ok(())
}

/// The key of a part repeats what its bytes say, and belongs to a commit.
fn parts(conn: &Connection, faults: &mut Vec<String>) -> Result<()> {
    let sql = "SELECT p.seq, p.owner, p.compartment, p.bytes, l.info FROM part p
               LEFT JOIN commit_log l ON l.seq = p.seq ORDER BY p.seq";
    each(conn, sql, |row| {
        let seq: i64 = row.get(0).map_err(map)?;
        let scope = codec::scope(blob(row, 1)?, row.get(2).map_err(map)?)?;
        let part: Part = decode(blob(row, 3)?, "part")?;
        if (part.seq as i64, part.scope) != (seq, scope) {
            faults.push(format!("the part of commit {seq} for {scope} says it is another"));
        }
        match row.get::<_, Option<Vec<u8>>>(4).map_err(map)? {
            None => faults.push(format!("a part for {scope} belongs to commit {seq}, which is not there")),
            Some(info) if decode::<CommitInfo>(&info, "commit info")? != part.info => {
                faults.push(format!("commit {seq} and its part for {scope} name different authors"));
            }
            Some(_) => {}
        }
        Ok(())
    })
}

/// Indexes have the entries of live records and no others.
fn records(conn: &Connection, faults: &mut Vec<String>) -> Result<()> {
    let (mut links, mut uniques) = (0, 0);
    let sql = format!("SELECT {RECORD_COLUMNS}, live FROM record");
    each(conn, &sql, |row| {
        let stored = RawRecord::read(row).map_err(map)?.stored()?;
        let (collection, record) = (stored.row.collection.0, stored.row.id);
        if row.get::<_, bool>("live").map_err(map)? != stored.is_live() {
            faults.push(format!("record {record} is marked live or deleted against its causality"));
        }
        let entries = Entries::of(&stored);
        for (field, target) in &entries.links {
            links += 1;
            let at = params![&target.as_bytes()[..], collection, field.0, &record.as_bytes()[..]];
            let sql = "SELECT 1 FROM link WHERE target = ?1 AND collection = ?2 AND field = ?3 AND record = ?4";
            if !has(conn, sql, at)? {
                faults.push(format!("the link of record {record} to {target} is not indexed"));
            }
        }
        for (field, value) in &entries.uniques {
            uniques += 1;
            let at = params![collection, field.0, value, &record.as_bytes()[..]];
            let sql = "SELECT 1 FROM unique_value WHERE collection = ?1 AND field = ?2 AND value = ?3 AND record = ?4";
            if !has(conn, sql, at)? {
                faults.push(format!("a unique value of record {record} is not indexed"));
            }
        }
        Ok(())
    })?;
    counted(conn, "link", links, faults)?;
    counted(conn, "unique_value", uniques, faults)
}

/// The columns of an item repeat what its bytes say.
fn conflicts(conn: &Connection, faults: &mut Vec<String>) -> Result<()> {
    each(conn, "SELECT id, owner, compartment, open, item FROM conflict", |row| {
        let item: ConflictItem = decode(blob(row, 4)?, "conflict item")?;
        let scope = codec::scope(blob(row, 1)?, row.get(2).map_err(map)?)?;
        let open: bool = row.get(3).map_err(map)?;
        let same = item.id.as_bytes()[..] == *blob(row, 0)? && item.scope == scope;
        if !same || open != (item.decided == Decided::Open) {
            faults.push(format!("the columns of conflict item {} say something else than the item", item.id));
        }
        Ok(())
    })
}
