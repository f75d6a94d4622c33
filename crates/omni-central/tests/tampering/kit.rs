//! A small central with a past worth forging, and what a laptop keeps of it.

use ed25519_dalek::SigningKey;
use omni_central::Role;
use omni_central::ledger;
use omni_central::storage::sqlite::{SqliteOptions, SqliteStorage, Synchronous};
use omni_central::storage::{BatchRecord, DeviceRecord, PageLimits, StorageExt};
use omni_central::verify::{Depth, Report, verify};
use omni_model::{FieldId, Op, RecordId, Value, schema};
use omni_protocol::change::{NORMAL, chain};
use omni_protocol::{
    Base, Batch, BootId, Change, ChangeId, DeviceId, EditTime, Entry, Grants, Hash, OutcomeKind, ReplicaId, Scope,
};
use omni_sync::StorageError;
use omni_sync::central::{Admitted, Rights, Sender, admit_batch};
use omni_sync::ledger::{KeptCommit, Watch};
use omni_sync::sign::sign_batch;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use uuid::Uuid;

/// Central's key.
pub static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::from_bytes(&[9; 32]));

/// Small and repeatable (splitmix64).
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn numbers(&mut self) -> Vec<u64> {
        (0..16).map(|_| self.next()).collect()
    }
}

pub struct Book {
    _folder: tempfile::TempDir,
    pub file: PathBuf,
    /// What the laptop trusts: the head of half the past.
    pub watch: Watch,
    /// Its history.
    pub kept: BTreeMap<u64, KeptCommit>,
}

pub fn open(file: &Path) -> Result<SqliteStorage, StorageError> {
    let options = SqliteOptions { readers: 0, synchronous: Synchronous::Off, ..SqliteOptions::default() };
    SqliteStorage::open_beside(file, options)
}

pub fn report(file: &Path) -> Report {
    let key = KEY.verifying_key().to_bytes();
    open(file).unwrap().reading(|tx| Ok(verify(tx, Some(&key), Depth::Whole))).unwrap()
}

struct Author {
    device: DeviceId,
    replica: ReplicaId,
    key: SigningKey,
    counter: u64,
    chain: Hash,
    /// What it has seen.
    base: u64,
}

impl Author {
    fn new(n: u8) -> Author {
        let id = Uuid::from_u128(u128::from(n));
        let key = SigningKey::from_bytes(&[n; 32]);
        Author { device: DeviceId(id), replica: ReplicaId(id), key, counter: 0, chain: Hash::default(), base: 0 }
    }

    fn record(&self) -> DeviceRecord {
        DeviceRecord {
            device: self.device,
            name: "laptop".to_owned(),
            operator: "Ada".to_owned(),
            role: Role::Admin,
            grants: Grants::everything(),
            public_key: self.key.verifying_key().to_bytes(),
            replica: Some(self.replica),
            enrolled_ms: 1,
            revoked_ms: None,
            last_seen_ms: None,
            durable_seq: 0,
        }
    }

    fn batch(&mut self, epoch: u32, ops: Vec<Op>) -> Batch {
        self.counter += 1;
        let id = Uuid::from_u128((u128::from(self.counter) << 64) | self.device.0.as_u128());
        let change = Change {
            id: ChangeId(id),
            base: Base { epoch, seq: self.base },
            command: 0,
            version: 0,
            schema: schema::SCHEMA_VERSION,
            args: Vec::new(),
            ops,
            after: Vec::new(),
            time: EditTime { boot: BootId(Uuid::nil()), mono_ms: 1, wall_ms: 1 },
            priority: NORMAL,
            group: None,
            was: Vec::new(),
        };
        let entries = vec![Entry::Change(change.to_bytes().into())];
        let prev_hash = self.chain;
        self.chain = chain(prev_hash, entries[0].link());
        let signature = Vec::new().into();
        let (replica, first) = (self.replica, self.counter);
        let mut batch = Batch { replica, parent: None, epoch, first, prev_hash, entries, signature };
        sign_batch(&mut batch, &self.key);
        batch
    }
}

/// Admits a change as the writer does: with its signature, and a signed head in the same transaction.
fn admit(storage: &SqliteStorage, author: &mut Author, now_ms: i64, ops: Vec<Op>) -> OutcomeKind {
    let admitted = storage.writing(|tx| {
        let batch = author.batch(tx.head()?.position.epoch, ops);
        let sender = Sender {
            device: author.device,
            rights: Rights::everything(),
            authority: Role::Admin.authority(),
            lineage: Vec::new(),
            now_ms,
            quarantine: BTreeSet::new(),
        };
        let admitted = admit_batch(&mut *tx, &sender, &batch)?;
        tx.put_batch(&BatchRecord::of(&batch, author.device))?;
        ledger::sign(tx, &KEY, now_ms)?;
        Ok(admitted)
    });
    match admitted.unwrap() {
        Admitted::Done { outcomes, .. } => outcomes[0].kind,
        other => panic!("{other:?}"),
    }
}

fn field(collection: &str, name: &str) -> FieldId {
    schema::by_name(collection).unwrap().field(name).unwrap().id
}

fn insert(collection: &str, key: &str, values: Vec<(&str, Value)>) -> Op {
    let c = schema::by_name(collection).unwrap();
    let values = values.into_iter().map(|(name, value)| (field(collection, name), value)).collect();
    Op::Insert { collection: c.id, record: RecordId::from_key(collection, key), key: Some(key.to_owned()), values }
}

fn set(collection: &str, key: &str, name: &str, value: Value) -> Op {
    let c = schema::by_name(collection).unwrap();
    Op::Set { collection: c.id, record: RecordId::from_key(collection, key), field: field(collection, name), value }
}

/// Two laptops with edits that meet and are refused, a delete, a restore in between, and links and unique values.
pub fn build() -> Book {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("central.db");
    let storage = open(&file).unwrap();
    let (mut a, mut b) = (Author::new(1), Author::new(2));
    storage
        .writing(|tx| {
            [&a, &b].iter().try_for_each(|d| tx.put_device(&d.record()))?;
            ledger::begin(tx, &KEY, 1)
        })
        .unwrap();
    let mut kinds = BTreeSet::new();
    let mut watch = Watch::default();
    for n in 0..8_i64 {
        let (key, now) = (format!("s{n}"), 1_000 * n);
        let brand = format!("b{n}");
        let sector = RecordId::from_key("sector", &key);
        let mut say = |kind: OutcomeKind| {
            kinds.insert(format!("{kind:?}"));
        };
        say(admit(&storage, &mut a, now, vec![insert("sector", &key, vec![("name", Value::text(&key))])]));
        let kind = ("kind", Value::text("core"));
        let values = vec![("name", Value::text(&brand)), ("sector", Value::Id(sector)), kind];
        say(admit(&storage, &mut a, now + 1, vec![insert("brand", &brand, values)]));
        let app = format!("a{n}");
        say(admit(&storage, &mut a, now + 1, vec![insert("app", &app, vec![("name", Value::text(&app))])]));
        let seen = storage.reading(|tx| tx.head()).unwrap().position.seq;
        (a.base, b.base) = (seen, seen);
        // Both at once, neither knowing the other's.
        say(admit(&storage, &mut a, now + 2, vec![set("sector", &key, "name", Value::text(format!("{key} by a")))]));
        say(admit(&storage, &mut b, now + 3, vec![set("sector", &key, "name", Value::text(format!("{key} by b")))]));
        // Refused: no such record, a name that is taken.
        say(admit(&storage, &mut b, now + 4, vec![set("sector", "nowhere", "name", Value::text("x"))]));
        if n == 4 {
            watch = first_contact(&storage);
        }
        if n == 6 {
            storage
                .writing(|tx| {
                    let head = tx.head()?.position.seq;
                    tx.open_epoch(3, head)?;
                    ledger::begin(tx, &KEY, now)
                })
                .unwrap();
        }
    }
    let c = schema::by_name("brand").unwrap().id;
    a.base = storage.reading(|tx| tx.head()).unwrap().position.seq;
    let gone = Op::Delete { collection: c, record: RecordId::from_key("brand", "b3") };
    kinds.insert(format!("{:?}", admit(&storage, &mut a, 99_000, vec![gone])));
    assert!(kinds.len() >= 3, "edits are applied, meet each other, and are refused: {kinds:?}");
    let kept = history(&storage);
    storage.seal().unwrap();
    Book { _folder: folder, file, watch, kept }
}

fn first_contact(storage: &SqliteStorage) -> Watch {
    let mut watch = Watch::default();
    let head = storage.reading(|tx| tx.tree_head()).unwrap().unwrap();
    watch.trust(head, &[], &KEY.verifying_key().to_bytes(), &Grants::everything()).unwrap();
    // Its history is whole from the first commit on.
    watch.copied(0);
    watch
}

fn history(storage: &SqliteStorage) -> BTreeMap<u64, KeptCommit> {
    let limits = PageLimits { commits: 1_000, bytes: usize::MAX };
    let commits = storage.reading(|tx| tx.commits_after(0, limits, None)).unwrap();
    let (mut last, mut kept) = (BTreeMap::<Scope, (u64, Vec<u8>)>::new(), BTreeMap::new());
    for commit in commits {
        let seq = commit.position.seq;
        let before = commit.parts.iter().filter_map(|(s, _)| last.get(s).map(|found| (*s, found.clone()))).collect();
        let parts = commit.parts.iter().map(|(_, bytes)| bytes.clone()).collect();
        kept.insert(seq, KeptCommit { seq, parts, before });
        last.extend(commit.parts.into_iter().map(|(scope, bytes)| (scope, (seq, bytes))));
    }
    kept
}
