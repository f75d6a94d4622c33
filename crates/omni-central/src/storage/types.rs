//! Plain data the storage traits speak in.

use crate::access::Role;
use omni_protocol::{ChangeId, DeviceId, Grants, Hash, OutcomeKind, ReplicaId, Scope};
use omni_sync::StorageError;
use omni_sync::digest::Digest;

/// An enrolled laptop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Its id.
    pub device: DeviceId,
    /// Its name, chosen at enrolment.
    pub name: String,
    /// Its operator.
    pub operator: String,
    /// The operator's role.
    pub role: Role,
    /// What the operator may read, and with a writing role write.
    pub grants: Grants,
    /// Ed25519.
    pub public_key: [u8; 32],
    /// The replica it enrolled with.
    pub replica: Option<ReplicaId>,
    /// Unix milliseconds.
    pub enrolled_ms: i64,
    /// When it was revoked, unix milliseconds.
    pub revoked_ms: Option<i64>,
    /// When it was last heard, unix milliseconds.
    pub last_seen_ms: Option<i64>,
    /// How far it said its copy is durable.
    pub durable_seq: u64,
}

/// An enrolment code. Only its hash is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeRecord {
    /// Hash of the code.
    pub hash: Hash,
    /// For whom.
    pub operator: String,
    /// With which role.
    pub role: Role,
    /// With which rights.
    pub grants: Grants,
    /// Unix milliseconds.
    pub created_ms: i64,
    /// Unix milliseconds.
    pub expires_ms: i64,
    /// When it was used, unix milliseconds.
    pub used_ms: Option<i64>,
}

/// An answered entry of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEntry {
    /// Its counter.
    pub counter: u64,
    /// The change.
    pub change: ChangeId,
    /// What became of it.
    pub kind: OutcomeKind,
    /// The commit, if it made one.
    pub seq: Option<u64>,
}

/// How much one page may hold. One commit may exceed the bytes alone.
#[derive(Clone, Copy, Debug)]
pub struct PageLimits {
    /// Commits.
    pub commits: usize,
    /// Bytes of parts and changes.
    pub bytes: usize,
}

impl Default for PageLimits {
    fn default() -> PageLimits {
        use omni_protocol::limits::{FEED_PAGE_BYTES_MAX, FEED_PAGE_COMMITS_MAX};
        PageLimits { commits: FEED_PAGE_COMMITS_MAX, bytes: FEED_PAGE_BYTES_MAX }
    }
}

/// A scope at the state read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeState {
    /// The scope.
    pub scope: Scope,
    /// Its digest.
    pub digest: Digest,
    /// The last commit that touched it.
    pub seq: u64,
}

/// What a head to be signed stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerSummary {
    /// Commits in the tree.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// Hash of what the rows add up to.
    pub state: Hash,
    /// Earlier epochs in order, each with the seq at which its successor forked from it. A recovery does not raise these:
    /// what it committed again are commits of the new epoch.
    pub forks: Vec<(u32, u64)>,
}

/// Sizes of central's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Live records.
    pub records: u64,
    /// Commits in the log.
    pub commits: u64,
    /// Replicas that ever pushed.
    pub replicas: u64,
    /// Open conflict items.
    pub open_conflicts: u64,
    /// Bytes of the database.
    pub bytes: u64,
}

/// What a medium can fail with that somebody branches on. Travels inside `StorageError`.
#[derive(Debug, thiserror::Error)]
pub enum MediumError {
    /// Another process took the order over; this one must stop writing.
    #[error("another central has taken over this data")]
    Fenced,
    /// No room left.
    #[error("the disk is full")]
    Full,
    /// Locked by somebody else for longer than the wait allowed.
    #[error("the database is locked by another process")]
    Locked,
    /// Not a database, or damaged.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// Written by a newer version of this program.
    #[error("the database has format {found}; this version reads up to {known}. Install a newer version")]
    Newer {
        /// Format found.
        found: i64,
        /// Newest format known.
        known: i64,
    },
    /// The library underneath is older than the oldest safe one.
    #[error("SQLite {0} is too old: it can corrupt its write-ahead log")]
    OldLibrary(String),
    /// Anything else.
    #[error(transparent)]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl MediumError {
    /// The stable word of the error.
    pub fn code(&self) -> &'static str {
        match self {
            MediumError::Fenced => "fenced",
            MediumError::Full => "disk_full",
            MediumError::Locked => "busy",
            MediumError::Damaged(_) => "damaged",
            MediumError::Newer { .. } => "newer_database",
            MediumError::OldLibrary(_) | MediumError::Other(_) => "storage",
        }
    }
}

/// The medium's error inside a storage error, if it is one.
pub fn medium(error: &StorageError) -> Option<&MediumError> {
    error.0.downcast_ref()
}
