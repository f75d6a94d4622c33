//! An unlocked, enrolled laptop: its replica, its key, its synchronisation.

use crate::client::Client;
use crate::error::{Result, internal, store_error};
use crate::folder::Paths;
use crate::identity::Identity;
use crate::ids;
use crate::keys::Secrets;
use crate::local_central::LocalCentral;
use crate::sync::measure::Measures;
use crate::sync::{SyncManager, SyncParts};
use omni_store::{DbKey, Durability, Lane, Store, StoreError, StoreOptions};
use omni_sync::replica::{ReplicaTx, fresh_meta, renew};
use serde_json::Value as Json;
use std::sync::Arc;
use tokio::sync::broadcast;

/// Name of the fact that ties the database to its secrets.
pub const COOKIE: &str = "cookie";

/// Everything that exists only while unlocked.
#[derive(Debug)]
pub struct Engine {
    /// The replica.
    pub store: Store,
    /// Who this laptop is.
    pub identity: Identity,
    /// Synchronisation.
    pub sync: SyncManager,
    /// What is measured.
    pub measures: Arc<Measures>,
    /// The side process, if central is one of this app's.
    central: tokio::sync::Mutex<Option<LocalCentral>>,
}

impl Engine {
    /// Opens the replica and starts synchronising.
    ///
    /// Errors: those of the store (`wrong_key`, `corrupt`, `newer_version`, …), `local_central`.
    pub async fn open(
        paths: &Paths,
        identity: Identity,
        secrets: &Secrets,
        ui: broadcast::Sender<Json>,
        connect: bool,
    ) -> Result<Engine> {
        let store = open_store(paths, secrets).await?;
        let central = match identity.local_central && connect {
            true => Some(LocalCentral::start(paths, &identity.central).await?),
            false => None,
        };
        let measures = Arc::new(Measures::default());
        // The store notifies one listener for life: measures and traffic are shared with it.
        let client = Client::new(&identity.central, measures.traffic.clone())?;
        let sync = SyncManager::start(SyncParts {
            store: store.clone(),
            client,
            device: identity.device,
            key: secrets.device_key(),
            central_key: identity.central_key()?,
            measures: measures.clone(),
            ui,
            connect,
        })?;
        Ok(Engine { store, identity, sync, measures, central: tokio::sync::Mutex::new(central) })
    }

    /// Stops everything in order; what is saved is on the disk.
    pub async fn close(&self) {
        self.sync.stop().await;
        let store = self.store.clone();
        if tokio::task::spawn_blocking(move || store.close()).await.is_err() {
            tracing::error!("closing the replica failed");
        }
        if let Some(central) = self.central.lock().await.take() {
            central.stop().await;
        }
    }
}

/// Opens the replica. A database that was restored or copied does not carry the cookie of its secrets: it goes on as a
/// new incarnation, with its queue.
pub async fn open_store(paths: &Paths, secrets: &Secrets) -> Result<Store> {
    let (path, key, cookie) = (paths.database(), DbKey::new(secrets.database_key), secrets.cookie);
    let work = move || {
        let store = Store::open(&path, &key, StoreOptions::default()).map_err(store_error)?;
        let settle = move |tx: &mut omni_store::WriteTx<'_>| {
            if !tx.has_meta()? {
                tx.set_meta(&fresh_meta(ids::replica_id()))?;
                tx.set_fact(COOKIE, Some(&cookie))?;
            } else if tx.fact(COOKIE)?.as_deref() != Some(&cookie) {
                tracing::warn!("this database is not the one its keys were made with: it goes on under a new identity");
                renew(tx, ids::replica_id())?;
                tx.set_fact(COOKIE, Some(&cookie))?;
            }
            Ok::<_, StoreError>(())
        };
        store.write(Lane::Interactive, Durability::Full, settle).map_err(store_error)?;
        // An import that a crash cut short is taken back before anything of it is sent.
        if let Some(recovered) = crate::transfer::recover(&store)? {
            tracing::warn!(?recovered, "an unfinished import was taken back");
        }
        Ok(store)
    };
    tokio::task::spawn_blocking(work).await.map_err(|e| internal("Opening the replica", e))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use omni_sync::replica::ReplicaMeta;

    async fn opened(paths: &Paths, secrets: &Secrets) -> (Store, ReplicaMeta) {
        let store = open_store(paths, secrets).await.unwrap();
        let meta = store.read(|tx| tx.meta()).unwrap().expect("an identity");
        (store, meta)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_database_that_is_not_the_one_of_its_keys_goes_on_under_a_new_identity_once() {
        let folder = tempfile::tempdir().unwrap();
        let (paths, secrets) = (Paths { root: folder.path().to_owned() }, Secrets::generate());
        let (store, first) = opened(&paths, &secrets).await;
        drop(store);
        let (store, same) = opened(&paths, &secrets).await;
        assert_eq!(same, first);
        // As an old copy or a clone comes: the database of other secrets' time.
        let foreign = |tx: &mut omni_store::WriteTx<'_>| tx.set_fact(COOKIE, Some(b"another time's"));
        store.write(Lane::Interactive, Durability::Full, foreign).unwrap();
        drop(store);
        let (store, renewed) = opened(&paths, &secrets).await;
        assert_ne!(renewed.replica, first.replica);
        assert_eq!(renewed.lineage.first().map(|p| p.replica), Some(first.replica), "it names its parent");
        drop(store);
        let (store, again) = opened(&paths, &secrets).await;
        assert_eq!(again, renewed);
        drop(store);
    }
}
