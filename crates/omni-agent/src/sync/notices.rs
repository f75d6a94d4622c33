//! From what a commit changed to what the UI is told, and to whoever waits for the queue.

use super::queue_signal::QueueSignal;
use omni_model::schema;
use omni_protocol::rpc::{ChangedIds, UiEvent};
use omni_store::{Committed, Store, Touched};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{Notify, broadcast};

/// Tells of every commit of the store: the UI what changed, the driver that the queue did, waiters that something did.
pub fn listen(store: &Store, ui: broadcast::Sender<Json>, queue: Arc<QueueSignal>, stored: Arc<Notify>) {
    store.on_commit(move |committed| {
        if committed.queue && committed.local {
            queue.tell(committed.sealed.as_deref());
        }
        if ui.receiver_count() > 0
            && let Some(event) = changed(committed)
            && let Ok(json) = serde_json::to_value(event)
        {
            // A page that has just gone misses nothing.
            let _ = ui.send(json);
        }
        stored.notify_waiters();
    });
}

fn changed(committed: &Committed) -> Option<UiEvent> {
    if committed.collections.is_empty() && committed.cursor.is_none() && !committed.replaced {
        return None;
    }
    let mut collections: BTreeMap<String, ChangedIds> = BTreeMap::new();
    if committed.replaced {
        let all = || ChangedIds { all: true, ids: Vec::new() };
        collections.extend(schema::COLLECTIONS.iter().map(|c| (c.name.to_owned(), all())));
    } else {
        let known = committed.collections.iter().filter_map(|(c, t)| Some((schema::by_id(*c)?, t)));
        collections.extend(known.map(|(c, t)| (c.name.to_owned(), ids(t))));
    }
    Some(UiEvent::Changed { collections, seq: committed.cursor.map(|p| p.seq), local: committed.local })
}

fn ids(touched: &Touched) -> ChangedIds {
    ChangedIds { all: touched.all, ids: touched.ids.iter().map(ToString::to_string).collect() }
}
