//! Plays a case through `admit_batch`.

use super::base::central_before;
use super::encode::{boot_of, encode, ping, seq_of};
use super::format::{Case, Change as ChangeText};
use super::result::Answer;
use super::screen::Screen;
use super::world::{World, change_id, device_id, replica_id};
use crate::mem_central::MemCentral;
use omni_protocol::{
    Batch, Change, CommitInfo, ConflictId, Entry, Hash, Outcome, OutcomeKind, Parent, Position, ReplicaId,
};
use omni_sync::central::{Admitted, CentralTx, Commit, ReplicaState, Rights, Sender, admit_batch};
use std::collections::{BTreeMap, BTreeSet};

/// Spare time around the times a case names, milliseconds.
const MARGIN_MS: i64 = 1_000;
/// Most commits that are filled in between two of a case.
const GAP_MAX: u64 = 10_000;

/// Central as it stood at one seq.
#[derive(Clone, Debug)]
struct Moment {
    seq: u64,
    screen: Screen,
    items: BTreeMap<ConflictId, u64>,
}

/// What was sent by one author, and where it stands.
#[derive(Clone, Debug)]
struct Made {
    replica: ReplicaId,
    counter: u64,
    seq: Option<u64>,
    change: Change,
}

/// What happened so far, as far as later changes refer to it.
#[derive(Clone, Debug)]
pub struct Past {
    /// The current epoch.
    pub epoch: u32,
    /// Position of central right after each change.
    pub after: BTreeMap<String, u64>,
    /// The first content of each change id.
    pub sent: BTreeMap<String, Change>,
    moments: Vec<Moment>,
    made: Vec<Made>,
}

impl Past {
    fn at(&self, seq: u64) -> &Moment {
        self.moments.iter().rev().find(|m| m.seq <= seq).unwrap_or(&self.moments[0])
    }

    /// The item's seq as a laptop complete to `seq` saw it; that position itself where there was no such item.
    pub fn item_seq_at(&self, item: ConflictId, seq: u64) -> u64 {
        self.at(seq).items.get(&item).copied().unwrap_or(seq)
    }

    /// Whether there ever was such an item.
    pub fn knows_item(&self, item: ConflictId) -> bool {
        self.moments.iter().any(|m| m.items.contains_key(&item))
    }
}

/// A played case.
#[derive(Debug)]
pub struct Played {
    /// The collection it was played on.
    pub world: World,
    /// Central at the end.
    pub central: MemCentral,
    /// One per incoming change.
    pub answers: Vec<Answer>,
    /// Changes by name.
    pub sent: BTreeMap<String, Change>,
}

/// Plays a case. Errors: the case cannot be set up, or storage failed.
pub fn play(case: &Case) -> Result<Played, String> {
    let world = World::of(case)?;
    let mut player = Player::new(case, world)?;
    for text in &case.commits {
        player.commit(text)?;
    }
    if !player.central.conflicts.is_empty() {
        return Err("the commits are not free of conflict".to_owned());
    }
    let mut answers = Vec::new();
    for text in &case.incoming {
        answers.push(player.send(text)?);
    }
    Ok(Played { world, central: player.central, answers, sent: player.past.sent })
}

struct Player {
    world: World,
    central: MemCentral,
    past: Past,
    /// Chain heads before each answered counter, for resends under it.
    heads: BTreeMap<(ReplicaId, u64), Hash>,
    counters: BTreeMap<String, u64>,
    lineages: BTreeMap<String, Vec<Parent>>,
    earliest: i64,
    receipt: i64,
}

impl Player {
    fn new(case: &Case, world: World) -> Result<Player, String> {
        let central = central_before(case, &world)?;
        let changes = case.commits.iter().chain(&case.incoming);
        let writers = case.base.writers.values().filter_map(|w| w.time);
        let times: Vec<i64> = changes.map(|c| c.time).chain(writers).flatten().flatten().collect();
        let earliest = times.iter().min().copied().unwrap_or(0) - MARGIN_MS;
        let receipt = times.iter().max().copied().unwrap_or(0) + MARGIN_MS;
        let past = Past {
            epoch: central.position.epoch,
            after: BTreeMap::new(),
            sent: BTreeMap::new(),
            moments: Vec::new(),
            made: Vec::new(),
        };
        let (heads, counters, lineages) = Default::default();
        let mut player = Player { world, central, past, heads, counters, lineages, earliest, receipt };
        player.remember();
        Ok(player)
    }

    /// Notes how central stands now.
    fn remember(&mut self) {
        let mut screen = Screen::default();
        for ((_, id), stored) in &self.central.records {
            screen.0.insert(*id, stored.row.fields.clone());
        }
        let items = self.central.conflicts.iter().map(|(id, (_, item))| (*id, item.seq)).collect();
        self.past.moments.push(Moment { seq: self.central.position.seq, screen, items });
    }

    /// Replays a commit at its seq.
    fn commit(&mut self, text: &ChangeText) -> Result<(), String> {
        let seq = text.seq.ok_or_else(|| format!("{} has no seq", text.id))?;
        self.fill_up_to(seq.saturating_sub(1))?;
        let answer = self.send(text)?;
        let Answer::Outcome(outcome) = answer else { return Err(format!("{}: {answer:?}", text.id)) };
        if !outcome.took_effect() || self.central.position.seq > seq {
            return Err(format!("the commit {} was not taken: {outcome:?}", text.id));
        }
        self.fill_up_to(seq)?;
        // A case's commits are free of conflict: their stored outcome is Applied.
        let key = (replica_id(&text.replica), outcome.counter);
        let stored =
            [self.central.outcomes.get_mut(&key), self.central.changes.get_mut(&outcome.change).map(|c| &mut c.1)];
        stored.into_iter().flatten().for_each(|o| o.kind = OutcomeKind::Applied);
        self.past.after.insert(text.id.clone(), seq);
        Ok(())
    }

    /// Commits of others the case does not speak of.
    fn fill_up_to(&mut self, seq: u64) -> Result<(), String> {
        let now = self.central.position;
        if seq < now.seq || seq - now.seq > GAP_MAX {
            return Err(format!("seq {seq} does not follow {}", now.seq));
        }
        for seq in now.seq + 1..=seq {
            let prev = self.central.position.hash;
            let info = CommitInfo {
                change: change_id(&format!("filler {seq}")),
                replica: replica_id("filler"),
                counter: seq,
                device: device_id("filler"),
                command: 0,
                at_ms: self.earliest,
                priority: omni_protocol::NORMAL,
                group: None,
            };
            let position = Position { epoch: now.epoch, seq, hash: Hash::of("filler", &[&prev.0]) };
            let (change, parts, deltas, images) = Default::default();
            let commit = Commit { position, prev, info, change, parts, deltas, images };
            self.central.append_commit(&commit).map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    /// Sends one change and notes what became of it.
    fn send(&mut self, text: &ChangeText) -> Result<Answer, String> {
        let replica = replica_id(&text.replica);
        if let Some(parent) = &text.parent {
            let mut lineage = vec![Parent { replica: replica_id(&parent.replica), counter: parent.counter }];
            lineage.extend(self.lineages.get(&parent.replica).into_iter().flatten().copied());
            self.lineages.insert(text.replica.clone(), lineage);
        }
        let counter = text.counter.unwrap_or_else(|| self.counters.get(&text.replica).map_or(1, |c| c + 1));
        let highest = self.counters.entry(text.replica.clone()).or_default();
        *highest = counter.max(*highest);
        let screen = self.screen_of(text, replica, counter)?;
        let change = encode(&self.world, &self.past, screen, text)?;
        if let Some(sample) = ping(text.time, self.earliest, self.receipt) {
            self.central.samples.insert((device_id(&text.replica), boot_of(text)), vec![sample]);
        }
        self.past.sent.entry(text.id.clone()).or_insert_with(|| change.clone());
        let answer = self.admit(text, replica, counter, &change)?;
        let seq = if let Answer::Outcome(outcome) = &answer { outcome.seq } else { None };
        self.past.made.push(Made { replica, counter, seq, change });
        self.past.after.insert(text.id.clone(), self.central.position.seq);
        self.remember();
        Ok(answer)
    }

    /// What the author had before: central at their base, with own changes they did not see confirmed.
    fn screen_of(&self, text: &ChangeText, replica: ReplicaId, counter: u64) -> Result<Screen, String> {
        let epoch = text.epoch.unwrap_or(self.past.epoch);
        let forks = self.central.forks.iter().filter(|(parent, _)| *parent >= epoch);
        let base = forks.fold(seq_of(&self.past, &text.base)?, |seq, (_, fork)| seq.min(*fork));
        let mut screen = self.past.at(base).screen.clone();
        let lineage = self.lineages.get(&text.replica).cloned().unwrap_or_default();
        let own = |made: &&Made| {
            let mine = made.replica == replica && made.counter < counter;
            mine || lineage.iter().any(|p| p.replica == made.replica && made.counter <= p.counter)
        };
        for made in self.past.made.iter().filter(own).filter(|m| m.seq.is_some_and(|seq| seq > base)) {
            made.change.ops.iter().for_each(|op| screen.show(&self.world, op));
        }
        Ok(screen)
    }

    fn admit(
        &mut self,
        text: &ChangeText,
        replica: ReplicaId,
        counter: u64,
        change: &Change,
    ) -> Result<Answer, String> {
        let device = device_id(&text.replica);
        let lineage = self.lineages.get(&text.replica).cloned().unwrap_or_default();
        let state = self.central.replicas.entry(replica).or_insert_with(|| ReplicaState {
            device,
            lineage: Vec::new(),
            counter: 0,
            chain: Hash::default(),
        });
        state.lineage = lineage.clone();
        state.counter = state.counter.max(counter - 1);
        let head = *self.heads.entry((replica, counter)).or_insert(state.chain);
        let sender = Sender {
            device,
            rights: Rights::everything(),
            authority: text.authority,
            lineage: lineage.clone(),
            now_ms: self.receipt,
            quarantine: BTreeSet::new(),
        };
        let batch = Batch {
            replica,
            parent: lineage.first().copied(),
            epoch: self.past.epoch,
            first: counter,
            prev_hash: head,
            entries: vec![Entry::Change(change.to_bytes().into())],
            signature: Vec::new().into(),
        };
        let admitted = admit_batch(&mut self.central, &sender, &batch).map_err(|e| e.to_string())?;
        // Later bases are cut to the commit times of what they saw: all of them lie before everything a case times.
        self.central.log.iter_mut().for_each(|c| c.info.at_ms = self.earliest);
        match admitted {
            Admitted::Done { mut outcomes, .. } => {
                let outcome: Option<Outcome> = outcomes.pop();
                outcome.map(Answer::Outcome).ok_or_else(|| format!("{}: no answer", text.id))
            }
            Admitted::Fork => Ok(Answer::Fork),
            other => Err(format!("{}: {other:?}", text.id)),
        }
    }
}
