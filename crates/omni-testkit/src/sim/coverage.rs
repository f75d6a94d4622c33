//! Sometimes-assertions: states a run must reach at least once over a range of seeds, or the simulator is blind there.

use std::collections::BTreeMap;

macro_rules! reached {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// A state worth reaching.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Reached { $($(#[$doc])* $name),* }

        impl Reached {
            /// All of them.
            pub const ALL: &[Reached] = &[$(Reached::$name),*];
        }
    };
}

reached! {
    /// A link was cut with frames in the air.
    LinkCut,
    /// A link was cut in one direction.
    CutOneWay,
    /// A frame was lost in a cut.
    FrameLostInCut,
    /// A single frame was lost while its connection lived on.
    FrameLost,
    /// A frame arrived twice.
    FrameTwice,
    /// A frame was overtaken by a later one of its connection.
    FrameOvertaken,
    /// A laptop was away for long.
    Offline,
    /// A laptop crashed.
    LaptopCrashed,
    /// Central crashed.
    CentralCrashed,
    /// A laptop was restored from a backup.
    Restored,
    /// A laptop's disk was cloned and both ran.
    Cloned,
    /// A laptop's identity cookie did not fit.
    CookieLost,
    /// An operator may read more than before.
    ReadingGranted,
    /// An operator may read less than before.
    ReadingRevoked,
    /// An operator may write again.
    WritingGranted,
    /// An operator may no longer write.
    WritingRevoked,
    /// A device was revoked.
    DeviceRevoked,
    /// A revoked device was approved again.
    DeviceApproved,
    /// A revoked device stayed out to the end.
    RevokedToTheEnd,
    /// A revoked device asked and was turned away.
    RevokedTurnedAway,
    /// Somebody imported more than a laptop may lag behind and stay live.
    Flooded,
    /// A snapshot was swapped in.
    SnapshotSwapped,
    /// A laptop crashed after sealing, before the first byte was sent.
    CrashBetweenSealAndSend,
    /// A laptop crashed after central's answer arrived, before it was stored.
    CrashBeforeOutcomeStored,
    /// A commit that was not durable was lost at a crash.
    FeedLostAtCrash,
    /// Central crashed after a commit, before it answered.
    CentralCrashBeforeAnswer,
    /// Central crashed before a commit: batches were lost and sent again.
    CentralCrashBeforeCommit,
    /// An answer was lost and the stored one sent again.
    StoredOutcomeResent,
    /// A change known under another counter or replica got its stored outcome.
    KnownIdAnswered,
    /// A conflict waits for a person.
    ConflictOpened,
    /// A write into a text met one its author did not know.
    TextMerged,
    /// A person settled a conflict.
    Settled,
    /// A decision came after what it was about had moved: it waits itself.
    DecisionStale,
    /// A later write joined an open conflict.
    ConflictJoined,
    /// A knowing write closed an open conflict.
    ConflictSuperseded,
    /// A rule decided between two writes.
    DecidedByRule,
    /// A delete met an edit.
    DeleteMetEdit,
    /// A change was held because one it relies on was not applied.
    Held,
    /// A whole command was parked.
    Parked,
    /// A unique value was taken.
    Taken,
    /// A change was refused for lack of rights at apply time.
    Forbidden,
    /// The grants changed under a live session.
    Regranted,
    /// A snapshot was swapped in under pending edits.
    SnapshotUnderPending,
    /// A laptop caught up by pages over HTTP.
    CaughtUpByPages,
    /// A page arrived that did not continue the cursor.
    PageGap,
    /// Central expected another counter.
    CounterGap,
    /// Central saw two databases under one identity.
    Fork,
    /// A replica went on under a new incarnation.
    Renewed,
    /// An emergency change was sealed before older normal ones.
    EmergencyOvertook,
    /// An emergency change took a slower one it depends on along.
    InversionAvoided,
    /// An emergency event overtook feed bytes.
    AlertOvertook,
    /// A cell of a newer schema was kept as a deferred row.
    Deferred,
    /// A change that could not be delivered was found by bisection and skipped.
    Skipped,
    /// A change central died on twice was set aside.
    Quarantined,
    /// The operator discarded a change that was not sent.
    DiscardedUnsealed,
    /// The operator discarded a refused change.
    DiscardedRefused,
    /// The operator sent a refused change again under a new id.
    Reissued,
    /// A queued command was made on central.
    QueuedCommand,
    /// A record moved to another owner.
    OwnerMoved,
    /// Two laptops created the same key.
    SameKeyTwice,
    /// A group of changes was saved.
    Group,
    /// Two batches were in flight at once.
    TwoInFlight,
    /// Several batches shared one commit on central.
    GroupCommit,
    /// A connection was half-open: one side noticed by its timer only.
    HalfOpen,
    /// Bytes of an old connection arrived after those of a newer one.
    ReorderedAcrossConnections,
    /// The watchdog recycled a connection that was alive but did not progress.
    WatchdogRecycled,
    /// A fetch failed.
    FetchFailed,
    /// The wall clock of a running laptop was set back by ten years.
    ClockSteppedBack,
    /// The wall clock of a running laptop was set ahead by ten years.
    ClockSteppedAhead,
    /// A device answered a probe with a false reading.
    LiedInProbe,
    /// A device said it made an edit at a false time.
    LiedInEdit,
    /// A rule decided by time between a liar's edit and another.
    LiarJudged,
    /// An operator took an own committed change back.
    Undone,
    /// What was taken back went back.
    UndoDone,
    /// Somebody had written what was taken back since: it is offered for choice.
    UndoOffered,
    /// An administrator restored central from a backup.
    CentralRestored,
    /// Central's host put older files in its place.
    CentralRolledBack,
    /// A laptop proved that central's log is not what it was.
    RollbackProven,
    /// A laptop was gone for good when central lost its log.
    LaptopGone,
    /// A laptop offered originals to a recovering central.
    OriginalsOffered,
    /// An administrator ended a recovery for which somebody was missing.
    RecoveryEndedByHand,
    /// A recovering central committed again what it had lost.
    CommitsBroughtBack,
    /// A lost commit was refused when it was brought back: its author's rights are the backup's.
    LostCommitRefused,
    /// Own changes a new history may not hold were queued again.
    OwnChangesReopened,
    /// A session missed the notice of commits and found out at a heartbeat.
    NoticeMissed,
}

/// How often each state was reached.
#[derive(Clone, Debug, Default)]
pub struct Coverage(pub BTreeMap<Reached, u64>);

impl Coverage {
    /// Counts one.
    pub fn hit(&mut self, state: Reached) {
        *self.0.entry(state).or_default() += 1;
    }

    /// Adds another run's.
    pub fn merge(&mut self, other: &Coverage) {
        for (state, n) in &other.0 {
            *self.0.entry(*state).or_default() += n;
        }
    }

    /// States never reached.
    pub fn missing(&self) -> Vec<Reached> {
        Reached::ALL.iter().copied().filter(|s| !self.0.contains_key(s)).collect()
    }
}
