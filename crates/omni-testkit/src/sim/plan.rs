//! What one seed does: sizes, fault mix, rights. Each fault is switched off in some seeds (swarm testing), so that faults
//! that hide each other get their own runs.

use super::rng::Rng;

/// A deliberate mistake in the driver or in a storage: proves that the oracles notice such a one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// Central answers a batch before its commit and may crash in between.
    AckBeforeCommit,
    /// Central forgets which changes it has answered: a resend under another counter is applied again.
    ForgetsChangeIds,
    /// Central forgets the answer it gave to some counters.
    ForgetsOutcomes,
    /// Central applies a batch a second time when its worker starts again.
    AppliesTwice,
    /// Central judges rights when the session began, not when it applies.
    StaleRights,
    /// Central sends every part to every reader.
    LeaksScopes,
    /// Central takes what a laptop's wall clock says for the time of its edits.
    TrustsWallClocks,
    /// Central lets the last writer win.
    LastWriterWins,
    /// Central forgets that records were deleted.
    ForgetsTombstones,
    /// A laptop stores the cursor in a transaction of its own before the data.
    CursorBeforeData,
    /// A laptop drops the last commit of a page but takes its watermark.
    PageShort,
    /// A laptop's edits are saved without waiting for the disk.
    SaveNotDurable,
    /// Sealing does not wait for the disk before the first byte is sent.
    SealNotDurable,
    /// A laptop drops a row of its queue when it starts.
    DropsQueueRow,
    /// A laptop drops its queue when a snapshot is swapped in.
    SnapshotDropsQueue,
    /// A refused change is taken out of the queue silently.
    SilentReject,
    /// A laptop counts from 1 again under its old identity when it should take a new one.
    ReusesIdentity,
    /// A laptop's session has no timers.
    NoTimers,
    /// Central applies edits of texts to what is committed, whatever text their author saw.
    TextWithoutMerge,
    /// Central lets a write of a text replace it as a whole.
    TextReplaced,
    /// A recovering central commits the newest of what it lost first.
    RecoveryOutOfOrder,
    /// A recovering central leaves some of what was offered out.
    RecoveryDropsCommit,
    /// Central goes on under its old epoch after it was restored or rolled back.
    EpochNotRaised,
    /// A restored central lets devices in that were revoked since the backup.
    RevocationForgotten,
    /// Central believes a laptop that says it made an edit later than it arrived.
    IntervalNotCut,
    /// Central takes a change back whoever wrote what it wrote since.
    UndoOverwrites,
    /// Taking a change of a counter back gives the counter the value it had before.
    UndoSetsCounter,
}

impl Planted {
    /// All of them.
    pub const ALL: &[Planted] = &[
        Planted::AckBeforeCommit,
        Planted::ForgetsChangeIds,
        Planted::ForgetsOutcomes,
        Planted::AppliesTwice,
        Planted::StaleRights,
        Planted::LeaksScopes,
        Planted::TrustsWallClocks,
        Planted::LastWriterWins,
        Planted::ForgetsTombstones,
        Planted::CursorBeforeData,
        Planted::PageShort,
        Planted::SaveNotDurable,
        Planted::SealNotDurable,
        Planted::DropsQueueRow,
        Planted::SnapshotDropsQueue,
        Planted::SilentReject,
        Planted::ReusesIdentity,
        Planted::NoTimers,
        Planted::TextWithoutMerge,
        Planted::TextReplaced,
        Planted::RecoveryOutOfOrder,
        Planted::RecoveryDropsCommit,
        Planted::EpochNotRaised,
        Planted::RevocationForgotten,
        Planted::IntervalNotCut,
        Planted::UndoOverwrites,
        Planted::UndoSetsCounter,
    ];
}

/// Kinds of faults from outside, in the order of `Plan::fault_weights`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A link breaks and both sides mostly notice.
    Cut,
    /// A link breaks and at least one side rarely notices.
    HalfOpen,
    /// A laptop is away for long.
    Offline,
    /// A laptop loses power.
    LaptopCrash,
    /// Central loses power.
    CentralCrash,
    /// An operator's owners or compartments change.
    Grants,
    /// An operator loses the right to write, or gets it back.
    WriteRight,
    /// A device is revoked, or approved again.
    Device,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 8] = [
        Fault::Cut,
        Fault::HalfOpen,
        Fault::Offline,
        Fault::LaptopCrash,
        Fault::CentralCrash,
        Fault::Grants,
        Fault::WriteRight,
        Fault::Device,
    ];
}

/// Sizes and fault rates of one run. Rates are per mille of opportunities, times virtual milliseconds.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Laptops.
    pub clients: usize,
    /// Operator actions of each laptop.
    pub edits: u64,
    /// Mean time between two actions of one operator.
    pub edit_gap_ms: u64,
    /// Crash of a laptop at a transaction (before or after its commit).
    pub crash_at_tx: u64,
    /// Crash of central at an admission (before or after its commit).
    pub central_crash_at_tx: u64,
    /// Mean time between two faults from outside.
    pub fault_gap_ms: u64,
    /// How often each kind of fault strikes, relative to the others.
    pub fault_weights: [u64; Fault::ALL.len()],
    /// Longest delay of a frame.
    pub delay_ms: u64,
    /// A frame is lost though its connection lives on.
    pub frame_lost: u64,
    /// A frame arrives twice.
    pub frame_twice: u64,
    /// A frame is overtaken by later ones of its own connection.
    pub frame_late: u64,
    /// A fetch over HTTP fails.
    pub fetch_fails: u64,
    /// Central loses a batch it received, or a log read (its worker died), while the connection lives on.
    pub push_lost: u64,
    /// Central's notice of new commits does not reach a session.
    pub notice_lost: u64,
    /// A change that central's door refuses for ever.
    pub cursed: u64,
    /// A change central dies on.
    pub deadly: u64,
    /// Most batches in one commit on central.
    pub group_commit: usize,
    /// A laptop is restored from a backup once.
    pub restore: bool,
    /// A laptop's disk is cloned once and both run.
    pub clone: bool,
    /// A laptop's identity cookie does not fit at a restart: new incarnation.
    pub cookie_lost: u64,
    /// Somebody imports more than a laptop may lag behind and stay live, once, while one is away.
    pub flood: bool,
    /// Some laptops see a part of the owners only.
    pub restricted: bool,
    /// The last laptop's operator may only read.
    pub viewer: bool,
    /// Somebody with a newer version writes what these laptops do not know.
    pub newer_schema: bool,
    /// Central is restored from a backup or rolled back by its host, once or more often.
    pub central_goes_back: bool,
    /// Wall clocks of laptops step by ten years.
    pub clock_steps: bool,
    /// The last laptop lies about its clocks.
    pub liar: bool,
    /// Laptops keep signed originals (costly: where they may be asked for).
    pub keeps_originals: bool,
    /// Verify signatures (costly: on in some seeds).
    pub verify_signatures: bool,
    /// A deliberate mistake.
    pub planted: Option<Planted>,
}

impl Plan {
    /// The plan of a seed.
    pub fn of(rng: &mut Rng) -> Plan {
        let mut on = |yes_per_mille: u64, value: u64| if rng.chance(yes_per_mille) { value } else { 0 };
        Plan {
            crash_at_tx: on(600, 8),
            central_crash_at_tx: on(500, 12),
            frame_lost: on(200, 15),
            frame_twice: on(200, 40),
            frame_late: on(200, 40),
            fetch_fails: on(500, 150),
            push_lost: on(300, 20),
            notice_lost: on(400, 100),
            cursed: on(200, 8),
            deadly: on(150, 8),
            cookie_lost: on(200, 200),
            fault_weights: [
                on(700, 6),
                on(600, 4),
                on(600, 3),
                on(700, 4),
                on(600, 3),
                on(600, 3),
                on(300, 2),
                on(250, 2),
            ],
            flood: on(20, 1) > 0,
            clients: rng.range(2, 4) as usize,
            edits: rng.range(20, 120),
            edit_gap_ms: rng.range(300, 6_000),
            fault_gap_ms: rng.range(4_000, 40_000),
            delay_ms: [5, 60, 400, 3_000][rng.below(4) as usize],
            group_commit: rng.range(1, 6) as usize,
            restore: rng.chance(150),
            clone: rng.chance(200),
            restricted: rng.chance(600),
            viewer: rng.chance(200),
            newer_schema: rng.chance(250),
            verify_signatures: rng.chance(60),
            planted: None,
            central_goes_back: false,
            keeps_originals: false,
            clock_steps: false,
            liar: false,
        }
        .with_more(rng)
    }

    fn with_more(self, rng: &mut Rng) -> Plan {
        let goes_back = rng.chance(300);
        let keeps_originals = goes_back && rng.chance(900);
        let (clock_steps, liar) = (rng.chance(300), rng.chance(250));
        Plan { central_goes_back: goes_back, keeps_originals, clock_steps, liar, ..self }
    }

    /// Nothing breaks any more.
    pub fn calm(&mut self) {
        (self.crash_at_tx, self.central_crash_at_tx) = (0, 0);
        (self.frame_lost, self.frame_twice, self.frame_late) = (0, 0, 0);
        (self.fetch_fails, self.push_lost, self.notice_lost) = (0, 0, 0);
        self.cookie_lost = 0;
    }
}
