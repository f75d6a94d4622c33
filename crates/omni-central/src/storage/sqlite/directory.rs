//! Devices, codes and settings in SQLite.

use super::codec::{decode, hash};
use super::error::map;
use crate::storage::{CodeRecord, DeviceRecord};
use omni_protocol::frame::to_bytes;
use omni_protocol::{DeviceId, Hash, ReplicaId};
use omni_sync::StorageError;
use rusqlite::{Connection, OptionalExtension, Row, params};

const DEVICE_COLUMNS: &str =
    "id, name, operator, role, grants, public_key, replica, enrolled_ms, revoked_ms, last_seen_ms, durable_seq";

/// Every device, in order of enrolment.
pub fn devices(conn: &Connection) -> Result<Vec<DeviceRecord>, StorageError> {
    let sql = format!("SELECT {DEVICE_COLUMNS} FROM device ORDER BY n");
    let mut statement = conn.prepare_cached(&sql).map_err(map)?;
    let mut rows = statement.query([]).map_err(map)?;
    let mut out = Vec::new();
    while let Some(row) = rows.next().map_err(map)? {
        out.push(device(row)?);
    }
    Ok(out)
}

fn device(row: &Row) -> Result<DeviceRecord, StorageError> {
    let corrupt = || StorageError::corrupt("device");
    let bytes = |i: usize| row.get::<_, Vec<u8>>(i).map_err(map);
    let text = |i: usize| row.get::<_, String>(i).map_err(map);
    let replica: Option<Vec<u8>> = row.get(6).map_err(map)?;
    Ok(DeviceRecord {
        device: DeviceId::from_slice(&bytes(0)?).ok_or_else(corrupt)?,
        name: text(1)?,
        operator: text(2)?,
        role: text(3)?.parse().map_err(|_| corrupt())?,
        grants: decode(&bytes(4)?, "grants")?,
        public_key: bytes(5)?.try_into().map_err(|_| corrupt())?,
        replica: replica.as_deref().and_then(ReplicaId::from_slice),
        enrolled_ms: row.get(7).map_err(map)?,
        revoked_ms: row.get(8).map_err(map)?,
        last_seen_ms: row.get(9).map_err(map)?,
        durable_seq: row.get::<_, i64>(10).map_err(map)? as u64,
    })
}

/// Adds or replaces a device and raises the access generation.
pub fn put_device(conn: &Connection, d: &DeviceRecord) -> Result<(), StorageError> {
    let sql = "INSERT INTO device(id, name, operator, role, grants, public_key, replica, enrolled_ms, revoked_ms,
                 last_seen_ms, durable_seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
               ON CONFLICT(id) DO UPDATE SET name = excluded.name, operator = excluded.operator, role = excluded.role,
                 grants = excluded.grants, public_key = excluded.public_key, replica = excluded.replica,
                 revoked_ms = excluded.revoked_ms, last_seen_ms = excluded.last_seen_ms,
                 durable_seq = excluded.durable_seq";
    let replica = d.replica.map(|r| r.as_bytes().to_vec());
    conn.prepare_cached(sql)
        .and_then(|mut s| {
            s.execute(params![
                &d.device.as_bytes()[..],
                d.name,
                d.operator,
                d.role.name(),
                to_bytes(&d.grants),
                &d.public_key[..],
                replica,
                d.enrolled_ms,
                d.revoked_ms,
                d.last_seen_ms,
                d.durable_seq as i64,
            ])
        })
        .and_then(|_| conn.execute("UPDATE log_head SET access = access + 1", []))
        .map(drop)
        .map_err(map)
}

/// Notes when a device was last heard.
pub fn touch(conn: &Connection, device: DeviceId, seen_ms: i64, durable_seq: u64) -> Result<(), StorageError> {
    let sql = "UPDATE device SET last_seen_ms = ?2, durable_seq = max(durable_seq, ?3) WHERE id = ?1";
    conn.prepare_cached(sql)
        .and_then(|mut s| s.execute(params![&device.as_bytes()[..], seen_ms, durable_seq as i64]))
        .map(drop)
        .map_err(map)
}

/// The access generation.
pub fn generation(conn: &Connection) -> Result<u64, StorageError> {
    conn.prepare_cached("SELECT access FROM log_head")
        .and_then(|mut s| s.query_row([], |r| r.get::<_, i64>(0)))
        .map(|n| n as u64)
        .map_err(map)
}

/// A code by its hash.
pub fn code(conn: &Connection, wanted: Hash) -> Result<Option<CodeRecord>, StorageError> {
    let sql = "SELECT operator, role, grants, created_ms, expires_ms, used_ms FROM enrol_code WHERE hash = ?1";
    let mut statement = conn.prepare_cached(sql).map_err(map)?;
    let mut rows = statement.query([&wanted.0[..]]).map_err(map)?;
    let Some(row) = rows.next().map_err(map)? else { return Ok(None) };
    let role: String = row.get(1).map_err(map)?;
    let grants: Vec<u8> = row.get(2).map_err(map)?;
    Ok(Some(CodeRecord {
        hash: wanted,
        operator: row.get(0).map_err(map)?,
        role: role.parse().map_err(|_| StorageError::corrupt("role"))?,
        grants: decode(&grants, "grants")?,
        created_ms: row.get(3).map_err(map)?,
        expires_ms: row.get(4).map_err(map)?,
        used_ms: row.get(5).map_err(map)?,
    }))
}

/// Adds or replaces a code.
pub fn put_code(conn: &Connection, c: &CodeRecord) -> Result<(), StorageError> {
    let sql = "INSERT OR REPLACE INTO enrol_code VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let grants = to_bytes(&c.grants);
    conn.prepare_cached(sql)
        .and_then(|mut s| {
            let role = c.role.name();
            s.execute(params![&c.hash.0[..], c.operator, role, grants, c.created_ms, c.expires_ms, c.used_ms])
        })
        .map(drop)
        .map_err(map)
}

/// A small named value.
pub fn setting(conn: &Connection, name: &str) -> Result<Option<Vec<u8>>, StorageError> {
    conn.prepare_cached("SELECT value FROM setting WHERE name = ?1")
        .and_then(|mut s| s.query_row([name], |r| r.get(0)).optional())
        .map_err(map)
}

/// Sets a small named value.
pub fn put_setting(conn: &Connection, name: &str, value: &[u8]) -> Result<(), StorageError> {
    conn.prepare_cached("INSERT OR REPLACE INTO setting VALUES (?1, ?2)")
        .and_then(|mut s| s.execute(params![name, value]))
        .map(drop)
        .map_err(map)
}

/// A hash column by index.
pub fn hash_column(row: &Row, i: usize) -> Result<Hash, StorageError> {
    hash(&row.get::<_, Vec<u8>>(i).map_err(map)?)
}
