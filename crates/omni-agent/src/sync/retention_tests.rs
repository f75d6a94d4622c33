use super::*;
use omni_model::{RecordId, schema};
use omni_protocol::{ChangeId, CommitInfo, DeviceId, Part, ReplicaId, Scope};
use omni_store::{DbKey, StoreOptions};
use omni_sync::replica::{HistoryEntry, ReplicaTx, fresh_meta};
use uuid::Uuid;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

fn commit(seq: u64, at_ms: i64) -> HistoryEntry {
    let info = CommitInfo {
        change: ChangeId(Uuid::from_u128(u128::from(seq))),
        replica: ReplicaId(Uuid::nil()),
        counter: seq,
        device: DeviceId(Uuid::nil()),
        command: 0,
        at_ms,
        priority: 2,
        group: None,
    };
    let part = Part { seq, scope: Scope { owner: RecordId::GLOBAL, compartment: 0 }, info, effects: Vec::new() };
    let record = (schema::by_name("brand").unwrap().id, RecordId::GLOBAL);
    HistoryEntry { seq, parts: vec![part.to_bytes()], records: vec![record], images: Vec::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_kept_for_30_days_of_centrals_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("r.db"), &DbKey::new([1; 32]), StoreOptions::default()).unwrap();
    // Central's clock is years behind this laptop's: nothing of its last 30 days goes.
    let newest = 1_000 * DAY_MS;
    let fill = move |tx: &mut WriteTx<'_>| {
        tx.set_meta(&fresh_meta(ReplicaId(Uuid::nil())))?;
        for seq in 1..=1_000 {
            let age = if seq <= 500 { 31 } else { 29 };
            tx.put_history(&commit(seq, newest - age * DAY_MS + i64::try_from(seq).unwrap_or(0)))?;
        }
        tx.put_history(&commit(1_001, newest))
    };
    store.write(Lane::Sync, Durability::Normal, move |tx| fill(tx).map_err(StoreError::from)).unwrap();
    assert_eq!(forget(&store).await.unwrap(), 500);
    let left =
        store.read(|tx| Ok((tx.oldest_seq()?, tx.history_since()?, tx.commit_of(ChangeId(Uuid::from_u128(1)))?)));
    assert_eq!(left.unwrap(), (Some(501), 500, None));
    assert_eq!(forget(&store).await.unwrap(), 0);
}
