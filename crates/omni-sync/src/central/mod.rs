//! Central's half: check, merge, commit, cut into parts; and the session of one connection.

pub mod admit;
mod apply;
pub mod author;
pub mod integrity;
mod items;
pub mod merge;
pub mod recovery;
mod resolve;
mod seen;
pub mod session;
pub mod text;
mod texts;
pub mod tx;
mod undo;
mod work;
mod write;

pub use admit::{Admitted, Sender, admit_batch, commit_hash};
pub use integrity::Rights;
pub use items::item_id;
pub use recovery::BatchRecord;
pub use session::is_proof_of_rollback;
pub use session::{DeviceFacts, HelloFacts, Session, SessionAction, SessionInput, feed_page, visible_parts};
pub use text::{TextEngine, TextInput, TextMerged, TextStop, TextWrite};
pub use tx::{BootSample, CentralHead, CentralTx, Commit, Committed, ReplicaState};
