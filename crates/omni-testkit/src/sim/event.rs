//! What can happen, in order of virtual time.

use super::host::Snapshot;
use super::net::{ConnId, Parcel};
use omni_protocol::{FeedPage, Grants, OriginalGroup, Originals};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A fetch over HTTP.
#[derive(Clone, Debug)]
pub enum Fetch {
    /// A page after this seq.
    Page(u64),
    /// A snapshot.
    Snapshot,
    /// Originals to keep, after this seq.
    Originals(u64),
    /// Originals for a central that is being recovered.
    Offer(Vec<OriginalGroup>),
}

/// What a fetch brought.
#[derive(Debug)]
pub enum Fetched {
    /// A page.
    Page(FeedPage),
    /// A snapshot made under these grants.
    Snapshot(Box<Snapshot>, Grants),
    /// Originals.
    Originals(Originals),
    /// What was offered is kept there.
    Offered,
    /// What was offered was not taken.
    NotOffered,
    /// Nothing.
    Failed,
}

/// What happens at some time.
#[derive(Debug)]
pub enum Event {
    /// An operator acts.
    Operate(usize),
    /// A laptop's session hears that its queue changed.
    Kick(usize, u64),
    /// A frame reaches central.
    Up(Parcel),
    /// A frame reaches the laptop.
    Down(Parcel),
    /// Central learns that the laptop closed.
    UpClosed(ConnId),
    /// The laptop learns that central closed.
    DownClosed(ConnId),
    /// A laptop tries to connect.
    Connect(usize, u64),
    /// Timers.
    Tick,
    /// Central's heartbeat of one connection.
    Heartbeat(ConnId),
    /// Central admits what waits.
    Flush,
    /// A session hears of commits up to this seq.
    Notice(ConnId, u64, u64),
    /// A session's log read comes back.
    PageRead(ConnId, u64),
    /// A fetch reaches central.
    FetchAt(usize, ConnId, Fetch),
    /// A fetch's answer reaches the laptop.
    FetchDone(usize, ConnId, Box<Fetched>),
    /// Something breaks.
    Fault,
    /// A laptop starts again.
    LaptopUp(usize),
    /// Central starts again.
    CentralUp,
    /// Central's sessions of a device hear of its new grants.
    Regrant(usize),
    /// An administrator ends the recovery of this number.
    EndRecovery(u64),
    /// Faults end.
    Heal,
}

struct Scheduled {
    at: u64,
    no: u64,
    event: Event,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.no) == (other.at, other.no)
    }
}
impl Eq for Scheduled {}
impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.no).cmp(&(other.at, other.no))
    }
}

/// Events by time; those of one time in the order in which they were planned.
#[derive(Default)]
pub struct Agenda {
    queue: BinaryHeap<Reverse<Scheduled>>,
    next_no: u64,
}

impl Agenda {
    /// Plans an event.
    pub fn add(&mut self, at: u64, event: Event) {
        let no = self.next_no;
        self.next_no += 1;
        self.queue.push(Reverse(Scheduled { at, no, event }));
    }

    /// The next event and its time.
    pub fn next(&mut self) -> Option<(u64, Event)> {
        self.queue.pop().map(|Reverse(next)| (next.at, next.event))
    }
}
