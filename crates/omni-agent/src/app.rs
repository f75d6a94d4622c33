//! The app of one data folder: which phase it is in, and the way from each to the next.

use crate::config::Watcher;
use crate::engine::Engine;
use crate::enrol;
use crate::error::Result;
use crate::folder::{DataFolder, Paths};
use crate::handover::Listener;
use crate::identity::Identity;
use crate::keys::{self, KeyFile, KeysMode, Passphrase};
use crate::sync::SyncManager;
use omni_protocol::WireError;
use omni_protocol::rpc::{self, AppInfo, EnrolArgs, Enrolled, LocalArgs, UiEvent, UnlockArgs};
use serde_json::Value as Json;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use tokio::sync::{RwLock, broadcast};

/// Events a slow page may miss before it is told to read anew.
const UI_EVENTS_KEPT: usize = 1_024;

/// How to start.
#[derive(Clone, Debug)]
pub struct AppConfig {
    /// The data folder; made if it does not exist.
    pub data_dir: PathBuf,
    /// Secrets are kept under a passphrase instead of in the keychain of the system.
    pub passphrase_mode: bool,
    /// Unlocks at start, in passphrase mode.
    pub passphrase: Option<Passphrase>,
    /// Version of the program.
    pub version: String,
    /// Keep connecting by itself; otherwise only when asked to.
    pub connect: bool,
}

/// Where the app stands.
enum Phase {
    FirstRun,
    /// The secrets are not open, for this reason.
    Locked(WireError),
    Ready(Arc<Engine>),
    /// The replica did not open, for this reason.
    Recovery(WireError),
}

struct Inner {
    config: AppConfig,
    folder: DataFolder,
    phase: RwLock<Phase>,
    ui: broadcast::Sender<Json>,
    listener: std::sync::Mutex<Option<Listener>>,
    watcher: std::sync::Mutex<Option<Watcher>>,
}

/// A running app. Clones share it.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("data", &self.inner.config.data_dir).finish_non_exhaustive()
    }
}

impl App {
    /// Takes the data folder and opens what can be opened. A copy that does not open is a phase, not an error: the page
    /// shows what to do.
    ///
    /// Errors: `busy` if another process owns the folder; `io`, `forbidden`.
    pub async fn start(config: AppConfig) -> Result<App> {
        // The first one to ask finds the provider in place; only a second call can fail.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = DataFolder::own(&config.data_dir)?;
        let (ui, _) = broadcast::channel(UI_EVENTS_KEPT);
        let inner = Inner {
            config,
            folder,
            phase: RwLock::new(Phase::FirstRun),
            ui,
            listener: std::sync::Mutex::default(),
            watcher: std::sync::Mutex::default(),
        };
        let app = App { inner: Arc::new(inner) };
        app.open().await?;
        if !app.inner.config.connect {
            // One command and gone: others wait for the folder instead of handing theirs to a process that ends.
            return Ok(app);
        }
        let listener = Listener::start(app.paths(), app.clone())?;
        *app.inner.listener.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(listener);
        let watcher = Watcher::start(app.paths(), app.inner.ui.clone())?;
        *app.inner.watcher.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(watcher);
        Ok(app)
    }

    /// One UI command.
    ///
    /// Errors: `unknown_command`, `bad_arguments`, and the handler's.
    pub async fn rpc(&self, command: &str, args: Json) -> Result<Json> {
        rpc::dispatch(self, command, args).await
    }

    /// What the UI is told, as JSON of `UiEvent`.
    pub fn subscribe(&self) -> broadcast::Receiver<Json> {
        self.inner.ui.subscribe()
    }

    /// Synchronisation, once ready.
    pub async fn sync(&self) -> Result<SyncManager> {
        Ok(self.engine().await?.sync.clone())
    }

    /// Stops and closes everything in order.
    pub async fn shutdown(&self) {
        let listener = self.inner.listener.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        drop(listener);
        let engine = match &*self.inner.phase.read().await {
            Phase::Ready(engine) => Some(engine.clone()),
            _ => None,
        };
        if let Some(engine) = engine {
            engine.close().await;
        }
    }

    /// The folder's file names.
    pub fn paths(&self) -> &Paths {
        self.inner.folder.paths()
    }

    /// The unlocked laptop.
    ///
    /// Errors: `first_run`, and why it is locked or did not open.
    pub async fn engine(&self) -> Result<Arc<Engine>> {
        match &*self.inner.phase.read().await {
            Phase::Ready(engine) => Ok(engine.clone()),
            Phase::FirstRun => {
                Err(WireError::new("first_run", "This laptop has not joined a central yet. Enrol it first."))
            }
            Phase::Locked(e) | Phase::Recovery(e) => Err(e.clone()),
        }
    }

    /// Whether a session with central stands now.
    pub(crate) async fn is_connected(&self) -> Result<bool> {
        Ok(self.engine().await?.sync.is_connected())
    }

    fn mode(&self) -> KeysMode {
        match (&self.inner.config.passphrase, self.inner.config.passphrase_mode) {
            (Some(passphrase), true) => KeysMode::Passphrase(passphrase.clone()),
            _ => KeysMode::Auto,
        }
    }

    async fn open(&self) -> Result<()> {
        let Some(identity) = Identity::load(self.paths())? else { return Ok(()) };
        let opened = match KeyFile::load(self.paths())? {
            Some(file) => file.open(&self.mode()).await,
            None => Err(WireError::new(
                "keys_missing",
                "keys.json is missing in the data folder. Unlock with the recovery code.",
            )),
        };
        match opened {
            Ok(secrets) => self.enter(identity, &secrets).await,
            Err(e) => *self.inner.phase.write().await = Phase::Locked(e),
        }
        Ok(())
    }

    /// From open secrets to ready, or to recovery.
    async fn enter(&self, identity: Identity, secrets: &keys::Secrets) {
        let (ui, connect) = (self.inner.ui.clone(), self.inner.config.connect);
        let opened = Engine::open(self.paths(), identity, secrets, ui, connect).await;
        *self.inner.phase.write().await = match opened {
            Ok(engine) => Phase::Ready(Arc::new(engine)),
            Err(e) => {
                tracing::error!("the replica did not open: {e}");
                Phase::Recovery(e)
            }
        };
        self.tell(&UiEvent::Phase {});
    }

    /// A handle that does not keep the app alive.
    pub(crate) fn downgrade(&self) -> WeakApp {
        WeakApp(Arc::downgrade(&self.inner))
    }

    /// Tells the page.
    pub(crate) fn tell(&self, event: &UiEvent) {
        if let Ok(json) = serde_json::to_value(event) {
            // Without a page there is nobody to tell.
            let _ = self.inner.ui.send(json);
        }
    }

    /// Where the app stands.
    pub(crate) async fn info(&self) -> Result<AppInfo> {
        let keys = KeyFile::load(self.paths())?.map(|f| f.mode);
        let identity = Identity::load(self.paths())?;
        let (phase, reason) = match &*self.inner.phase.read().await {
            Phase::FirstRun => ("first_run", String::new()),
            Phase::Ready(_) => ("ready", String::new()),
            Phase::Locked(e) => ("locked", e.message.clone()),
            Phase::Recovery(e) => ("recovery", e.message.clone()),
        };
        Ok(AppInfo {
            version: self.inner.config.version.clone(),
            phase: phase.into(),
            reason,
            keys,
            data_dir: self.paths().root.display().to_string(),
            operator: identity.as_ref().map(|i| i.operator.clone()),
            device: identity.as_ref().map(|i| i.name.clone()),
            local_central: identity.is_some_and(|i| i.local_central),
        })
    }

    /// Opens with a passphrase or the recovery code.
    pub(crate) async fn unlock(&self, args: UnlockArgs) -> Result<()> {
        let locked = matches!(&*self.inner.phase.read().await, Phase::Locked(_) | Phase::Recovery(_));
        let Some(identity) = Identity::load(self.paths())?.filter(|_| locked) else {
            return Err(WireError::new("not_locked", "There is nothing to unlock."));
        };
        let secrets = match (&args.recovery_code, &args.passphrase) {
            (Some(code), _) => keys::open_by_code(self.paths(), code)?,
            (None, passphrase) => {
                let mode = passphrase.clone().map_or(KeysMode::Auto, |p| KeysMode::Passphrase(Passphrase::new(p)));
                let file = KeyFile::load(self.paths())?;
                let file =
                    file.ok_or_else(|| WireError::new("keys_missing", "keys.json is missing. Use the recovery code."))?;
                file.open(&mode).await?
            }
        };
        if args.recovery_code.is_some()
            && let Some(file) = KeyFile::load(self.paths())?
        {
            // The keychain lost them, or the passphrase was forgotten: a given passphrase becomes the new one.
            let passphrase = args.passphrase.map(Passphrase::new);
            if let Err(e) = file.store_again(self.paths(), &secrets, passphrase).await {
                tracing::warn!("the secrets could not be kept again: {e}");
            }
        }
        self.enter(identity, &secrets).await;
        self.engine().await.map(drop)
    }

    async fn only_first_run(&self) -> Result<()> {
        match &*self.inner.phase.read().await {
            Phase::FirstRun => Ok(()),
            _ => Err(WireError::new("enrolled", "This data folder has joined a central already. Use another folder.")),
        }
    }

    /// A passphrase given now, or at start; else the keychain.
    fn keys_for(&self, passphrase: Option<String>) -> Result<KeysMode> {
        match (passphrase, &self.inner.config.passphrase, self.inner.config.passphrase_mode) {
            (Some(given), _, _) => Ok(KeysMode::Passphrase(Passphrase::new(given))),
            (None, Some(set), true) => Ok(KeysMode::Passphrase(set.clone())),
            (None, None, true) => {
                Err(WireError::new("passphrase_needed", "Choose a passphrase to protect this copy with."))
            }
            (None, _, false) => Ok(KeysMode::Os),
        }
    }

    pub(crate) async fn join(&self, args: EnrolArgs) -> Result<Enrolled> {
        self.only_first_run().await?;
        let mode = self.keys_for(args.passphrase)?;
        let joined = enrol::join(self.paths(), &args.central, &args.code, &args.name, &mode, false).await?;
        self.enter(joined.identity, &joined.secrets).await;
        Ok(joined.enrolled)
    }

    pub(crate) async fn join_local(&self, args: LocalArgs) -> Result<Enrolled> {
        self.only_first_run().await?;
        let mode = self.keys_for(args.passphrase)?;
        let progress =
            rpc::Progress { label: "Starting a central with the sample portfolio".into(), done: 0, total: None };
        self.tell(&UiEvent::Progress { progress });
        let (joined, central) = enrol::local(self.paths(), &args.name, &mode).await?;
        // The engine starts its own, at the same address.
        central.stop().await;
        self.enter(joined.identity, &joined.secrets).await;
        Ok(joined.enrolled)
    }
}

/// See `App::downgrade`.
pub(crate) struct WeakApp(Weak<Inner>);

impl WeakApp {
    /// The app, while it lives.
    pub(crate) fn upgrade(&self) -> Option<App> {
        self.0.upgrade().map(|inner| App { inner })
    }
}

/// The folder of the app's own replica: where the desktop app keeps it too.
pub fn default_data_dir() -> PathBuf {
    const IDENTIFIER: &str = "com.seedwave.omnicontrolcenter";
    let base = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let home = || std::env::home_dir().unwrap_or_else(|| PathBuf::from(".")).join(".local/share");
    base.unwrap_or_else(home).join(IDENTIFIER)
}
