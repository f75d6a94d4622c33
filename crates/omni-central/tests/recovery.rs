//! Central loses its log, over real sockets and files: restored from a backup, or put back by its host. What laptops kept
//! of it comes back as it was.

mod common;

use common::*;
use omni_central::admin::{restore, revoke};
use omni_central::folder::Folder;
use omni_central::recovery;
use omni_central::storage::{PageLimits, StorageExt};
use omni_central::verify::{self, Depth};
use omni_central::{Role, Running};
use omni_model::{Op, RecordId, Value, schema};
use omni_protocol::frame::{ServerFrame, from_bytes, to_bytes};
use omni_protocol::{ChangeId, Decided, Grants, OriginalGroup, Originals, Position};
use std::path::Path;

fn name(record: RecordId, text: &str) -> Op {
    let value = Value::text(text);
    Op::Set { collection: schema::by_name("sector").unwrap().id, record, field: field("name"), value }
}

fn head(central: &Running) -> Position {
    central.core().storage.reading(|tx| tx.head()).unwrap().position
}

/// Changes in the log, in its order.
fn log(central: &Running) -> Vec<ChangeId> {
    let limits = PageLimits { commits: 1_000, bytes: usize::MAX };
    let commits = central.core().storage.reading(|tx| tx.commits_after(0, limits, None)).unwrap();
    commits.iter().map(|c| c.info.change).collect()
}

/// A central with two laptops that gave one sector its names in turn, each knowing what the other wrote. `old` is the head
/// of what will be left.
struct World {
    central: Running,
    laptops: [Laptop; 2],
    record: RecordId,
    old: Position,
}

impl World {
    /// `spare` puts aside what will be left of the log.
    async fn new(data: &Path, spare: impl AsyncFnOnce(Running) -> Running) -> World {
        let central = start(data).await;
        let mut a = Laptop::enrol(&central, "Ada", Role::Operator, Grants::everything()).await;
        let b = Laptop::enrol(&central, "Ben", Role::Operator, Grants::everything()).await;
        let (record, made) = sector("water");
        let batch = a.batch(&[a.change(vec![made])]);
        a.connect().await.push(&batch).await;
        let old = head(&central);
        let central = spare(central).await;
        let mut world = World { central, laptops: [a, b], record, old };
        world.follow();
        for turn in 0..6 {
            world.rename(turn).await;
        }
        world
    }

    /// Laptops know where central listens and all it has.
    fn follow(&mut self) {
        let (url, seq) = (self.central.url(), head(&self.central).seq);
        for laptop in &mut self.laptops {
            (laptop.url, laptop.base.seq) = (url.clone(), seq);
        }
    }

    /// One laptop's turn: an edit that is refused, alone or in one batch with a name that is taken.
    async fn rename(&mut self, turn: usize) {
        let laptop = &mut self.laptops[turn % 2];
        let nowhere = name(RecordId(uuid()), "nobody's");
        let changes = [vec![nowhere], vec![name(self.record, &format!("Name {turn}"))]].map(|ops| laptop.change(ops));
        let batches = match turn < 3 {
            true => vec![laptop.batch(&changes)],
            false => changes.iter().map(|change| laptop.batch(std::slice::from_ref(change))).collect(),
        };
        let mut outcomes = Vec::new();
        for batch in &batches {
            outcomes.extend(laptop.connect().await.push(batch).await);
        }
        assert_eq!(outcomes.iter().map(|o| o.took_effect()).collect::<Vec<_>>(), [false, true], "{outcomes:?}");
        self.follow();
    }

    /// What each laptop is to keep.
    async fn kept(&self) -> [Vec<OriginalGroup>; 2] {
        let mut kept = Vec::new();
        for laptop in &self.laptops {
            let token = laptop.connect().await.welcome.token;
            let url = format!("{}/v1/originals?after=0", laptop.url);
            let bytes = http().get(url).bearer_auth(token).send().await.unwrap().bytes().await.unwrap();
            let page: Originals = from_bytes(&unzstd(&bytes)).unwrap();
            assert_eq!(page.position, head(&self.central));
            kept.push(page.groups);
        }
        kept.try_into().unwrap()
    }

    /// Both laptops meet the central that lost its log, and bring what they kept.
    async fn bring(&mut self, at: Position, kept: [Vec<OriginalGroup>; 2]) {
        for (laptop, groups) in self.laptops.iter_mut().zip(kept) {
            laptop.url = self.central.url();
            let welcome = laptop.try_connect(at, &Grants::everything()).await.expect("a welcome").welcome;
            assert!(welcome.recovering);
            assert_eq!((welcome.head.epoch, welcome.head.seq), (2, self.old.seq), "a new epoch, and nothing yet");
            let offer = Originals { groups, position: Position::default() };
            let packed = zstd::bulk::compress(&to_bytes(&offer), 3).unwrap();
            let url = format!("{}/v1/recover?last=true", laptop.url);
            let answer = http().post(url).bearer_auth(welcome.token).body(packed).send().await.unwrap();
            assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
        }
    }

    /// The log is what it was, nobody is asked anything, and everything adds up.
    fn all_back(&self, before: &[ChangeId]) {
        assert_eq!(log(&self.central), before);
        let storage = &self.central.core().storage;
        let items = storage.reading(|tx| tx.conflicts(None)).unwrap();
        let decided: Vec<_> = items.iter().filter(|(_, item)| item.decided != Decided::Person).collect();
        assert!(decided.is_empty(), "what knew what is as it was: {decided:?}");
        let report = storage.reading(|tx| Ok(verify::verify(tx, None, Depth::Whole))).unwrap();
        assert!(report.is_sound(), "{report:?}");
    }

    /// The laptops go on where they were: a base of the lost epoch counts as known.
    async fn goes_on(&mut self) {
        let commits = log(&self.central).len();
        let laptop = &mut self.laptops[0];
        let batch = laptop.batch(&[laptop.change(vec![name(self.record, "After it")])]);
        let outcomes = laptop.connect().await.push(&batch).await;
        assert_eq!(outcomes[0].kind, omni_protocol::OutcomeKind::Applied, "{outcomes:?}");
        assert_eq!(log(&self.central).len(), commits + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_restored_backup_lacks_comes_back_in_its_order() {
    let dir = tempfile::tempdir().unwrap();
    let (data, backup) = (dir.path().join("central"), dir.path().join("old.db"));
    let file = backup.clone();
    let spare = async move |central: Running| {
        central.backup(file).await.unwrap();
        central
    };
    let mut world = World::new(&data, spare).await;
    let (before, at, kept) = (log(&world.central), head(&world.central), world.kept().await);
    // Enrolled before the backup was made or not: revoked is revoked.
    let gone = Laptop::enrol(&world.central, "Cat", Role::Operator, Grants::everything()).await;
    let core = world.central.core().clone();
    revoke(&core.folder, &*core.storage, &gone.device.to_string()).unwrap();
    world.central.shutdown().await.unwrap();
    restore::restore(&Folder::existing(&data).unwrap(), &backup).unwrap();
    world.central = start(&data).await;
    world.bring(at, kept).await;
    world.all_back(&before);
    world.goes_on().await;
    world.central.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_revoked_after_the_backup_stays_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let (data, backup) = (dir.path().join("central"), dir.path().join("old.db"));
    let central = start(&data).await;
    let mut stolen = Laptop::enrol(&central, "Ada", Role::Operator, Grants::everything()).await;
    central.backup(backup.clone()).await.unwrap();
    let core = central.core().clone();
    revoke(&core.folder, &*core.storage, &stolen.device.to_string()).unwrap();
    drop(core);
    central.shutdown().await.unwrap();
    let restored = restore::restore(&Folder::existing(&data).unwrap(), &backup).unwrap();
    assert_eq!(restored.reapplied, 1);
    let central = start(&data).await;
    stolen.url = central.url();
    match stolen.try_connect(Position::default(), &Grants::everything()).await {
        Err(ServerFrame::Refused { code, .. }) => assert_eq!(code, "device_revoked"),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("a stolen laptop is back"),
    }
    central.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_enrolled_after_the_backup_brings_back_its_work() {
    let dir = tempfile::tempdir().unwrap();
    let (data, backup) = (dir.path().join("central"), dir.path().join("old.db"));
    let central = start(&data).await;
    central.backup(backup.clone()).await.unwrap();
    let mut laptops = Vec::new();
    for operator in ["Ada", "Ben"] {
        laptops.push(Laptop::enrol(&central, operator, Role::Operator, Grants::everything()).await);
    }
    let (old, mut laptops) = (head(&central), <[Laptop; 2]>::try_from(laptops).ok().unwrap());
    let (record, made) = sector("water");
    let batch = laptops[0].batch(&[laptops[0].change(vec![made])]);
    laptops[0].connect().await.push(&batch).await;
    let mut world = World { central, laptops, record, old };
    let (before, at, kept) = (log(&world.central), head(&world.central), world.kept().await);
    world.central.shutdown().await.unwrap();
    let restored = restore::restore(&Folder::existing(&data).unwrap(), &backup).unwrap();
    assert!(restored.reapplied >= 2, "both are known again: {restored:?}");
    world.central = start(&data).await;
    world.bring(at, kept).await;
    world.all_back(&before);
    world.follow();
    world.goes_on().await;
    world.central.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_put_back_by_its_host_is_noticed_and_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("central");
    let (database, old) = (data.join("central.db"), dir.path().join("old.db"));
    let spare = {
        let (data, database, old) = (data.clone(), database.clone(), old.clone());
        async move |central: Running| {
            central.shutdown().await.unwrap();
            std::fs::copy(&database, &old).unwrap();
            start(&data).await
        }
    };
    let mut world = World::new(&data, spare).await;
    let (before, at, kept) = (log(&world.central), head(&world.central), world.kept().await);
    world.central.shutdown().await.unwrap();
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(data.join(format!("central.db{suffix}")));
    }
    std::fs::copy(&old, &database).unwrap();
    world.central = start(&data).await;
    assert_eq!(head(&world.central).epoch, 1, "nobody has told it yet");
    world.laptops[0].url = world.central.url();
    match world.laptops[0].try_connect(at, &Grants::everything()).await {
        Err(ServerFrame::Refused { code, retryable, .. }) => {
            assert_eq!((code.as_str(), retryable), ("recovering", true))
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it does not know that it lost its log"),
    }
    world.bring(at, kept).await;
    world.all_back(&before);
    world.goes_on().await;
    world.central.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_invents_where_it_stands_is_believed_once() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("central");
    let central = start(&data).await;
    let liar = Laptop::enrol(&central, "Mallory", Role::Viewer, Grants::everything()).await;
    let refused = async |central: &Running| {
        let at = Position { seq: 1_000, ..head(central) };
        match liar.try_connect(at, &Grants::everything()).await {
            Err(ServerFrame::Refused { code, retryable, .. }) => (code, retryable),
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("a laptop that is ahead goes on"),
        }
    };
    let folder = Folder::existing(&data).unwrap();
    let recover = || recovery::settle(central.core()).unwrap();
    assert_eq!(refused(&central).await, ("recovering".to_owned(), true));
    recovery::end(&folder).unwrap();
    recover();
    let epoch = head(&central).epoch;
    for _ in 0..3 {
        assert_eq!(refused(&central).await, ("ahead".to_owned(), false));
    }
    assert!(!recovery::is_on(&folder), "the others go on");
    assert_eq!(head(&central).epoch, epoch);
    recovery::forget_claims(&folder).unwrap();
    assert_eq!(refused(&central).await.0, "recovering", "an administrator may want it");
    recovery::end(&folder).unwrap();
    recover();
    central.shutdown().await.unwrap();
}
