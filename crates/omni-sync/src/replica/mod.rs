//! The laptop's half: local edits, sealing, outcomes, the feed under the overlay; and the session of one connection.

pub mod feed;
mod hello;
pub mod incarnation;
pub mod local;
pub mod overlay;
pub mod repair;
pub mod seal;
pub mod session;
pub mod texts;
pub mod tx;

pub use feed::{Answered, Applied, FeedError, apply_outcomes, apply_page, recompute, root_of};
pub use hello::hello;
pub use incarnation::{CentralHistory, Kept, renew, reopen};
pub use local::{EditError, Intent, SEALED_MESSAGE, discard, restore, save, take_for_reissue};
pub use repair::{Here, RepairError, Repaired, repair, settle_digests};
pub use seal::{BatchLimits, address, count_attempts, next_batch, seal_lone, sealed_batch, skip};
pub use session::{Action, Input, OutgoingBatch, Phase, Session};
pub use tx::{HistoryEntry, OutboxEntry, OutboxState, ReplicaMeta, ReplicaTx, fresh_meta};
