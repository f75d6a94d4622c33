//! Administration commands.

use super::{print_json, show};
use clap::Args;
use omni_central::access::Role;
use omni_central::admin::{self, backup as copies, enrol, status as state};
use omni_central::clock::system_ms;
use omni_central::folder::Folder;
use omni_central::storage::sqlite::{SqliteOptions, SqliteStorage};
use omni_central::storage::{Storage, StorageExt};
use omni_central::{CentralError, Result, guard, verify};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

/// Flags of `enrol-code`.
#[derive(Debug, Args)]
pub struct EnrolCodeArgs {
    /// The data folder.
    #[arg(long)]
    data: PathBuf,
    /// The person.
    #[arg(long)]
    operator: String,
    /// admin, operator or viewer.
    #[arg(long, default_value = "operator")]
    role: String,
    /// all, or ids and keys of sectors, treaties and payroll sectors.
    #[arg(long, default_value = "all")]
    scopes: String,
}

fn open(data: &Path) -> Result<(Folder, SqliteStorage)> {
    let folder = Folder::existing(data)?;
    let storage = admin::open_beside(&folder)?;
    Ok((folder, storage))
}

/// `enrol-code`. Makes the folder if it does not exist: the first code may come before the first start.
pub fn enrol_code(args: EnrolCodeArgs, json: bool) -> Result<u8> {
    let role: Role = args.role.parse().map_err(|e| CentralError::new("usage", format!("{e}.")))?;
    let folder = Folder::create(&args.data)?;
    let storage = SqliteStorage::open_beside(&folder.prepare_database()?, SqliteOptions::default())?;
    let storage: &dyn Storage = &storage;
    let grants = enrol::parse_scopes(storage, &args.scopes)?;
    let code = enrol::new_code(storage, &args.operator, role, grants, system_ms())?;
    show(json, &json!(code), || format!("{}\ngood once, until {}", code.code, code.expires))
}

/// `status`.
pub fn status(data: &Path, json: bool) -> Result<u8> {
    let (folder, storage) = open(data)?;
    let status = state::status(&folder, &storage)?;
    show(json, &status, || table(&status))
}

fn table(status: &Json) -> String {
    let lines = status.as_object().into_iter().flatten().map(|(name, value)| match value {
        Json::Null => format!("{name:16} none"),
        Json::String(s) => format!("{name:16} {s}"),
        other => format!("{name:16} {other}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `devices`: lines.
pub fn devices(data: &Path, json: bool) -> Result<u8> {
    let (_, storage) = open(data)?;
    for device in state::devices(&storage)? {
        if json {
            print_json(&device);
            continue;
        }
        let text = |name: &str| device[name].as_str().unwrap_or("never").to_owned();
        let standing = if device["revoked"].is_null() { "active" } else { "revoked" };
        let (name, operator) = (text("name"), text("operator"));
        println!(
            "{}  {name}  {operator}  {}  {standing}  last seen {}",
            text("device"),
            text("role"),
            text("last_seen")
        );
    }
    Ok(0)
}

/// `revoke`.
pub fn revoke(data: &Path, device: &str, json: bool) -> Result<u8> {
    let (folder, storage) = open(data)?;
    let revoked = admin::revoke(&folder, &storage, device)?;
    let value = json!({
        "device": revoked.device.to_string(),
        "name": revoked.name,
        "revoked": revoked.revoked_ms.map(omni_central::clock::rfc3339),
    });
    show(json, &value, || format!("{} ({}) has no access any more.", revoked.name, revoked.device))
}

/// `backup`.
pub fn backup(data: &Path, file: &Path, json: bool) -> Result<u8> {
    let (folder, storage) = open(data)?;
    let made = copies::backup(&storage, file)?;
    copies::note(&folder, &made)?;
    show(json, &made.describe(), || format!("{} holds everything up to {}, verified.", file.display(), made.seq))
}

/// `restore`.
pub fn restore(data: &Path, file: &Path, json: bool) -> Result<u8> {
    let folder = Folder::create(data)?;
    let r = admin::restore::restore(&folder, file)?;
    let value = json!({
        "epoch": r.head.epoch,
        "seq": r.head.seq,
        "forked_from": r.from_epoch,
        "replaced": r.replaced.as_ref().map(|p| p.display().to_string()),
        "reapplied": r.reapplied,
    });
    show(json, &value, || format!("Restored up to {}; epoch {} begins.", r.head.seq, r.head.epoch))
}

/// `recover`.
pub fn recover(data: &Path, end: bool, begin: bool, json: bool) -> Result<u8> {
    let (folder, storage) = open(data)?;
    if begin {
        omni_central::recovery::forget_claims(&folder)?;
    }
    if end {
        omni_central::recovery::end(&folder)?;
    }
    let value = json!({ "recovering": omni_central::recovery::describe(&folder, &storage)? });
    show(json, &value, || match &value["recovering"] {
        Json::Null if begin => "The next laptop that is ahead of central begins a recovery.".to_owned(),
        Json::Null => "Central is not being recovered.".to_owned(),
        state => format!(
            "{} commits brought back so far. Reported: {}. Missing: {}.{}",
            state["offered"],
            state["reported"],
            state["missing"],
            if end { " Ended: what was brought is committed as soon as central runs." } else { "" }
        ),
    })
}

/// `verify`: exit 1 on any difference.
pub fn verify(data: &Path, json: bool) -> Result<u8> {
    let (folder, storage) = open(data)?;
    let key = folder.signing_key()?.verifying_key();
    let report = storage.reading(|tx| Ok(verify::verify(tx, Some(key.as_bytes()), verify::Depth::Whole)))?;
    let guarded = guard::read(&folder)?.len();
    let mut value = json!(report);
    value["equal"] = json!(report.is_sound());
    value["guard_lines"] = json!(guarded);
    show(json, &value, || {
        let differences = report.differences.iter().map(|d| format!("{}: {}", d.kind, d.what));
        let counted = format!(
            "{} records in {} scopes, {} commits with {} parts, {} signatures compared",
            report.records, report.scopes, report.commits, report.parts, report.signatures
        );
        std::iter::once(counted).chain(differences).collect::<Vec<_>>().join("\n")
    })?;
    Ok(u8::from(!report.is_sound()))
}
