//! Recomputes everything from rows: digests, the hash chain of commits with every part, the tree and its signed heads, the
//! state the log leads to, the answers, and the signatures laptops gave.

mod answers;
mod state;
mod tree;

use crate::storage::{PageLimits, ReadTx};
use omni_protocol::change::chain;
use omni_protocol::{DeviceId, Entry, Hash, ReplicaId, Scope};
use omni_sync::StorageError;
use omni_sync::central::commit_hash;
use omni_sync::diff;
use omni_sync::digest::{self, Deltas, Digest};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// Differences listed at most; a further one is only counted by the exit code.
const DIFFERENCES_MAX: usize = 100;
/// Commits checked per page.
const PAGE: PageLimits = PageLimits { commits: 2_000, bytes: 16 * 1024 * 1024 };

type Result<T> = std::result::Result<T, StorageError>;

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `medium`, `unreadable`, `index`, `digest`, `commit`, `signature`, `entry`, `tree`, `head`, `sum`, `answer`, `record`,
    /// `image` or `conflict`.
    pub kind: &'static str,
    /// Where and what.
    pub what: String,
}

/// What was compared and what differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Epoch of the head.
    pub epoch: u32,
    /// The head.
    pub seq: u64,
    /// Commits whose hash was recomputed.
    pub commits: u64,
    /// Parts below them.
    pub parts: u64,
    /// Live records summed.
    pub records: u64,
    /// Scopes compared.
    pub scopes: usize,
    /// Signatures checked.
    pub signatures: u64,
    /// What differs, the first hundred.
    pub differences: Vec<Difference>,
}

impl Report {
    /// Nothing differs.
    pub fn is_sound(&self) -> bool {
        self.differences.is_empty()
    }

    fn differ(&mut self, kind: &'static str, what: String) {
        if self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(Difference { kind, what });
        }
    }
}

/// How deep to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Everything, the state of every record and conflict item made anew from the log in memory included.
    Whole,
    /// Everything but that: records are held against their sum only. Memory does not grow with the portfolio.
    Sums,
}

/// Checks over one exact state. `key`: the public key heads must be signed with now, where it is known from elsewhere.
/// What cannot be read is a difference too.
pub fn verify(tx: &dyn ReadTx, key: Option<&[u8; 32]>, depth: Depth) -> Report {
    let mut report = Report::default();
    let r = &mut report;
    readable(r, |r| check_medium(tx, r));
    readable(r, |r| check_digests(tx, r));
    let mut changes = Changes::new();
    readable(r, |r| check_commits(tx, &mut changes, r));
    let mut links = Links::default();
    readable(r, |r| check_signatures(tx, &changes, &mut links, r));
    readable(r, |r| tree::check(tx, key, r));
    readable(r, |r| answers::check(tx, &links, r));
    if depth == Depth::Whole {
        readable(r, |r| state::check(tx, r));
    }
    report
}

fn readable(report: &mut Report, check: impl FnOnce(&mut Report) -> Result<()>) {
    if let Err(e) = check(report) {
        report.differ("unreadable", e.to_string());
    }
}

fn check_medium(tx: &dyn ReadTx, report: &mut Report) -> Result<()> {
    for fault in tx.medium_faults()? {
        report.differ("medium", fault);
    }
    for fault in tx.derived_faults()? {
        report.differ("index", fault);
    }
    Ok(())
}

fn check_digests(tx: &dyn ReadTx, report: &mut Report) -> Result<()> {
    let mut sums = Deltas::default();
    tx.each_live(None, &mut |stored| {
        report.records += 1;
        diff::add(&stored.row, &mut sums);
        Ok(())
    })?;
    for (scope, item) in tx.conflicts(None)? {
        sums.add(scope, digest::conflict(&item));
    }
    let kept: BTreeMap<Scope, Digest> = tx.scopes()?.into_iter().map(|s| (s.scope, s.digest)).collect();
    let all: std::collections::BTreeSet<Scope> = kept.keys().chain(sums.0.keys()).copied().collect();
    report.scopes = all.len();
    for scope in all {
        let (kept, rows) = (kept.get(&scope).copied(), sums.0.get(&scope).copied());
        if kept.unwrap_or_default() != rows.unwrap_or_default() {
            report.differ("digest", format!("the rows of scope {scope} do not add up to its digest"));
        }
    }
    Ok(())
}

/// Where a commit's change came from, with the link of its bytes.
type Changes = HashMap<(ReplicaId, u64), Hash>;

/// What laptops signed, by replica and counter.
#[derive(Default)]
struct Links {
    /// The link of each entry.
    entries: HashMap<(ReplicaId, u64), Hash>,
    /// The chain head before each batch: signed too.
    begins: HashMap<(ReplicaId, u64), Hash>,
}

impl Links {
    /// The chain head of a replica after `counter` entries. Batches of which nothing came back in a recovery are passed
    /// over: the next one names, signed, what it continues. `None` = what is there does not lead to it.
    fn head(&self, replica: ReplicaId, counter: u64) -> Option<Hash> {
        let mut head = Some(Hash::default());
        for n in 1..=counter {
            match (head, self.begins.get(&(replica, n))) {
                (Some(head), Some(signed)) if head != *signed => return None,
                (_, Some(signed)) => head = Some(*signed),
                (_, None) => {}
            }
            head = head.zip(self.entries.get(&(replica, n))).map(|(head, link)| chain(head, *link));
        }
        head
    }
}

fn check_commits(tx: &dyn ReadTx, changes: &mut Changes, report: &mut Report) -> Result<()> {
    let head = tx.head()?.position;
    (report.epoch, report.seq) = (head.epoch, head.seq);
    let (mut at, mut prev) = (0, Hash::default());
    loop {
        let page = tx.commits_after(at, PAGE, None)?;
        let Some(last) = page.last().map(|c| c.position) else { break };
        for commit in page {
            let p = commit.position;
            if p.seq != at + 1 {
                report.differ("commit", format!("commits {} to {} are missing", at + 1, p.seq - 1));
            }
            if commit_hash(prev, p.seq, &commit.change, &commit.parts) != p.hash {
                report.differ("commit", format!("the bytes of commit {} do not have its hash", p.seq));
            }
            report.commits += 1;
            report.parts += commit.parts.len() as u64;
            let link = Entry::Change(commit.change.into()).link();
            changes.insert((commit.info.replica, commit.info.counter), link);
            (at, prev) = (p.seq, p.hash);
        }
        if at != last.seq {
            break;
        }
    }
    if (at, prev) != (head.seq, head.hash) {
        report.differ("commit", format!("the log ends at {at}, the head is {}", head.seq));
    }
    Ok(())
}

fn check_signatures(tx: &dyn ReadTx, changes: &Changes, links: &mut Links, report: &mut Report) -> Result<()> {
    let keys: HashMap<DeviceId, [u8; 32]> = tx.devices()?.into_iter().map(|d| (d.device, d.public_key)).collect();
    tx.each_batch(&mut |batch| {
        report.signatures += 1;
        if !keys.get(&batch.device).is_some_and(|key| batch.is_signed(key)) {
            let at = format!("entries of {} from {}", batch.replica, batch.first);
            report.differ("signature", format!("{at} are not signed by their device"));
        }
        links.begins.insert((batch.replica, batch.first), batch.prev);
        for (i, link) in batch.links.iter().enumerate() {
            links.entries.insert((batch.replica, batch.first + i as u64), *link);
        }
        Ok(())
    })?;
    for (key, link) in changes {
        if links.entries.get(key) != Some(link) {
            let (replica, counter) = key;
            report.differ("entry", format!("change {counter} of {replica} is not what was signed"));
        }
    }
    Ok(())
}
