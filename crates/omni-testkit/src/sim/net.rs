//! Connections: two streams of frames that may be slow, cut in the middle, half-open, or (over a network that is no
//! stream) lose, double and swap single frames.

use super::coverage::Reached;
use super::driver::Sim;
use super::event::Event;
use super::host::Hosts;

/// Number of a connection, in order of opening.
pub type ConnId = u64;

/// One direction of a connection.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// Frames vanish.
    pub lost: bool,
    /// Earliest delivery of the next frame: streams keep their order.
    pub at: u64,
    sent: u64,
    newest: u64,
}

/// One connection.
#[derive(Clone, Debug)]
pub struct Conn {
    /// The laptop.
    pub client: usize,
    /// The laptop's process that opened it.
    pub life: u64,
    /// The laptop still holds it.
    pub client_open: bool,
    /// Central still holds it.
    pub central_open: bool,
    /// Towards central.
    pub up: Stream,
    /// Towards the laptop.
    pub down: Stream,
}

/// A frame on its way.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// Its connection.
    pub conn: ConnId,
    /// Its bytes.
    pub bytes: Vec<u8>,
    no: u64,
}

impl Conn {
    /// A fresh connection of a laptop's process.
    pub fn new(client: usize, life: u64) -> Conn {
        let (up, down) = (Stream::default(), Stream::default());
        Conn { client, life, client_open: true, central_open: true, up, down }
    }

    fn stream(&mut self, up: bool) -> &mut Stream {
        if up { &mut self.up } else { &mut self.down }
    }
}

impl<H: Hosts> Sim<H> {
    /// A frame's way through the network.
    pub(super) fn delay(&mut self) -> u64 {
        let longest = if self.healing { 20 } else { self.plan.delay_ms };
        1 + self.rng.below(longest)
    }

    /// Puts a frame on its way. `bound` = part of the handshake, which a connection takes once.
    pub(super) fn transmit(&mut self, id: ConnId, up: bool, bytes: Vec<u8>, bound: bool) {
        let delay = self.delay();
        let now = self.now;
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let stream = conn.stream(up);
        stream.at = stream.at.max(now + delay);
        stream.sent += 1;
        let (mut at, no) = (stream.at, stream.sent);
        if self.rng.chance(self.plan.frame_lost) {
            self.coverage.hit(Reached::FrameLost);
            return self.note("frame lost", id, no, String::new);
        }
        if self.rng.chance(self.plan.frame_late) {
            at += self.rng.below(4 * self.plan.delay_ms + 40);
        }
        let parcel = Parcel { conn: id, bytes, no };
        if !bound && self.rng.chance(self.plan.frame_twice) {
            self.coverage.hit(Reached::FrameTwice);
            let again = at + self.rng.below(2 * self.plan.delay_ms + 40);
            self.at(again, arrival(up, parcel.clone()));
        }
        self.at(at, arrival(up, parcel));
    }

    /// Whether a frame still arrives, and in which order it does.
    pub(super) fn arrives(&mut self, parcel: &Parcel, up: bool) -> bool {
        let Some(conn) = self.conns.get_mut(&parcel.conn) else { return false };
        let stream = conn.stream(up);
        let (lost, overtaken) = (stream.lost, parcel.no < stream.newest);
        stream.newest = stream.newest.max(parcel.no);
        if overtaken && !lost {
            self.coverage.hit(Reached::FrameOvertaken);
        }
        if lost {
            self.coverage.hit(Reached::FrameLostInCut);
        }
        !lost
    }
}

fn arrival(up: bool, parcel: Parcel) -> Event {
    if up { Event::Up(parcel) } else { Event::Down(parcel) }
}
