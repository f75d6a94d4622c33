//! What must hold: online after crashes and swaps, and exactly once all is quiet.

use super::coverage::Reached;
use super::driver::Sim;
use super::host::{CentralHost, Hosts, view};
use super::ledger::Saved;
use omni_model::records::owner_of;
use omni_model::{CollectionId, FieldId, FieldType, RecordId, Records, Row, Value, schema};
use omni_protocol::{ChangeId, ConflictItem, Outcome, OutcomeKind, Scope};
use omni_sync::diff;
use omni_sync::digest::{self, Deltas};
use omni_sync::meta::Stored;
use omni_sync::replica::{OutboxEntry, OutboxState};
use std::collections::BTreeMap;

type Key = (CollectionId, RecordId);

/// Central's live rows, as rules see them.
struct Committed<'a>(&'a BTreeMap<Key, Stored>);

impl Records for Committed<'_> {
    fn get(&self, collection: CollectionId, id: RecordId) -> Option<Row> {
        self.0.get(&(collection, id)).filter(|s| s.is_live()).map(|s| s.row.clone())
    }
    fn linked(&self, collection: CollectionId, field: FieldId, target: RecordId) -> Vec<RecordId> {
        let links =
            |s: &&Stored| s.is_live() && s.row.collection == collection && s.row.get(field).as_id() == Some(target);
        self.0.values().filter(links).map(|s| s.row.id).collect()
    }
}

impl<H: Hosts> Sim<H> {
    /// Nothing central committed is gone after its restart.
    pub(super) fn check_central_restart(&mut self) {
        let log = self.server.host.log(0, usize::MAX);
        let Some(log) = self.storage(log, "log") else { return };
        let here: Vec<_> = log.iter().map(|c| c.position).collect();
        let known: Vec<_> = self.server.log.iter().map(|c| c.position).collect();
        if here != known {
            self.fail(format!("central holds {} commits after its restart, {} were durable", here.len(), known.len()));
        }
    }

    /// Whether everybody is live, at the head, with nothing waiting.
    pub(super) fn is_quiet(&mut self) -> bool {
        if !self.server.up || !self.server.pending.is_empty() || self.server.recovery.is_some() {
            return false;
        }
        (0..self.laptops.len()).filter(|c| !self.is_out(*c)).collect::<Vec<_>>().into_iter().all(|c| {
            let (device, grants) = (self.laptops[c].device, self.laptops[c].grants.clone());
            self.laptop_is_quiet(c) && self.devices[device].grants == grants
        })
    }

    /// Whether the laptop may no longer connect.
    pub(super) fn is_revoked(&self, c: usize) -> bool {
        self.devices[self.laptops[c].device].revoked
    }

    /// Whether the laptop is gone for good, or may no longer connect.
    pub(super) fn is_out(&self, c: usize) -> bool {
        self.laptops[c].gone || self.is_revoked(c)
    }

    /// Says who is stuck.
    pub(super) fn stuck(&mut self) -> String {
        let head = self.server.head();
        let mut out = format!("head {head}, {} batches wait at central", self.server.pending.len());
        for c in 0..self.laptops.len() {
            let state = view(&mut self.laptops[c].host, |tx| {
                let unsealed = tx.outbox_unsealed(usize::MAX)?.len();
                let sealed: Vec<_> = tx.outbox_sealed(0, usize::MAX)?.iter().filter_map(|e| e.counter).collect();
                let acked = tx.outbox_acked(u64::MAX)?.len();
                Ok(format!("at {} unsealed {unsealed} sealed {sealed:?} acked {acked}", tx.meta()?.position.seq))
            });
            let laptop = &self.laptops[c];
            out += &format!("\n  laptop {c}: up {} {} {:?}", laptop.up, state.unwrap_or_default(), laptop.session);
        }
        out
    }

    /// All is quiet: compare everything with everything.
    pub(super) fn final_checks(&mut self) {
        let records = self.server.host.live_records();
        let Some(records) = self.storage(records, "records") else { return };
        let records: BTreeMap<Key, Stored> = records.into_iter().map(|s| ((s.row.collection, s.row.id), s)).collect();
        let items = self.server.host.all_conflicts();
        let Some(items) = self.storage(items, "conflicts") else { return };
        self.check_central_restart();
        self.check_central_digests(&records, &items);
        self.check_rules(&records);
        for c in 0..self.laptops.len() {
            self.check_laptop(c, &records, &items);
        }
        self.check_changes();
        self.check_order();
        self.check_counters(&records);
        self.check_sets(&records);
        self.check_losers(&items);
        self.check_log();
        self.note("quiet", self.server.head(), 0, String::new);
    }

    fn check_central_digests(&mut self, records: &BTreeMap<Key, Stored>, items: &[(Scope, ConflictItem)]) {
        let mut deltas = Deltas::default();
        records.values().filter(|s| s.is_live()).for_each(|s| diff::add(&s.row, &mut deltas));
        items.iter().for_each(|(scope, item)| deltas.add(*scope, digest::conflict(item)));
        let mut kept = Deltas::default();
        for (scope, delta) in self.server.log.iter().flat_map(|c| &c.deltas) {
            kept.add(*scope, *delta);
        }
        let scopes: std::collections::BTreeSet<Scope> = deltas.0.keys().chain(kept.0.keys()).copied().collect();
        for scope in scopes {
            let get = |d: &Deltas| d.0.get(&scope).copied().unwrap_or_default();
            let stored = super::host::central_view(&mut self.server.host, |tx| tx.scope_digest(scope));
            let Some(stored) = self.storage(stored, "digest") else { return };
            if get(&deltas) != get(&kept) || stored != get(&kept) {
                return self.fail(format!("central's digest of scope {scope} differs from its rows"));
            }
        }
    }

    /// Links lead somewhere, unique values are unique, owners follow, rules hold.
    fn check_rules(&mut self, records: &BTreeMap<Key, Stored>) {
        let committed = Committed(records);
        let mut unique: BTreeMap<(CollectionId, FieldId, Value), RecordId> = BTreeMap::new();
        for stored in records.values().filter(|s| s.is_live()) {
            let row = &stored.row;
            let Some(collection) = schema::by_id(row.collection) else { continue };
            let mut known = row.clone();
            known.fields.retain(|f, _| collection.field_by_id(*f).is_some());
            if let Some(error) = collection.check(&known).first() {
                return self.fail(format!("central: {} {} breaks a rule: {error}", collection.name, row.id));
            }
            if owner_of(collection, row, &committed) != Some(row.owner) {
                return self
                    .fail(format!("central: {} {} has another owner than its rule says", collection.name, row.id));
            }
            for field in collection.fields {
                let value = row.get(field.id);
                if let (FieldType::Ref(target), Some(link)) = (field.ty, value.as_id()) {
                    let there = schema::by_name(target).and_then(|t| committed.get(t.id, link));
                    if there.is_none() {
                        return self.fail(format!(
                            "central: {} {} links to nothing in {}",
                            collection.name, row.id, field.name
                        ));
                    }
                }
                if field.unique && !value.is_null() {
                    let holder = unique.insert((collection.id, field.id, value.clone()), row.id);
                    if holder.is_some() {
                        return self.fail(format!("central: {} {:?} is held twice", field.name, value));
                    }
                }
            }
        }
    }

    /// Each saved change is in exactly one place, done at most once.
    fn check_changes(&mut self) {
        let mut done: BTreeMap<ChangeId, (u64, bool)> = BTreeMap::new();
        let saved: Vec<(ChangeId, Saved)> = self.ledger.saved.iter().map(|(id, s)| (*id, s.clone())).collect();
        for (id, saved) in saved.iter().filter(|(_, s)| s.client != usize::MAX) {
            let known = super::host::central_view(&mut self.server.host, |tx| tx.known_change(*id));
            let Some(known) = self.storage(known, "known change") else { return };
            let entries = self.entries_of(*id, saved.client);
            let entry = entries.first();
            let effect = known.as_ref().is_some_and(|(_, o)| o.took_effect());
            let root = done.entry(saved.root).or_default();
            root.0 += u64::from(effect);
            root.1 |= saved.shared || saved.exempt;
            if self.laptops[saved.client].gone {
                continue;
            }
            if known.is_none() && self.may_be_missing(*id, saved) {
                continue;
            }
            if self.is_revoked(saved.client) {
                // It never hears what became of its changes, but it keeps them.
                if known.is_none() && entry.is_none() && !saved.reissued && !saved.exempt {
                    return self.fail(format!("change {id} of a revoked laptop is lost"));
                }
                continue;
            }
            let refused_then = known.is_none() && self.ledger.forgotten.contains(id);
            let shown = |e: &OutboxEntry| matches!(e.state, OutboxState::Rejected | OutboxState::Held);
            if refused_then && entry.is_some_and(shown) {
                continue;
            }
            if let Some(why) = wrong_place(saved, known.as_ref().map(|(_, o)| o), entry) {
                return self
                    .fail(format!("change {id} of laptop {}: {why}\n  {saved:?}\n  outcome {known:?}", saved.client));
            }
        }
        if let Some((root, _)) = done.iter().find(|(_, (n, ambiguous))| *n > 1 && !ambiguous) {
            self.fail(format!("the action that began with change {root} took effect twice"));
        }
        for (old, new) in self.ledger.forked.clone() {
            let both = super::host::central_view(&mut self.server.host, |tx| {
                Ok((tx.known_change(old)?, tx.known_change(new)?))
            });
            let Some((Some((_, first)), Some((_, again)))) = self.storage(both, "known changes") else { continue };
            if first.took_effect() && again.took_effect() {
                return self.fail(format!("change {old} took effect and again as {new}, without anybody's wish"));
            }
        }
        let gone = self.ledger.acknowledged.clone();
        for id in gone {
            let known = super::host::central_view(&mut self.server.host, |tx| tx.known_change(id));
            match self.storage(known, "known change") {
                Some(Some((_, outcome))) if outcome.took_effect() => {}
                _ if self.lost_fairly(id) => {}
                _ => return self.fail(format!("change {id} was acknowledged and is gone")),
            }
        }
    }

    fn entries_of(&mut self, id: ChangeId, client: usize) -> Vec<OutboxEntry> {
        let device = self.laptops[client].device;
        let twins: Vec<usize> = (0..self.laptops.len()).filter(|l| self.laptops[*l].device == device).collect();
        let mut found = Vec::new();
        for laptop in twins {
            let entry = view(&mut self.laptops[laptop].host, |tx| tx.outbox_get(id));
            found.extend(self.storage(entry, "outbox").flatten());
        }
        found
    }

    /// Own changes to one record are committed in the order they were made.
    fn check_order(&mut self) {
        let mut last: BTreeMap<(usize, RecordId), (u64, u64)> = BTreeMap::new();
        let mut saved: Vec<(ChangeId, Saved)> = self.ledger.saved.iter().map(|(id, s)| (*id, s.clone())).collect();
        saved.sort_by_key(|(_, s)| s.order);
        let in_order = |(id, s): &&(ChangeId, Saved)| {
            !s.shared && !s.exempt && s.client != usize::MAX && !self.ledger.lost.contains_key(id)
        };
        for (id, saved) in saved.iter().filter(in_order).cloned().collect::<Vec<_>>().iter() {
            let known = super::host::central_view(&mut self.server.host, |tx| tx.known_change(*id));
            let Some(Some((_, outcome))) = self.storage(known, "known change") else { continue };
            let Some(seq) = outcome.seq.filter(|_| outcome.took_effect()) else { continue };
            for (_, record) in saved.ops.iter().map(omni_model::Op::record) {
                let before = last.insert((saved.client, record), (seq, saved.order));
                if let Some((earlier, _)) = before.filter(|(earlier, _)| *earlier > seq) {
                    return self.fail(format!(
                        "change {id} of laptop {} was committed at {seq}, an earlier one on the same record at {earlier}",
                        saved.client
                    ));
                }
            }
        }
    }

    /// Notes how conflicts ended, for coverage, once per item.
    pub(super) fn cover_item(&mut self, item: &ConflictItem) {
        use omni_protocol::Decided;
        let deleted = item.mine.iter().any(|s| s.delete);
        let state = match (item.decided, item.rule.as_str()) {
            (_, "edit wins" | "committed stands") if deleted => Reached::DeleteMetEdit,
            (Decided::Auto, _) => Reached::DecidedByRule,
            (_, "superseded") => Reached::ConflictSuperseded,
            (_, "parked") => Reached::Parked,
            _ if item.mine.len() > 1 => Reached::ConflictJoined,
            _ => Reached::ConflictOpened,
        };
        self.coverage.hit(state);
    }

    /// Notes what kinds of answers were given.
    pub(super) fn cover_outcome(&mut self, outcome: &Outcome) {
        let state = match (outcome.kind, outcome.code.as_deref()) {
            (OutcomeKind::Held, _) => Reached::Held,
            (OutcomeKind::Skipped, _) => Reached::Skipped,
            (OutcomeKind::Quarantined, _) => Reached::Quarantined,
            (_, Some("taken")) => Reached::Taken,
            (_, Some("forbidden")) => Reached::Forbidden,
            _ => return,
        };
        self.coverage.hit(state);
    }
}

/// Why a saved change is not where it should be.
fn wrong_place(saved: &Saved, known: Option<&Outcome>, entry: Option<&OutboxEntry>) -> Option<String> {
    match known {
        Some(outcome) if outcome.took_effect() => {
            if saved.discarded && !saved.shared {
                return Some("discarded by the operator and yet in effect".to_owned());
            }
            if outcome.seq.is_none() {
                return Some("in effect without a seq".to_owned());
            }
            entry.filter(|_| !saved.shared).map(|e| format!("in effect and still in the queue as {:?}", e.state))
        }
        Some(outcome) => {
            if outcome.code.is_none() {
                return Some("refused without a code".to_owned());
            }
            let visible = matches!(
                entry.map(|e| &e.state),
                Some(OutboxState::Rejected | OutboxState::Held | OutboxState::Discarded)
            );
            (!visible && !saved.reissued && !saved.exempt).then(|| "refused and nowhere to be seen".to_owned())
        }
        None => {
            let skipped = |e: &OutboxEntry| e.outcome.as_ref().is_some_and(|o| o.kind == OutcomeKind::Skipped);
            let accounted = match entry.map(|e| &e.state) {
                Some(OutboxState::Discarded) => true,
                Some(OutboxState::Rejected) => entry.is_some_and(skipped),
                Some(state) => return Some(format!("still in the queue as {state:?}")),
                None => saved.reissued,
            };
            (!accounted && !saved.exempt).then(|| "saved, and lost".to_owned())
        }
    }
}
