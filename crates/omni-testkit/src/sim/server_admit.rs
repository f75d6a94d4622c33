//! Central's admission: batches that wait, group commit, the answers.

use super::coverage::Reached;
use super::driver::Sim;
use super::event::Event;
use super::host::{CentralHost, Hosts};
use super::net::ConnId;
use super::plan::Planted;
use super::server_tx::Mistaken;
use omni_model::{Op, RecordId};
use omni_protocol::frame;
use omni_protocol::{Batch, Change, ChangeId, Entry, Outcome, ReplicaId};
use omni_sync::central::{Admitted, BatchRecord, Rights, Sender, SessionInput, admit_batch};
use omni_sync::sign::batch_is_genuine;
use std::collections::BTreeMap;

/// Central dies this often on an entry before it runs without it.
const DEATHS_BEFORE_QUARANTINE: u32 = 2;

fn change_id(entry: &Entry) -> Option<ChangeId> {
    let Entry::Change(bytes) = entry else { return None };
    Change::from_bytes(bytes).ok().map(|change| change.id)
}

impl<H: Hosts> Sim<H> {
    pub(super) fn receive_batch(&mut self, conn: ConnId, bytes: &[u8]) {
        let refuse = |code| SessionInput::Refuse { code, message: "", retryable: true };
        if self.server.recovery.is_some() {
            return self.serve_input(conn, refuse("recovering"));
        }
        let Ok(batch) = frame::from_bytes::<Batch>(bytes) else {
            return self.serve_input(conn, refuse("bad_frame"));
        };
        if self.plan.verify_signatures {
            let device = self.conns.get(&conn).map(|c| self.laptops[c.client].device).unwrap_or_default();
            if !batch_is_genuine(&batch, &self.devices[device].key.verifying_key().to_bytes()) {
                return self.fail("a batch's signature does not fit".to_owned());
            }
        }
        if batch.entries.iter().any(|e| self.is_cursed(e)) {
            return self.serve_input(conn, refuse("bad_batch"));
        }
        self.server.pending.push_back((conn, batch));
        if !self.server.flushing {
            self.server.flushing = true;
            let ms = self.rng.below(12);
            self.after(ms, Event::Flush);
        }
    }

    fn is_cursed(&self, entry: &Entry) -> bool {
        // Two bytes of its random id decide over a change for ever.
        let chosen = |id: &[u8; 16]| (u64::from(id[0]) << 8 | u64::from(id[1])) % 1_000;
        change_id(entry).is_some_and(|id| chosen(id.as_bytes()) < self.plan.cursed)
    }

    /// An entry central dies on while it merges it: neither answered nor set aside yet.
    fn deadly_entry(&self, group: &[(ConnId, Batch)]) -> Option<(ReplicaId, u64)> {
        let chosen = |id: &[u8; 16]| (u64::from(id[2]) << 8 | u64::from(id[3])) % 1_000;
        let entries =
            group.iter().flat_map(|(_, b)| (b.first..).zip(&b.entries).map(move |(n, e)| ((b.replica, n), e)));
        let fresh = entries.filter(|(key, _)| !self.ledger.answers.contains_key(key) && !self.is_set_aside(key));
        let mut deadly = fresh.filter(|(_, e)| change_id(e).is_some_and(|id| chosen(id.as_bytes()) < self.plan.deadly));
        deadly.next().map(|(key, _)| key)
    }

    fn is_set_aside(&self, key: &(ReplicaId, u64)) -> bool {
        self.server.deaths.get(key).is_some_and(|deaths| *deaths >= DEATHS_BEFORE_QUARANTINE)
    }

    /// Admits what waits, several batches in one transaction.
    pub(super) fn flush(&mut self) {
        self.server.flushing = false;
        if !self.server.up || self.server.pending.is_empty() {
            return;
        }
        let n = self.rng.range(1, self.plan.group_commit as u64) as usize;
        let n = n.min(self.server.pending.len());
        let group: Vec<(ConnId, Batch)> = self.server.pending.drain(..n).collect();
        if !self.server.pending.is_empty() {
            self.server.flushing = true;
            self.after(1, Event::Flush);
        }
        if self.rng.chance(self.plan.push_lost) {
            self.note("push lost", n as u64, 0, String::new);
            return;
        }
        let crash = self.rng.chance(self.plan.central_crash_at_tx);
        let before = self.rng.chance(500);
        let early = self.plan.planted == Some(Planted::AckBeforeCommit) && !self.healing;
        if early && self.rng.chance(200) {
            if let Some(results) = self.admit(&group, false) {
                self.answer(results, false);
            }
            return self.crash_central();
        }
        if crash && before {
            self.coverage.hit(Reached::CentralCrashBeforeCommit);
            return self.crash_central();
        }
        if let Some(key) = self.deadly_entry(&group) {
            *self.server.deaths.entry(key).or_default() += 1;
            return self.crash_central();
        }
        if n > 1 {
            self.coverage.hit(Reached::GroupCommit);
        }
        let Some(results) = self.admit(&group, true) else { return };
        for (conn, admitted) in &results {
            if let Admitted::Done { outcomes, commits } = admitted {
                let client = self.conns.get(conn).map_or(usize::MAX, |c| c.client);
                self.learn_outcomes(&group, *conn, outcomes);
                self.learn_commits(commits, client);
            }
        }
        if self.plan.planted == Some(Planted::AppliesTwice) && self.rng.chance(100) {
            self.apply_again(&group);
        }
        if !self.server.up {
            return self.check_central_restart();
        }
        if crash {
            self.coverage.hit(Reached::CentralCrashBeforeAnswer);
            return self.crash_central();
        }
        self.answer(results, true);
    }

    /// The planted mistake: the group runs once more as if it never had.
    fn apply_again(&mut self, group: &[(ConnId, Batch)]) {
        let senders: Vec<(Sender, &Batch)> =
            group.iter().filter_map(|(conn, batch)| Some((self.sender(*conn)?, batch))).collect();
        let mut made = Vec::new();
        let done = self.server.host.write(&mut |tx| {
            for (sender, batch) in &senders {
                let rewound = Some((batch.first - 1, batch.prev_hash));
                let mut tx = Mistaken {
                    tx: &mut *tx,
                    mistake: Some(Planted::AppliesTwice),
                    lies: false,
                    undone: BTreeMap::new(),
                    rewound,
                };
                if let Ok(Admitted::Done { commits, .. }) = admit_batch(&mut tx, sender, batch) {
                    made.extend(commits);
                }
            }
            true
        });
        if self.storage(done, "a second application").is_some() {
            self.learn_commits(&made, usize::MAX);
        }
    }

    fn sender(&self, conn: ConnId) -> Option<Sender> {
        let served = self.server.served.get(&conn)?;
        let (device, _, lineage, _) = served.session.peer()?;
        let known = self.devices.iter().find(|d| d.id == device && !d.revoked)?;
        let now = Rights { may_write: known.may_write, grants: known.grants.clone() };
        let stale = self.plan.planted == Some(Planted::StaleRights);
        Some(Sender {
            device,
            rights: if stale { served.rights.clone() } else { now },
            authority: 0,
            lineage: lineage.to_vec(),
            now_ms: self.central_ms(),
            quarantine: self.server.deaths.keys().filter(|key| self.is_set_aside(key)).copied().collect(),
        })
    }

    /// Where what a group takes back of each record was committed; only a planted mistake asks.
    fn undone_in(&self, group: &[(ConnId, Batch)]) -> BTreeMap<RecordId, u64> {
        if self.plan.planted != Some(Planted::UndoOverwrites) {
            return BTreeMap::new();
        }
        let seqs = self.ledger.histories.last().map(|h| &h.seqs);
        let changes = group.iter().flat_map(|(_, batch)| &batch.entries).filter_map(|entry| match entry {
            Entry::Change(bytes) => Change::from_bytes(bytes).ok(),
            Entry::Skip { .. } => None,
        });
        let undoes = changes.flat_map(|change| change.ops).filter_map(|op| match op {
            Op::Undo { record, change, .. } => Some((record, *seqs?.get(&change)?)),
            _ => None,
        });
        undoes.collect()
    }

    fn admit(&mut self, group: &[(ConnId, Batch)], commit: bool) -> Option<Vec<(ConnId, Admitted)>> {
        let senders: Vec<(ConnId, Sender, &Batch)> =
            group.iter().filter_map(|(conn, batch)| Some((*conn, self.sender(*conn)?, batch))).collect();
        let mistake = self.plan.planted;
        let undone = self.undone_in(group);
        let believed = mistake == Some(Planted::IntervalNotCut);
        let lies = |conn: &ConnId| self.conns.get(conn).is_some_and(|c| self.laptops[c.client].lies);
        let liars: Vec<ConnId> = group.iter().map(|(conn, _)| *conn).filter(|conn| believed && lies(conn)).collect();
        let (mut results, mut signed) = (Vec::new(), Vec::new());
        let mut failure = None;
        let done = self.server.host.write(&mut |tx| {
            for (conn, sender, batch) in &senders {
                let known = tx.replica(batch.replica).ok().flatten().map_or(0, |state| state.counter);
                let mut tx = Mistaken {
                    tx: &mut *tx,
                    mistake,
                    lies: liars.contains(conn),
                    undone: undone.clone(),
                    rewound: None,
                };
                match admit_batch(&mut tx, sender, batch) {
                    Ok(admitted) => {
                        let last = batch.first + batch.entries.len() as u64 - 1;
                        let fresh = last > known && matches!(admitted, Admitted::Done { .. });
                        signed.extend(fresh.then(|| BatchRecord::of(batch, sender.device)));
                        results.push((*conn, admitted));
                    }
                    Err(e) => {
                        failure = Some(e);
                        return false;
                    }
                }
            }
            commit
        });
        let there = match done.and_then(|_| failure.map_or(Ok(()), Err)) {
            Ok(()) => true,
            Err(e) => self.central_fails("admission", &e),
        };
        if !there {
            self.check_central_restart();
            return None;
        }
        for batch in signed.into_iter().filter(|_| commit) {
            self.server.batches.entry(batch.replica).or_default().push(batch);
        }
        Some(results)
    }

    fn answer(&mut self, results: Vec<(ConnId, Admitted)>, committed: bool) {
        let (mut from, mut to) = (u64::MAX, 0);
        for (conn, admitted) in results {
            match admitted {
                Admitted::Done { outcomes, commits } => {
                    for commit in commits.iter().filter(|_| committed) {
                        (from, to) = (from.min(commit.position.seq), to.max(commit.position.seq));
                    }
                    self.serve_input(conn, SessionInput::Answered(outcomes));
                }
                Admitted::Expected { counter, chain } => {
                    self.coverage.hit(Reached::CounterGap);
                    self.serve_input(conn, SessionInput::Gap { counter, chain });
                }
                Admitted::Fork => {
                    self.coverage.hit(Reached::Fork);
                    self.serve_input(conn, SessionInput::Refuse { code: "fork", message: "", retryable: true });
                }
                Admitted::WrongDevice => self.fail("central says wrong device".to_owned()),
            }
        }
        if to > 0 {
            self.announce(from, to);
        }
    }

    /// Compares answers with those given before, and notes them.
    fn learn_outcomes(&mut self, group: &[(ConnId, Batch)], conn: ConnId, outcomes: &[Outcome]) {
        for (_, batch) in group.iter().filter(|(c, _)| *c == conn) {
            let last = batch.first + batch.entries.len() as u64;
            for outcome in outcomes.iter().filter(|o| (batch.first..last).contains(&o.counter)) {
                self.learn_outcome(batch.replica, outcome);
            }
        }
    }
}
