//! Enrolment: a code made by an administrator becomes a device.

use crate::access::Role;
use crate::clock::rfc3339;
use crate::codes::{self, CODE_LIFE_MS};
use crate::error::{CentralError, Result};
use crate::folder::Folder;
use crate::guard::{self, Enrolment, Guarded};
use crate::random;
use crate::storage::{CodeRecord, DeviceRecord, ReadTx, Storage, StorageExt};
use omni_model::{RecordId, schema};
use omni_protocol::{DeviceId, Grants, ReplicaId};
use omni_sync::StorageError;
use serde::{Deserialize, Serialize};

/// Longest name of a device or operator, bytes.
const NAME_BYTES_MAX: usize = 200;
/// Collections whose records own others, in the order a bare key is looked up.
const OWNERS: [&str; 3] = ["sector", "treaty", "payroll_sector"];

/// A new code, shown once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewCode {
    /// The code.
    pub code: String,
    /// RFC 3339 UTC.
    pub expires: String,
}

/// Body of `POST /v1/enrol`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EnrolRequest {
    /// The code as typed.
    pub code: String,
    /// The laptop's name.
    pub name: String,
    /// Ed25519, 32 bytes hex.
    pub device_public_key: String,
    /// The replica the laptop starts with.
    pub replica: ReplicaId,
}

/// Answer of `POST /v1/enrol`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// The device's id.
    pub device: DeviceId,
    /// The operator the code was made for.
    pub operator: String,
    /// The operator's role.
    pub role: String,
    /// Central's id.
    pub central: String,
    /// Central's Ed25519 key, hex.
    pub central_public_key: String,
    /// Central's epoch.
    pub epoch: u32,
}

fn check_name(what: &str, name: &str) -> Result<String> {
    let name = name.trim();
    let printable = !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control);
    if printable {
        return Ok(name.to_owned());
    }
    Err(CentralError::new("usage", format!("{what} needs 1 to {NAME_BYTES_MAX} bytes of printable text.")))
}

/// Rights from the words of `--scopes`: `all`, or ids and keys of sectors, treaties and payroll sectors. A key may say
/// its kind (`treaty:KEY`); a bare key means the sector if there is one.
pub fn parse_scopes(storage: &dyn Storage, words: &str) -> Result<Grants> {
    if words.trim() == "all" {
        return Ok(Grants::everything());
    }
    let names: Vec<&str> = words.split(',').map(str::trim).filter(|w| !w.is_empty()).collect();
    if names.is_empty() {
        return Err(CentralError::new("usage", "Name at least one scope, or all."));
    }
    let found = storage.reading(|tx| names.iter().map(|n| owner(tx, n)).collect::<Result<Vec<_>, StorageError>>())?;
    let missing: Vec<&str> = names.iter().zip(&found).filter(|(_, f)| f.is_none()).map(|(n, _)| *n).collect();
    if !missing.is_empty() {
        let message = format!("No sector, treaty or payroll sector has the id or key {}.", missing.join(", "));
        return Err(CentralError::new("unknown_scope", message));
    }
    Ok(Grants::owners(found.into_iter().flatten().collect()))
}

fn owner(tx: &dyn ReadTx, word: &str) -> Result<Option<RecordId>, StorageError> {
    let (kinds, name) = match word.split_once(':') {
        Some((kind, name)) if OWNERS.contains(&kind) => (vec![kind], name),
        _ => (OWNERS.to_vec(), word),
    };
    for kind in kinds {
        let Some(collection) = schema::by_name(kind) else { continue };
        let id = uuid::Uuid::parse_str(name).map_or_else(|_| RecordId::from_key(kind, name), RecordId);
        if tx.stored(collection.id, id)?.is_some_and(|s| s.is_live()) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Makes a code for an operator. Only its hash is stored.
pub fn new_code(storage: &dyn Storage, operator: &str, role: Role, grants: Grants, now_ms: i64) -> Result<NewCode> {
    let operator = check_name("The operator's name", operator)?;
    let code = codes::generate()?;
    let expires_ms = now_ms + CODE_LIFE_MS;
    let record =
        CodeRecord { hash: codes::hash(&code)?, operator, role, grants, created_ms: now_ms, expires_ms, used_ms: None };
    storage.writing(|tx| tx.put_code(&record))?;
    Ok(NewCode { code, expires: rfc3339(expires_ms) })
}

/// Spends a code and enrols the device, in one transaction. The answer leaves once both are durable, here and in the
/// guard.
pub fn enrol(folder: &Folder, storage: &dyn Storage, request: &EnrolRequest, now_ms: i64) -> Result<Enrolled> {
    let hash = codes::hash(&request.code)?;
    let name = check_name("The device's name", &request.name)?;
    let key = random::from_hex::<32>(&request.device_public_key)
        .filter(|k| ed25519_dalek::VerifyingKey::from_bytes(k).is_ok())
        .ok_or_else(|| CentralError::new("bad_key", "The device's public key is not an Ed25519 key in hex."))?;
    let device = DeviceId(random::uuid()?);
    let spent = storage.writing(|tx| {
        let Some(mut code) = tx.code(hash)? else { return Ok(Err(codes::unknown())) };
        if code.used_ms.is_some() {
            return Ok(Err(CentralError::new("code_used", "This enrolment code was used already.")));
        }
        if now_ms >= code.expires_ms {
            return Ok(Err(CentralError::new("code_expired", "This enrolment code has expired. Ask for a new one.")));
        }
        code.used_ms = Some(now_ms);
        tx.put_code(&code)?;
        let record = DeviceRecord {
            device,
            name,
            operator: code.operator,
            role: code.role,
            grants: code.grants,
            public_key: key,
            replica: Some(request.replica),
            enrolled_ms: now_ms,
            revoked_ms: None,
            last_seen_ms: None,
            durable_seq: 0,
        };
        tx.put_device(&record)?;
        Ok(Ok((record, tx.head()?.position.epoch)))
    })?;
    let (record, epoch) = spent?;
    guard::append(folder, &Guarded::Spent { code: hash.to_hex(), at_ms: now_ms })?;
    guard::append(folder, &Guarded::Enrolled(Enrolment::of(&record)))?;
    let central_key = folder.signing_key()?.verifying_key().to_bytes();
    Ok(Enrolled {
        device,
        operator: record.operator,
        role: record.role.name().to_owned(),
        central: central_id(&central_key),
        central_public_key: random::to_hex(&central_key),
        epoch,
    })
}

/// Central's id: derived from its key, so that it survives a restore.
pub fn central_id(public_key: &[u8; 32]) -> String {
    omni_protocol::Hash::of("omni-central-id", &[public_key]).to_hex()[..32].to_owned()
}
