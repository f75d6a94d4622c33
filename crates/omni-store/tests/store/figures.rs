//! Overview, queue, history.

use crate::kit::{Replica, brand, collection, field, sector, set};
use minicbor::bytes::ByteVec;
use omni_model::{RecordId, Value};
use omni_protocol::{
    ChangeId, CommitInfo, DeviceId, DirectoryEntry, Effect, FeedCommit, FeedPage, Part, Position, ReplicaId, Scope,
    Watermark,
};
use omni_store::{QueueCounts, QueueState};
use omni_sync::replica::{ReplicaTx, apply_page, discard, recompute};
use uuid::Uuid;

fn device() -> DeviceId {
    DeviceId(Uuid::from_u128(6))
}

/// A commit that renames a brand.
fn rename(seq: u64, key: &str, sector: &str, name: &str) -> FeedCommit {
    let part = Part {
        seq,
        scope: Scope { owner: RecordId::from_key("sector", sector), compartment: 0 },
        info: CommitInfo {
            change: ChangeId(Uuid::from_u128(u128::from(seq))),
            replica: ReplicaId(Uuid::from_u128(2)),
            counter: seq,
            device: device(),
            command: 0,
            at_ms: 1_000 * seq as i64,
            priority: 2,
            group: None,
        },
        effects: vec![Effect::Put {
            collection: collection("brand").id,
            record: RecordId::from_key("brand", key),
            fields: vec![(field("brand", "name"), Value::text(name))],
        }],
    };
    FeedCommit { seq, parts: vec![ByteVec::from(part.to_bytes())] }
}

fn page(after: u64, commits: Vec<FeedCommit>) -> FeedPage {
    let seq = commits.last().map_or(after, |c| c.seq);
    let position = Position { epoch: 1, seq, hash: Default::default() };
    FeedPage { after, commits, watermark: Watermark { position, root: None, head: seq } }
}

fn portfolio() -> Replica {
    let r = Replica::new();
    r.put(vec![
        sector("agri", "Agriculture"),
        sector("tech", "Technology"),
        brand("a", "agri", &[("name", "A")]),
        brand("b", "agri", &[("name", "B")]),
        brand("c", "tech", &[("name", "C")]),
    ]);
    r
}

#[test]
fn the_overview_counts_what_is_there() {
    let r = portfolio();
    r.edit(vec![set("brand", "a", "sector", Value::Id(RecordId::from_key("sector", "tech")))]).unwrap();
    r.edit(vec![set("brand", "b", "name", Value::text("B2"))]).unwrap();
    let o = r.read(|tx| tx.overview());
    let brands = o.collections.iter().find(|c| c.collection == collection("brand").id).unwrap();
    assert_eq!((brands.rows, brands.pending), (3, 2));
    let by_name: Vec<_> =
        o.sectors.iter().map(|s| (s.row.named("name").as_text().unwrap(), s.brands, s.pending)).collect();
    assert_eq!(
        by_name,
        [("Agriculture", 1, 2), ("Technology", 2, 0)],
        "counted where they show, pending where they are"
    );
    r.write(|tx| tx.remove_row(collection("brand").id, RecordId::from_key("brand", "c")));
    assert_eq!(r.read(|tx| tx.rows_total()), 4);
    assert!(r.store.check_integrity().unwrap().is_empty(), "counters agree with the rows");
}

#[test]
fn the_queue_shows_states_and_windows() {
    let r = portfolio();
    let edits: Vec<_> = ["x", "y", "z"]
        .into_iter()
        .map(|name| r.edit(vec![set("brand", "a", "name", Value::text(name))]).unwrap().unwrap())
        .collect();
    let gone = edits[1].change.id;
    r.write(move |tx| {
        discard(tx, gone).unwrap();
        Ok(())
    });
    let counts = QueueCounts { pending: 2, discarded: 1, ..QueueCounts::default() };
    assert_eq!(r.read(|tx| tx.queue_counts()), counts);
    let (total, lines) = r.read(|tx| tx.queue(None, 1, 5));
    assert_eq!((total, lines.len(), lines[0].entry.change.id), (2, 1, edits[2].change.id));
    assert_eq!((lines[0].state, lines[0].title.as_deref()), (QueueState::Pending, Some("z")));
    let (total, lines) = r.read(|tx| tx.queue(Some(QueueState::Discarded), 0, 5));
    assert_eq!((total, lines[0].state.name()), (1, "discarded"));
    assert_eq!(r.read(|tx| tx.oldest_unsent_ms()), Some(1_700_000_000_000));
    assert!(r.read(|tx| tx.queued(gone)).is_some());
    assert!(QueueState::parse("sending").is_ok() && QueueState::parse("nope").is_err());
}

#[test]
fn a_blocked_change_is_shown_as_blocked() {
    let r = portfolio();
    r.edit(vec![set("brand", "a", "name", Value::text("Mine"))]).unwrap();
    let mut remove = rename(2, "a", "agri", "");
    let mut part: Part = minicbor::decode(&remove.parts[0]).unwrap();
    part.effects =
        vec![Effect::Remove { collection: collection("brand").id, record: RecordId::from_key("brand", "a") }];
    remove.parts = vec![part.to_bytes().into()];
    r.write(move |tx| {
        apply_page(tx, &page(0, vec![remove])).unwrap();
        Ok(())
    });
    let (_, lines) = r.read(|tx| tx.queue(Some(QueueState::Blocked), 0, 5));
    assert_eq!(lines.len(), 1);
    assert_eq!(r.read(|tx| tx.queue_counts()).blocked, 1);
}

#[test]
fn the_feed_goes_under_pending_edits_and_into_history() {
    let r = portfolio();
    r.edit(vec![set("brand", "a", "name", Value::text("Mine"))]).unwrap();
    r.write(|tx| {
        tx.put_directory(&[DirectoryEntry { device: device(), name: "Far".into(), operator: "Bo".into() }])?;
        let applied =
            apply_page(tx, &page(0, vec![rename(1, "a", "agri", "Theirs"), rename(2, "b", "agri", "B2")])).unwrap();
        assert_eq!(applied.commits, 2);
        Ok(())
    });
    let r = r.reopen();
    let (c, id) = (collection("brand").id, RecordId::from_key("brand", "a"));
    let detail = r.read(|tx| tx.record(c, id)).unwrap();
    assert_eq!(detail.stored.row.named("name"), &Value::text("Mine"));
    assert_eq!(detail.confirmed.unwrap().unwrap().named("name"), &Value::text("Theirs"));
    assert_eq!(r.read(|tx| tx.meta()).unwrap().position.seq, 2);
    let recent = r.read(|tx| tx.recent(0, 10));
    assert_eq!(recent.iter().map(|l| l.seq).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(recent[0].by.as_ref().unwrap().operator, "Bo");
    let history = r.read(|tx| tx.record_history(c, id, None, 10));
    assert_eq!((history.len(), history[0].seq, history[0].effects.len()), (1, 1, 1));
    assert!(r.read(|tx| tx.record_history(c, id, Some(1), 10)).is_empty());
    assert_eq!(r.read(|tx| tx.seq_at(1_500)), Some(1));
    let parts = r.read(|tx| tx.commit_parts(2)).unwrap();
    assert_eq!(parts, vec![rename(2, "b", "agri", "B2").parts[0].to_vec()], "verbatim");
    let gone = r.write(|tx| tx.prune(1_500, 0, 100).map_err(Into::into));
    assert_eq!((gone, r.read(|tx| tx.oldest_seq())), (1, Some(2)));
    assert!(r.read(|tx| tx.record_history(c, id, None, 10)).is_empty());
}

#[test]
fn kept_digests_equal_recomputed_ones() {
    let r = portfolio();
    r.write(|tx| {
        let fresh = recompute(tx)?;
        fresh.iter().try_for_each(|(scope, d)| tx.set_digest(*scope, *d))?;
        apply_page(tx, &page(0, vec![rename(1, "a", "agri", "New"), rename(2, "a", "agri", "Newer")])).unwrap();
        let kept: std::collections::BTreeMap<_, _> = tx.digests()?.into_iter().collect();
        assert_eq!(kept, recompute(tx)?);
        assert!(!kept.is_empty());
        Ok(())
    });
}
