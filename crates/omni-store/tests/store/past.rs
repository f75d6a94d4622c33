//! Images of what the feed did, since when they are complete, and what becomes of them.

use crate::central::{at, cut};
use crate::kit::*;
use omni_model::{RecordId, Row, Value};
use omni_protocol::{
    ChangeId, CommitInfo, DeviceId, Effect, FeedCommit, FeedPage, Hash, Part, Position, ReplicaId, Scope, Watermark,
};
use omni_store::{Store, StoreOptions};
use omni_sync::history::rewound;
use omni_sync::meta::Image;
use omni_sync::replica::apply_page;
use std::path::Path;
use uuid::Uuid;

fn agri() -> RecordId {
    RecordId::from_key("sector", "agri")
}

fn commit(seq: u64, effects: Vec<Effect>) -> FeedCommit {
    let info = CommitInfo {
        change: ChangeId(Uuid::from_u128(u128::from(seq))),
        replica: ReplicaId(Uuid::from_u128(2)),
        counter: seq,
        device: DeviceId(Uuid::from_u128(6)),
        command: 0,
        at_ms: 1_000 * seq as i64,
        priority: 2,
        group: None,
    };
    let part = Part { seq, scope: Scope { owner: agri(), compartment: 0 }, info, effects };
    FeedCommit { seq, parts: vec![part.to_bytes().into()] }
}

fn put(key: &str, name: &str) -> Effect {
    let c = collection("brand").id;
    Effect::Put {
        collection: c,
        record: RecordId::from_key("brand", key),
        fields: vec![(field("brand", "name"), Value::text(name))],
    }
}

fn create(row: &Row) -> Effect {
    Effect::Create {
        collection: row.collection,
        record: row.id,
        key: row.key.clone(),
        owner: row.owner,
        fields: row.fields.clone().into_iter().collect(),
    }
}

fn remove(row: &Row) -> Effect {
    Effect::Remove { collection: row.collection, record: row.id }
}

fn page(after: u64, commits: Vec<FeedCommit>) -> FeedPage {
    let seq = commits.last().map_or(after, |c| c.seq);
    let position = Position { epoch: 1, seq, hash: Hash([seq as u8; 32]) };
    FeedPage { after, commits, watermark: Watermark { position, root: None, head: seq } }
}

fn feed(r: &Replica, page: FeedPage) {
    r.write(move |tx| {
        apply_page(tx, &page).unwrap();
        Ok(())
    });
}

fn images(r: &Replica, row: &Row, after: u64) -> Vec<(u64, Image)> {
    let (c, id) = (row.collection, row.id);
    r.read(|tx| tx.images_after(c, id, after)).into_iter().map(|(seq, _, image)| (seq, image)).collect()
}

#[test]
fn every_commit_leaves_what_it_did_to_each_record() {
    let r = Replica::new();
    r.put(vec![sector("agri", "Agriculture")]);
    let row = brand("a", "agri", &[("name", "One")]);
    // Several commits on one record in one page; one that changes nothing; a delete and a restore.
    feed(
        &r,
        page(
            0,
            vec![commit(1, vec![create(&row)]), commit(2, vec![put("a", "Two")]), commit(3, vec![put("a", "Two")])],
        ),
    );
    r.edit(vec![set("brand", "a", "name", Value::text("Mine"))]).unwrap();
    feed(
        &r,
        page(3, vec![commit(4, vec![put("a", "Four")]), commit(5, vec![remove(&row)]), commit(6, vec![create(&row)])]),
    );
    let r = r.reopen();
    let found = images(&r, &row, 0);
    assert_eq!(found.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [6, 5, 4, 2, 1]);
    let name = |image: &Image| image.fields.iter().map(|f| (f.before.clone(), f.after.clone())).collect::<Vec<_>>();
    assert_eq!(
        name(&found[2].1),
        [(Value::text("Two"), Value::text("Four"))],
        "of the confirmed record, not of my edit"
    );
    assert!(
        found[0].1.fields.is_empty() && found[0].1.owner_before.is_none(),
        "a created record tells nothing of before"
    );
    assert_eq!((found[1].1.owner_before, found[1].1.owner_after), (Some(agri()), None));
    // Rewinding goes through every state.
    let confirmed = r.read(|tx| tx.confirmed_row(row.collection, row.id));
    let expected = [None, Some("Four"), Some("Two"), Some("One"), None];
    for (n, name) in expected.into_iter().enumerate() {
        let then = rewound(confirmed.clone(), found[..=n].iter().map(|(_, i)| i));
        assert_eq!(then.map(|row| row.named("name").clone()), name.map(Value::text), "{n} steps back");
    }
    let of = r.read(|tx| tx.commit_of(ChangeId(Uuid::from_u128(4)))).unwrap();
    assert_eq!((of.seq, of.images.len()), (4, 1));
    let of_device = |id: u128, span| r.read(|tx| tx.commits_of_device(DeviceId(Uuid::from_u128(id)), span, 100));
    assert_eq!(of_device(6, (2_000, 4_000)).iter().map(|c| c.seq).collect::<Vec<_>>(), [4, 3, 2]);
    assert!(of_device(7, (0, 9_000)).is_empty());
    // A page that comes twice leaves nothing twice.
    feed(&r, page(3, vec![commit(4, vec![put("a", "Four")])]));
    assert_eq!(images(&r, &row, 0).len(), 5);
}

#[test]
fn forgotten_and_copied_over_it_says_since_when_it_is_complete() {
    let r = Replica::new();
    let row = brand("a", "agri", &[("name", "One")]);
    let commits = (2..=9).map(|n| commit(n, vec![put("a", &format!("Name {n}"))]));
    feed(&r, page(0, [commit(1, vec![create(&row)])].into_iter().chain(commits).collect()));
    assert_eq!(r.read(|tx| tx.history_since()), 0);
    r.write(|tx| tx.prune(4_500, 0, 100).map_err(Into::into));
    assert_eq!((r.read(|tx| tx.history_since()), images(&r, &row, 0).len()), (4, 5));
    // A new copy ends what is known without gaps, unless it is of where this one stands.
    let rows = vec![sector("agri", "Agriculture"), brand("a", "agri", &[("name", "Name 9")])];
    let copied = cut(&at(9, rows.clone()), &[], 9, 10);
    let mut here = copied.clone();
    here.manifest.position.hash = Hash([9; 32]);
    here.import(&r.store).unwrap();
    assert_eq!((r.read(|tx| tx.history_since()), images(&r, &row, 0).len()), (4, 5), "images are carried over");
    cut(&at(20, rows), &[], 20, 10).import(&r.store).unwrap();
    assert_eq!(r.read(|tx| tx.history_since()), 20);
    feed(&r, page(20, vec![commit(21, vec![put("a", "Later")])]));
    assert_eq!(images(&r, &row, 20).len(), 1);
}

/// Takes a file back to what the first version made.
fn to_first_version(path: &Path) {
    let conn = plain(path);
    conn.execute_batch(
        "DELETE FROM migration WHERE number > 1; DROP TABLE original; DROP INDEX history_change; DROP INDEX own_change_order;
         DROP INDEX own_change_kept; ALTER TABLE history DROP COLUMN images; ALTER TABLE history DROP COLUMN change_id;
         ALTER TABLE own_change DROP COLUMN local_no; ALTER TABLE replica DROP COLUMN history_since;
         CREATE INDEX history_touch_seq ON history_touch (seq); CREATE INDEX outbox_shown ON outbox (state, blocked);",
    )
    .unwrap();
}

#[test]
fn a_file_of_the_first_version_knows_its_past_from_now_on() {
    let r = Replica::new();
    let row = brand("a", "agri", &[("name", "One")]);
    feed(&r, page(0, vec![commit(1, vec![create(&row)]), commit(2, vec![put("a", "Two")])]));
    let (path, folder) = (r.path(), r.folder);
    drop(r.store);
    to_first_version(&path);
    let store = Store::open(&path, &key(), StoreOptions::default()).unwrap();
    let r = Replica { folder, store };
    assert_eq!(r.read(|tx| tx.history_since()), 2);
    assert!(images(&r, &row, 0).is_empty());
    let lines = r.read(|tx| tx.record_history(row.collection, row.id, None, 10));
    assert_eq!(lines.len(), 2, "the commits themselves are still there");
    feed(&r, page(2, vec![commit(3, vec![put("a", "Three")])]));
    assert_eq!(images(&r, &row, 2).len(), 1);
    let backup = path.parent().unwrap().read_dir().unwrap().flatten();
    assert!(backup.into_iter().any(|f| f.file_name().to_string_lossy().contains(".before-1-")), "it was copied first");
}
