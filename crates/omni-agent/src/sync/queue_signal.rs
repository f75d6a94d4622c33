//! What a commit tells the driver: that the queue changed, and the batch of the one change that was sealed as it was
//! saved, so that it is sent without being read again.

use omni_protocol::Batch;
use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;

/// Shared by the store's listener and the driver.
#[derive(Debug, Default)]
pub struct QueueSignal {
    changed: Notify,
    lone: Mutex<Option<Batch>>,
}

impl QueueSignal {
    /// The queue changed durably; `lone` is the batch that `seal_lone` made of all that waited then. Any other change ends
    /// the batch before it: more may wait behind that one, and only the queue knows.
    pub fn tell(&self, lone: Option<&Batch>) {
        *self.lone.lock().unwrap_or_else(PoisonError::into_inner) = lone.cloned();
        self.changed.notify_one();
    }

    /// Waits for a change since the last wait. Cancel safe.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The batch of the newest change, if it starts at this counter: then nothing else waits. A batch is given once.
    pub fn take(&self, first: u64) -> Option<Batch> {
        self.lone.lock().unwrap_or_else(PoisonError::into_inner).take().filter(|batch| batch.first == first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use omni_protocol::{Hash, ReplicaId};

    fn batch(first: u64) -> Batch {
        let (replica, prev_hash) = (ReplicaId(uuid::Uuid::nil()), Hash::default());
        Batch { replica, parent: None, epoch: 0, first, prev_hash, entries: Vec::new(), signature: Vec::new().into() }
    }

    #[tokio::test]
    async fn the_newest_batch_is_given_once_and_only_in_its_place() {
        let signal = QueueSignal::default();
        signal.tell(Some(&batch(4)));
        signal.tell(Some(&batch(5)));
        signal.changed().await;
        assert_eq!(signal.take(4), None, "an earlier one waits too: both come from the queue");
        signal.tell(Some(&batch(6)));
        assert_eq!(signal.take(6).map(|b| b.first), Some(6));
        assert_eq!(signal.take(6), None);
        signal.tell(Some(&batch(7)));
        signal.tell(None);
        assert_eq!(signal.take(7), None, "what was saved after it waits too");
    }
}
