//! Fetching a whole copy: the manifest, its chunks in order with a few on their way at once, the staged import.

use super::link::Link;
use crate::client::Client;
use crate::error::{Result, internal, store_error};
use futures_util::{StreamExt, TryStreamExt, stream};
use omni_protocol::{ChunkRef, Grants, Manifest, Position, SnapshotChunk};
use omni_store::{Durability, Lane, Store};
use omni_sync::replica::ReplicaTx;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Chunks on their way at once.
const CHUNKS_AHEAD: usize = 4;

/// Fetches and swaps in a copy. Returns where it stands.
pub async fn fetch(client: Client, token: String, grants: Grants, store: Store, link: Arc<Link>) -> Result<Position> {
    let manifest = client.manifest(&token).await?;
    let total = manifest.chunks.iter().map(|c| c.rows).sum();
    link.update(|f| f.copying = Some((0, total)));
    let (to_import, chunks) = mpsc::channel(CHUNKS_AHEAD);
    let importing = {
        let (manifest, link) = (manifest.clone(), link.clone());
        tokio::task::spawn_blocking(move || import(&store, chunks, &manifest, &grants, &link, total))
    };
    let delivered = deliver(&client, &token, &manifest, to_import).await;
    let imported = importing.await.map_err(|e| internal("Taking over the copy", e))?;
    link.update(|f| f.copying = None);
    // A failed delivery shows as a copy that ends too soon: its reason is the one to tell.
    delivered.and(imported)
}

async fn deliver(client: &Client, token: &str, manifest: &Manifest, to: mpsc::Sender<SnapshotChunk>) -> Result<()> {
    // The futures own what they need: the compiler cannot prove borrowing ones fit for a spawned task.
    let fetch = |wanted: ChunkRef| {
        let (client, token) = (client.clone(), token.to_owned());
        async move { client.chunk(&token, &wanted).await }
    };
    stream::iter(manifest.chunks.clone().into_iter().map(fetch))
        .buffered(CHUNKS_AHEAD)
        .try_for_each(|chunk| {
            let to = to.clone();
            async move {
                // The importer ends early only with an error of its own, which is the one reported.
                let _ = to.send(chunk).await;
                Ok(())
            }
        })
        .await
}

fn import(
    store: &Store,
    mut chunks: mpsc::Receiver<SnapshotChunk>,
    manifest: &Manifest,
    grants: &Grants,
    link: &Link,
    total: u64,
) -> Result<Position> {
    let mut import = store.begin_import().map_err(store_error)?;
    let mut taken = 0;
    while let Some(chunk) = chunks.blocking_recv() {
        import.add_owned(chunk).map_err(store_error)?;
        taken += 1;
        let rows = import.rows();
        link.update(|f| f.copying = Some((rows.min(total), total)));
    }
    if taken < manifest.chunks.len() {
        return Err(super::socket::lost("the copy ended too soon"));
    }
    let position = import.finish(manifest, grants).map_err(store_error)?;
    let names = manifest.directory.clone();
    store
        .write(Lane::Sync, Durability::Normal, move |tx| {
            tx.put_directory(&names)?;
            super::ledger::copied(tx, position.seq)
        })
        .map_err(store_error)?;
    Ok(position)
}
