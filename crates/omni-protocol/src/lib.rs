//! What crosses a boundary: wire frames, the UI command list, error codes, events. Pure: no clock, disk or network.

pub mod change;
pub mod digest;
pub mod envelope;
pub mod error;
pub mod event;
pub mod feed;
pub mod frame;
pub mod ids;
pub mod limits;
pub mod original;
pub mod rpc;

pub use change::{BULK, Base, Batch, Change, EMERGENCY, EditTime, Entry, GroupRef, NORMAL, Parent};
pub use digest::{BucketRows, BucketSums, DigestList, ScopeSum};
pub use error::WireError;
pub use feed::{
    ChunkRef, CommitInfo, ConflictItem, Decided, DirectoryEntry, Effect, FeedCommit, FeedPage, Manifest, Outcome,
    OutcomeKind, Part, Settled, Side, SnapshotChunk, SnapshotRow, Watermark,
};
pub use ids::{BootId, ChangeId, ConflictId, DeviceId, Grants, GroupId, Hash, Position, ReplicaId, Scope};
pub use original::{OriginalCommit, OriginalGroup, Originals};
