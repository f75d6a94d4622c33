//! A laptop older than central: what it does not know is kept, counted and given up like anything else.

use super::lab::{Lab, Laptop, kind, write};
use omni_model::{CollectionId, FieldId, Value};
use omni_protocol::{
    ChangeId, CommitInfo, DeviceId, Effect, FeedCommit, FeedPage, Part, Position, ReplicaId, Scope, Watermark,
};
use omni_sync::digest::{self, Digest};
use omni_sync::replica::{apply_page, recompute, root_of};

/// A collection and a field of a later version.
const LATER_COLLECTION: CollectionId = CollectionId(900);
const LATER_FIELD: FieldId = FieldId(700);

/// The next commit of a central that knows more.
fn commit(laptop: &mut Laptop, scope: Scope, effects: Vec<Effect>) {
    let at = laptop.store.state().meta.position;
    let seq = at.seq + 1;
    let info = CommitInfo {
        change: ChangeId(uuid::Uuid::from_u128(u128::from(seq))),
        replica: ReplicaId(uuid::Uuid::nil()),
        counter: seq,
        device: DeviceId(uuid::Uuid::nil()),
        command: 0,
        at_ms: 0,
        priority: 2,
        group: None,
    };
    let part = Part { seq, scope, info, effects }.to_bytes().into();
    let watermark = Watermark { position: Position { seq, ..at }, root: None, head: seq };
    let page = FeedPage { after: at.seq, commits: vec![FeedCommit { seq, parts: vec![part] }], watermark };
    write(laptop, |tx| apply_page(tx, &page).map_err(|e| e.to_string()));
}

/// What the digests grew by since `before`; they are what the kept rows and cells add up to.
fn grown(laptop: &mut Laptop, before: Digest) -> Digest {
    let (mut root, counted) = write(laptop, |tx| {
        let counted = recompute(tx).map_err(|e| e.to_string())?;
        Ok((root_of(tx).map_err(|e| e.to_string())?, counted))
    });
    let mut rows = Digest::default();
    counted.values().for_each(|sum| rows.add(*sum));
    assert_eq!(root, rows, "the kept digests are those of what is kept");
    root.sub(before);
    root
}

#[test]
fn what_this_version_does_not_know_is_kept_and_counted() {
    let mut lab = Lab::new();
    let (mut laptop, sector) = lab.laptop_with_sector();
    let scope = Scope { owner: sector, compartment: 0 };
    let before = write(&mut laptop, |tx| root_of(tx).map_err(|e| e.to_string()));
    let put = |n: i64| {
        let fields = vec![(LATER_FIELD, Value::Int(n))];
        vec![Effect::Put { collection: kind("sector"), record: sector, fields }]
    };
    // A later value takes the place of the earlier one.
    for n in [1, 2] {
        commit(&mut laptop, scope, put(n));
        let cell = digest::cell(sector, LATER_FIELD, &Value::Int(n).to_wire());
        assert_eq!(grown(&mut laptop, before), cell);
    }
    let cells = write(&mut laptop, |tx| tx.deferred(kind("sector"), sector).map_err(|e| e.to_string()));
    assert_eq!(cells, [(scope, LATER_FIELD, Value::Int(2).to_wire())]);

    // A record of a kind this version does not know: its existence, its value, its end.
    let before = write(&mut laptop, |tx| root_of(tx).map_err(|e| e.to_string()));
    let (record, collection) = (lab.record(), LATER_COLLECTION);
    let fields = vec![(FieldId(1), Value::text("later"))];
    commit(&mut laptop, scope, vec![Effect::Create { collection, record, key: None, owner: sector, fields }]);
    let mut whole = digest::existence(collection, record, sector, None);
    whole.add(digest::cell(record, FieldId(1), &Value::text("later").to_wire()));
    assert_eq!(grown(&mut laptop, before), whole);
    commit(&mut laptop, scope, vec![Effect::Remove { collection, record }]);
    assert_eq!(grown(&mut laptop, before), Digest::default());
}
