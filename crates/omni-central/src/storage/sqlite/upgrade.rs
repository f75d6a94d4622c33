//! What a file of an earlier version gets from its own log.

use super::codec::decode;
use super::error::map;
use crate::replay::Replay;
use omni_protocol::Change;
use omni_protocol::frame::to_bytes;
use omni_sync::StorageError;
use omni_sync::meta::Image;
use rusqlite::{Connection, params};

/// Earlier versions hashed the dependencies of a change along with its content. A laptop that sends a committed change
/// once more must be told its stored answer, not that it is another one: that would take effect a second time.
pub fn hash_contents(conn: &Connection) -> Result<(), StorageError> {
    let mut log = conn.prepare("SELECT change FROM commit_log").map_err(map)?;
    let mut stored = conn.prepare("UPDATE change_outcome SET content = ?2 WHERE change = ?1").map_err(map)?;
    let mut rows = log.query([]).map_err(map)?;
    while let Some(row) = rows.next().map_err(map)? {
        let bytes = row.get_ref(0).and_then(|v| Ok(v.as_blob()?)).map_err(map)?;
        let change = Change::from_bytes(bytes).map_err(|_| StorageError::corrupt("change of a commit"))?;
        stored.execute(params![&change.id.as_bytes()[..], &change.content_hash().0[..]]).map_err(map)?;
    }
    Ok(())
}

/// Earlier versions kept no images: without them a record's past cannot be told, nor what the author of a late edit saw.
pub fn fill_images(conn: &Connection) -> Result<(), StorageError> {
    let mut log = conn.prepare("SELECT seq, images FROM commit_log ORDER BY seq").map_err(map)?;
    let mut parts = conn.prepare("SELECT bytes FROM part WHERE seq = ?1").map_err(map)?;
    let mut keep = conn.prepare("UPDATE commit_log SET images = ?2 WHERE seq = ?1").map_err(map)?;
    let mut touch = conn.prepare("INSERT OR IGNORE INTO touched VALUES (?1, ?2, ?3)").map_err(map)?;
    let (mut replay, mut rows) = (Replay::default(), log.query([]).map_err(map)?);
    while let Some(row) = rows.next().map_err(map)? {
        let seq: i64 = row.get(0).map_err(map)?;
        let kept: Vec<Image> = decode(&row.get::<_, Vec<u8>>(1).map_err(map)?, "images")?;
        let bytes = parts
            .query_map([seq], |r| r.get::<_, Vec<u8>>(0))
            .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
            .map_err(map)?;
        let made = replay.commit(bytes.iter().map(Vec::as_slice))?;
        if !kept.is_empty() || made.is_empty() {
            continue;
        }
        keep.execute(params![seq, to_bytes(&made)]).map_err(map)?;
        for image in &made {
            touch.execute(params![image.collection.0, &image.record.as_bytes()[..], seq]).map_err(map)?;
        }
    }
    Ok(())
}
