//! The file itself: keys, damage, permissions, no plaintext.

use crate::kit::{Replica, brand, collection, key, open, path, sector, set};
use omni_model::Value;
use omni_store::{DbKey, Store, StoreOptions};
use omni_sync::replica::ReplicaTx;
use std::fs;
use std::path::Path;

fn open_code(path: &Path, key: &DbKey) -> &'static str {
    Store::open(path, key, StoreOptions::default()).map(drop).map_or_else(|e| e.code(), |()| "ok")
}

#[test]
fn a_wrong_key_is_told_from_damage() {
    let r = Replica::new();
    r.put(vec![sector("agri", "Agriculture")]);
    let path = r.path();
    let folder = r.folder;
    drop(r.store);
    assert_eq!(open_code(&path, &DbKey::new([8; 32])), "wrong_key");
    assert_eq!(open_code(&path, &key()), "ok", "nothing was changed by the wrong key");
    let mut bytes = fs::read(&path).unwrap();
    bytes[20] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert_eq!(open_code(&path, &key()), "corrupt");
    drop(folder);
}

#[test]
fn a_damaged_page_is_corrupt_and_never_data() {
    let r = Replica::new();
    r.put((0..3_000).map(|n| brand(&format!("b{n}"), "agri", &[("name", "Some name here")])).collect());
    let path = r.path();
    let folder = r.folder;
    drop(r.store);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    (0..64).for_each(|n| bytes[middle + n] ^= 0x55);
    fs::write(&path, &bytes).unwrap();
    let problems = match open(&folder) {
        Ok(store) => store.check_integrity(),
        Err(e) => Err(e),
    };
    match problems {
        Ok(found) => assert!(!found.is_empty()),
        Err(e) => assert_eq!(e.code(), "corrupt", "{e}"),
    }
    drop(path);
}

#[test]
fn a_search_before_later_writes_is_no_damage() {
    let r = Replica::new();
    r.put((0..20).map(|n| brand(&format!("b{n}"), "agri", &[("name", "First")])).collect());
    for round in 0..24 {
        r.write(move |tx| tx.put_row(&brand("b1", "agri", &[("name", &format!("Name {round}"))]), None));
        assert_eq!(r.store.check_integrity().unwrap(), Vec::<String>::new(), "round {round}");
        assert_eq!(r.read(|tx| tx.count(collection("brand"), &[], Some("name"))), 1);
    }
}

#[test]
fn pages_that_are_still_in_the_log_are_no_damage() {
    let r = Replica::new();
    let brands = |name: &'static str| (0..3_000).map(move |n| brand(&format!("b{n}"), "agri", &[("name", name)]));
    r.put(brands("First").collect());
    r.put((0..100).map(|n| sector(&format!("s{n}"), "A sector")).collect());
    r.read(|tx| {
        assert_eq!(tx.rows_total()?, 3_100);
        // While this read goes on, no page changed since gets into the file, but others behind it do.
        for name in ["Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth", "Eleventh"] {
            r.put(brands(name).collect());
        }
        let size = |suffix: &str| fs::metadata(format!("{}{suffix}", r.path().display())).unwrap().len() / 2048;
        let (moved, log) = (size(""), size("-wal"));
        assert!(moved > 50 && log > 500, "part of the log was moved into the file: {moved}, {log}");
        r.store.check_integrity().map(|found| assert_eq!(found, Vec::<String>::new()))
    });
}

#[cfg(unix)]
#[test]
fn files_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let r = Replica::new();
    r.put(vec![sector("agri", "Agriculture")]);
    let folder = r.path().parent().unwrap().to_owned();
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    for entry in fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if !name.ends_with(".lock") {
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        }
    }
}

#[test]
fn no_plaintext_reaches_the_disk() {
    const CANARY: &str = "kanarienvogel-8841";
    let r = Replica::new();
    r.put(vec![sector("agri", CANARY), brand("b", "agri", &[("name", CANARY)])]);
    r.edit(vec![set("brand", "b", "notes", Value::text(CANARY))]).unwrap();
    r.write(|tx| {
        tx.set_setting("s", CANARY).unwrap();
        Ok(())
    });
    let backup = r.folder.path().join("copy.db");
    r.store.back_up(&backup).unwrap();
    let holds = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(CANARY.len()).any(|w| w.eq_ignore_ascii_case(CANARY.as_bytes()))
    };
    let mut files = vec![backup];
    files.extend(fs::read_dir(r.path().parent().unwrap()).unwrap().map(|e| e.unwrap().path()));
    assert!(files.iter().any(|p| p.to_string_lossy().ends_with("-wal")), "the log is looked at too");
    for file in files {
        assert!(!holds(&file), "{}", file.display());
        assert!(!fs::read(&file).unwrap().starts_with(b"SQLite format 3"));
    }
}

#[test]
fn a_second_owner_is_refused() {
    let r = Replica::new();
    assert_eq!(open(&r.folder).unwrap_err().code(), "busy");
    assert_eq!(open_code(&path(&r.folder), &key()), "busy");
}

#[test]
fn a_backup_opens_with_the_same_key_and_holds_everything() {
    let r = Replica::new();
    r.put((0..500).map(|n| brand(&format!("b{n}"), "agri", &[("name", "Backed up")])).collect());
    let copy = r.folder.path().join("copies").join("copy.db");
    r.store.back_up(&copy).unwrap();
    assert_eq!(r.store.back_up(&copy).unwrap_err().code(), "invalid", "never over another file");
    let other = Store::open(&copy, &key(), StoreOptions::default()).unwrap();
    assert_eq!(other.read(|tx| tx.rows_total()).unwrap(), 500);
    assert!(other.check_integrity().unwrap().is_empty());
}

#[test]
fn diagnostics_count_without_values() {
    let r = Replica::new();
    r.put(vec![sector("agri", "Secret name")]);
    let found = r.store.diagnostics().unwrap();
    assert_eq!(found["rows"]["sector"], 1);
    assert!(found["file_bytes"].as_u64().unwrap() > 0);
    assert!(!found.to_string().contains("Secret"));
}
