//! A replica in a temporary folder, files to import, looks at what is stored.

use omni_agent::transfer::{ImportOptions, ImportReport, import};
use omni_model::{Collection, RecordId, Row, schema};
use omni_protocol::{ReplicaId, WireError};
use omni_store::{DbKey, Durability, Lane, ListQuery, Store, StoreError, StoreOptions};
use omni_sync::StorageError;
use omni_sync::replica::{OutboxEntry, ReplicaTx, fresh_meta};
use std::path::PathBuf;
use tempfile::TempDir;

pub struct Replica {
    pub folder: TempDir,
    pub store: Store,
}

pub fn collection(name: &str) -> &'static Collection {
    schema::by_name(name).unwrap()
}

fn open(folder: &TempDir) -> Store {
    let path = folder.path().join("data").join("replica.db");
    Store::open(&path, &DbKey::new([7; 32]), StoreOptions::default()).unwrap()
}

impl Replica {
    pub fn new() -> Replica {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        let enrol = |tx: &mut omni_store::WriteTx<'_>| {
            tx.set_meta(&fresh_meta(ReplicaId(uuid::Uuid::from_u128(1)))).map_err(StoreError::from)
        };
        store.write(Lane::Interactive, Durability::Full, enrol).unwrap();
        Replica { folder, store }
    }

    /// With two sectors, `north` and `south`.
    pub fn with_sectors() -> Replica {
        let replica = Replica::new();
        let report = replica.import("sector", "s.csv", "key,name\nnorth,North\nsouth,South\n").unwrap();
        assert_eq!(report.created, 2);
        replica
    }

    /// As after a restart.
    pub fn reopen(self) -> Replica {
        let Replica { folder, store } = self;
        drop(store);
        let store = open(&folder);
        Replica { folder, store }
    }

    fn write(&self, work: impl FnOnce(&mut omni_store::WriteTx<'_>) -> Result<(), StorageError> + Send + 'static) {
        let work = |tx: &mut omni_store::WriteTx<'_>| work(tx).map_err(StoreError::from);
        self.store.write(Lane::Interactive, Durability::Full, work).unwrap();
    }

    /// A commit that touched nothing here came in.
    pub fn moves_on(&self) {
        self.write(|tx| {
            let mut meta = tx.meta()?;
            meta.position.seq += 1;
            tx.set_meta(&meta)
        });
    }

    /// All that waits is confirmed as it is.
    pub fn confirms_its_queue(&self) {
        let waiting = self.queue();
        self.write(move |tx| {
            for entry in waiting {
                tx.outbox_remove(entry.change.id)?;
                entry.change.ops.iter().map(|op| op.record()).try_for_each(|(c, id)| tx.drop_confirmed(c, id))?;
            }
            Ok(())
        });
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn import_with(
        &self,
        collection: &str,
        name: &str,
        content: impl AsRef<[u8]>,
        options: &ImportOptions,
    ) -> Result<ImportReport, WireError> {
        import(&self.store, collection, &self.file(name, content), options, &|_, _| true)
    }

    pub fn import(&self, collection: &str, name: &str, content: impl AsRef<[u8]>) -> Result<ImportReport, WireError> {
        self.import_with(collection, name, content, &ImportOptions::default())
    }

    /// Dry first: the same report but for the group, and nothing saved.
    pub fn import_twice_over(&self, collection: &str, name: &str, content: &str, skip_bad: bool) -> ImportReport {
        let before = self.rows(collection);
        let options = ImportOptions { skip_bad, ..ImportOptions::default() };
        let dry = ImportOptions { dry_run: true, ..options.clone() };
        let mut tried = self.import_with(collection, name, content, &dry).unwrap();
        assert_eq!(self.rows(collection), before);
        assert_eq!(tried.group, None);
        let done = self.import_with(collection, name, content, &options).unwrap();
        tried.group.clone_from(&done.group);
        assert_eq!(tried, done);
        done
    }

    pub fn rows(&self, name: &str) -> Vec<Row> {
        let mut rows = Vec::new();
        let each = |tx: &omni_store::ReadTx<'_>| {
            tx.for_each(&ListQuery::all(collection(name)), &mut |row| {
                rows.push(row);
                Ok(())
            })
        };
        self.store.read(each).unwrap();
        rows.sort_by_key(|r| r.id);
        rows
    }

    pub fn get(&self, name: &str, key: &str) -> Row {
        let c = collection(name);
        self.store.read(|tx| tx.row(c.id, RecordId::from_key(name, key))).unwrap().unwrap().row
    }

    /// A field as a CSV cell holds it.
    pub fn value(&self, name: &str, key: &str, field: &str) -> String {
        let f = collection(name).field(field).unwrap();
        f.to_text(self.get(name, key).get(f.id))
    }

    pub fn queue(&self) -> Vec<OutboxEntry> {
        let lines = self.store.read(|tx| tx.queue(None, 0, u64::MAX)).unwrap().1;
        lines.into_iter().map(|line| line.entry).collect()
    }
}

/// Numbers that are the same in every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    pub fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.roll(words.len() as u64) as usize]
    }
}

/// A file of brands in the customer's shape: `cores` core brands, each with two subnodes that stand before it.
pub fn brands_csv(cores: usize) -> String {
    let mut out =
        String::from("id,name,sector_id,kind,parent_id,ordinal,vault_mesh_id,payout_tier,origin,duplicate_name\n");
    for n in 0..cores {
        let sector = ["north", "south"][n % 2];
        for (i, word) in ["Vault™", "Ledger"].iter().enumerate() {
            out += &format!("{sector}-b{n}-{i},B {word},{sector},subnode,{sector}-b{n},{i},,A,generated,False\n");
        }
        out += &format!("{sector}-b{n},Brand {},{sector},core,,{n},{},A+,source,True\n", n / 2, 16_000 + n);
    }
    out
}
