//! Reading the log backwards: what commits did to records.

use super::codec::decode;
use super::error::map;
use omni_model::{CollectionId, RecordId};
use omni_protocol::{ChangeId, CommitInfo, DeviceId, Outcome};
use omni_sync::StorageError;
use omni_sync::central::Committed;
use omni_sync::meta::Image;
use rusqlite::{Connection, OptionalExtension, params};

type Result<T> = std::result::Result<T, StorageError>;

/// A commit with what it did to each record.
pub fn read_committed(conn: &Connection, seq: u64) -> Result<Option<Committed>> {
    let found: Option<(Vec<u8>, Vec<u8>, Vec<u8>)> = conn
        .prepare_cached("SELECT info, change, images FROM commit_log WHERE seq = ?1")
        .and_then(|mut s| s.query_row([seq as i64], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).optional())
        .map_err(map)?;
    let Some((info, change, images)) = found else { return Ok(None) };
    Ok(Some(Committed { info: decode(&info, "commit info")?, change, images: decode(&images, "images")? }))
}

/// What commits after `seq` did to a record, newest first.
pub fn read_images_after(conn: &Connection, c: CollectionId, id: RecordId, seq: u64) -> Result<Vec<(u64, Image)>> {
    let sql = "SELECT l.seq, l.images FROM touched t JOIN commit_log l ON l.seq = t.seq
               WHERE t.collection = ?1 AND t.record = ?2 AND t.seq > ?3 ORDER BY t.seq DESC";
    let mut statement = conn.prepare_cached(sql).map_err(map)?;
    let mut rows = statement.query(params![c.0, &id.as_bytes()[..], seq as i64]).map_err(map)?;
    let mut out = Vec::new();
    while let Some(row) = rows.next().map_err(map)? {
        let images: Vec<Image> = decode(&row.get::<_, Vec<u8>>(1).map_err(map)?, "images")?;
        let at = row.get::<_, i64>(0).map_err(map)? as u64;
        out.extend(images.into_iter().find(|i| (i.collection, i.record) == (c, id)).map(|i| (at, i)));
    }
    Ok(out)
}

/// Commits before `before` that touched a record, newest first.
pub fn read_touching(conn: &Connection, c: CollectionId, id: RecordId, before: u64, limit: usize) -> Result<Vec<u64>> {
    let sql = "SELECT seq FROM touched WHERE collection = ?1 AND record = ?2 AND seq < ?3 ORDER BY seq DESC LIMIT ?4";
    let mut statement = conn.prepare_cached(sql).map_err(map)?;
    let at = params![c.0, &id.as_bytes()[..], bound(before), bound(limit as u64)];
    let rows = statement.query_map(at, |r| r.get::<_, i64>(0)).map_err(map)?;
    rows.map(|seq| Ok(seq.map_err(map)? as u64)).collect()
}

/// Provenance of the commits below `before`, newest first, at most `limit`.
pub fn read_infos_before(conn: &Connection, before: u64, limit: usize) -> Result<Vec<(u64, CommitInfo)>> {
    let sql = "SELECT seq, info FROM commit_log WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2";
    let mut statement = conn.prepare_cached(sql).map_err(map)?;
    let mut rows = statement.query(params![bound(before), bound(limit as u64)]).map_err(map)?;
    let mut out = Vec::new();
    while let Some(row) = rows.next().map_err(map)? {
        let info: Vec<u8> = row.get(1).map_err(map)?;
        out.push((row.get::<_, i64>(0).map_err(map)? as u64, decode(&info, "commit info")?));
    }
    Ok(out)
}

/// The last of the commits one device made in a row after `after`.
pub fn read_run_of(conn: &Connection, device: DeviceId, after: u64) -> Result<u64> {
    let sql = "SELECT seq, info FROM commit_log WHERE seq > ?1 ORDER BY seq";
    let mut statement = conn.prepare_cached(sql).map_err(map)?;
    let mut rows = statement.query([bound(after)]).map_err(map)?;
    let mut last = after;
    while let Some(row) = rows.next().map_err(map)? {
        let info: CommitInfo = decode(&row.get::<_, Vec<u8>>(1).map_err(map)?, "commit info")?;
        if info.device != device {
            break;
        }
        last = row.get::<_, i64>(0).map_err(map)? as u64;
    }
    Ok(last)
}

/// The last commit at or before a time (unix milliseconds); 0 = none. Commit times never fall, so it is found by halving.
pub fn read_seq_at(conn: &Connection, at_ms: i64) -> Result<u64> {
    let head: i64 = conn.query_row("SELECT seq FROM log_head", [], |r| r.get(0)).map_err(map)?;
    let mut time = conn.prepare_cached("SELECT at_ms FROM commit_log WHERE seq = ?1").map_err(map)?;
    let (mut known, mut beyond) = (0_i64, head + 1);
    while beyond - known > 1 {
        let middle = known + (beyond - known) / 2;
        let at: i64 = time.query_row([middle], |r| r.get(0)).map_err(map)?;
        if at <= at_ms {
            known = middle;
        } else {
            beyond = middle;
        }
    }
    Ok(known as u64)
}

/// The commit a change made, if it made one.
pub fn read_seq_of(conn: &Connection, change: ChangeId) -> Result<Option<u64>> {
    let sql = "SELECT outcome FROM change_outcome WHERE change = ?1";
    let found: Option<Vec<u8>> = conn
        .prepare_cached(sql)
        .and_then(|mut s| s.query_row([&change.as_bytes()[..]], |r| r.get(0)).optional())
        .map_err(map)?;
    let outcome: Option<Outcome> = found.map(|bytes| super::codec::outcome(&bytes)).transpose()?;
    Ok(outcome.and_then(|o| o.seq))
}

fn bound(n: u64) -> i64 {
    n.min(i64::MAX as u64) as i64
}
