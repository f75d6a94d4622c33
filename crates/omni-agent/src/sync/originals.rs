//! Keeping signed originals of commits, and offering them to a central that lost its log.

use super::link::Link;
use crate::client::Client;
use crate::error::{Result, internal, store_error};
use omni_protocol::frame::to_bytes;
use omni_protocol::limits::OFFER_BYTES_MAX;
use omni_protocol::{OriginalGroup, Originals, Position};
use omni_store::{Durability, Lane, Store, StoreError};
use std::sync::Arc;

/// Bytes of originals in one offer: a group that is as large as a batch may be fits beside them.
const OFFER_BYTES: usize = OFFER_BYTES_MAX / 4;

async fn off_thread<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> std::result::Result<T, StoreError> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| internal(what, e))?.map_err(store_error)
}

/// Fetches what this laptop is to keep, up to its cursor's neighbourhood: until central has no more.
pub async fn fetch(client: Client, token: String, store: Store, link: Arc<Link>) -> Result<()> {
    loop {
        let reading = store.clone();
        let (cursor, kept) = off_thread("Keeping originals", move || {
            reading.write(Lane::Maintenance, Durability::Normal, |tx| {
                Ok::<_, StoreError>((omni_sync::replica::ReplicaTx::meta(tx)?.position, tx.originals_to()?))
            })
        })
        .await?;
        // Another epoch numbers its commits anew from the fork on: what is kept twice is the same bytes.
        let after = if kept.0 == cursor.epoch { kept.1 } else { 0 };
        let page = client.originals(&token, after).await?;
        let (to, writing) = (page.position, store.clone());
        off_thread("Keeping originals", move || {
            writing.write(Lane::Maintenance, Durability::Full, move |tx| tx.put_originals(&page.groups, to))
        })
        .await?;
        link.update(|f| f.originals_to = to.seq);
        if to.seq <= after || to.seq >= cursor.seq {
            return Ok(());
        }
    }
}

/// Offers everything kept. Central leaves out what it holds.
pub async fn offer(client: Client, token: String, store: Store) -> Result<()> {
    let all = off_thread("Offering originals", move || store.read(|tx| tx.originals())).await?;
    let (mut page, mut bytes) = (Vec::new(), 0);
    for group in all {
        bytes += to_bytes(&group).len();
        page.push(group);
        if bytes >= OFFER_BYTES {
            send(&client, &token, std::mem::take(&mut page), false).await?;
            bytes = 0;
        }
    }
    send(&client, &token, page, true).await
}

async fn send(client: &Client, token: &str, groups: Vec<OriginalGroup>, last: bool) -> Result<()> {
    client.offer(token, &to_bytes(&Originals { groups, position: Position::default() }), last).await
}
