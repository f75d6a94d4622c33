//! What must hold of a laptop's copy: after crashes and swaps, and exactly once all is quiet.

use super::driver::Sim;
use super::host::{Hosts, ReplicaHost, reads_owner, view};
use omni_model::{CollectionId, FieldId, RecordId, Row, schema};
use omni_protocol::{ConflictItem, Grants, Scope};
use omni_sync::diff;
use omni_sync::digest::Digest;
use omni_sync::meta::Stored;
use omni_sync::replica::{ReplicaTx, overlay, recompute, root_of};
use std::collections::BTreeMap;

type Key = (CollectionId, RecordId);
/// Cells this version does not know, with their scope and wire bytes.
type Deferred = BTreeMap<(Key, FieldId), (Scope, Vec<u8>)>;

/// Everything one laptop holds at the end.
struct Copy {
    rows: BTreeMap<Key, Row>,
    touched: usize,
    digests: BTreeMap<Scope, Digest>,
    recomputed: BTreeMap<Scope, Digest>,
    conflicts: BTreeMap<omni_protocol::ConflictId, (Scope, ConflictItem)>,
    deferred: Deferred,
    grants: Grants,
}

fn copy_of(tx: &dyn ReplicaTx) -> Result<Copy, omni_sync::StorageError> {
    let mut rows = BTreeMap::new();
    tx.for_each_row(&mut |row| {
        rows.insert((row.collection, row.id), row);
        Ok(())
    })?;
    let nonzero = |(_, d): &(Scope, Digest)| *d != Digest::default();
    Ok(Copy {
        rows,
        touched: tx.all_confirmed()?.len(),
        digests: tx.digests()?.into_iter().filter(nonzero).collect(),
        recomputed: recompute(tx)?,
        conflicts: tx.conflicts()?.into_iter().map(|(s, i)| (i.id, (s, i))).collect(),
        deferred: tx.all_deferred()?.into_iter().map(|(s, c, id, f, w)| (((c, id), f), (s, w))).collect(),
        grants: tx.meta()?.grants,
    })
}

impl<H: Hosts> Sim<H> {
    /// Cursor and data agree: digests kept incrementally equal those recomputed, and their sum equals central's at
    /// exactly the seq where the copy says it stands.
    pub(super) fn check_copy(&mut self, c: usize) {
        let read = view(&mut self.laptops[c].host, |tx| {
            let recomputed = recompute(tx)?;
            let mut incremental: BTreeMap<Scope, Digest> = tx.digests()?.into_iter().collect();
            incremental.retain(|_, d| *d != Digest::default());
            Ok((tx.meta()?, root_of(tx)?, recomputed == incremental, wrong_overlay(tx)?))
        });
        let Some((meta, root, equal, wrong)) = self.storage(read, "copy") else { return };
        if let Some(why) = wrong {
            self.fail(format!("laptop {c}: {why}"));
        }
        if !equal {
            self.fail(format!("laptop {c}: digests kept and recomputed differ at seq {}", meta.position.seq));
        }
        let Some(place) = self.ledger.place(meta.position) else {
            return self.fail(format!("laptop {c}: cursor {} is in none of central's histories", meta.position.seq));
        };
        if meta.position.seq > 0 && root != self.ledger.root_at(&meta.grants, place) {
            self.fail(format!(
                "laptop {c}: the cursor says {} but the data differs from central there",
                meta.position.seq
            ));
        }
    }

    /// A laptop holds exactly what central says it may read, and nothing waits.
    pub(super) fn check_laptop(&mut self, c: usize, records: &BTreeMap<Key, Stored>, items: &[(Scope, ConflictItem)]) {
        if self.laptops[c].gone {
            return;
        }
        self.check_copy(c);
        let sound = self.laptops[c].host.integrity();
        self.storage(sound, "integrity");
        if self.is_revoked(c) {
            return;
        }
        let copy = view(&mut self.laptops[c].host, copy_of);
        let Some(copy) = self.storage(copy, "copy") else { return };
        let grants = self.devices[self.laptops[c].device].grants.clone();
        if copy.grants != grants {
            return self.fail(format!("laptop {c} holds a copy under other grants than it has"));
        }
        if copy.touched > 0 {
            return self.fail(format!("laptop {c}: {} records count as touched with an empty queue", copy.touched));
        }
        let (rows, deferred) = expected(records, &grants);
        if let Some(key) = first_difference(&rows, &copy.rows) {
            let (want, have) = (rows.get(&key), copy.rows.get(&key));
            return self.fail(format!("laptop {c}: record {key:?} differs\n  central: {want:?}\n  laptop:  {have:?}"));
        }
        if let Some(key) = first_difference(&deferred, &copy.deferred) {
            let (want, have) = (deferred.get(&key), copy.deferred.get(&key));
            return self.fail(format!("laptop {c}: deferred cell {key:?} differs: {want:?} / {have:?}"));
        }
        let readable = items.iter().filter(|(scope, _)| grants.reads(*scope));
        let wanted: BTreeMap<_, _> = readable.map(|(s, i)| (i.id, (*s, i.clone()))).collect();
        if let Some(id) = first_difference(&wanted, &copy.conflicts) {
            let (want, have) = (wanted.get(&id), copy.conflicts.get(&id));
            return self
                .fail(format!("laptop {c}: conflict item {id} differs\n  central: {want:?}\n  laptop:  {have:?}"));
        }
        if copy.digests != copy.recomputed {
            self.fail(format!("laptop {c}: digests kept and recomputed differ"));
        }
    }
}

/// What a laptop with these grants must hold: rows, and cells it does not know.
fn expected(records: &BTreeMap<Key, Stored>, grants: &Grants) -> (BTreeMap<Key, Row>, Deferred) {
    let (mut rows, mut deferred) = (BTreeMap::new(), BTreeMap::new());
    for (key, stored) in records.iter().filter(|(_, s)| s.is_live() && reads_owner(grants, s.row.owner)) {
        let collection = schema::by_id(key.0);
        let mut row = stored.row.clone();
        row.fields.clear();
        for (field, value) in &stored.row.fields {
            let scope = diff::scope_of(row.owner, key.0, *field);
            if !grants.reads(scope) {
                continue;
            }
            match collection.and_then(|c| c.field_by_id(*field)) {
                Some(_) => row.set(*field, value.clone()),
                None => {
                    deferred.insert((*key, *field), (scope, value.to_wire()));
                }
            }
        }
        match collection {
            Some(_) => {
                rows.insert(*key, row);
            }
            None => {
                let wire = omni_protocol::frame::to_bytes(&(row.owner, row.key.as_deref()));
                deferred.insert((*key, FieldId::RECORD), (diff::open(row.owner), wire));
            }
        }
    }
    (rows, deferred)
}

/// A record whose visible row is not its confirmed one with the pending changes on top. Owners aside: they follow from
/// other records, which may have pending changes of their own.
fn wrong_overlay(tx: &dyn ReplicaTx) -> Result<Option<String>, omni_sync::StorageError> {
    for (c, id, mut row) in tx.all_confirmed()? {
        for entry in tx.outbox_touching(c, id)?.iter().filter(|e| e.state.in_overlay()) {
            for (op, was) in overlay::ops_on(entry, c, id) {
                overlay::apply_op(&mut row, &op, &was);
            }
        }
        let owner = row.as_ref().map(|r| r.owner);
        let visible = tx.row(c, id)?.map(|r| Row { owner: owner.unwrap_or(r.owner), ..r });
        if visible != row {
            return Ok(Some(format!("record {id} shows {visible:?}, its layers come to {row:?}")));
        }
    }
    Ok(None)
}

fn first_difference<K: Ord + Clone, V: PartialEq>(a: &BTreeMap<K, V>, b: &BTreeMap<K, V>) -> Option<K> {
    a.keys().chain(b.keys()).find(|k| a.get(*k) != b.get(*k)).cloned()
}
