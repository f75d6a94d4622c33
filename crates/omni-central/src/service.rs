//! Starting and stopping one central in a process: the binary's `serve`, and tests and benches.

use crate::admin::backup;
use crate::core::Core;
use crate::error::{CentralError, Result};
use crate::folder::{Folder, FolderLock};
use crate::guard;
use crate::hints::MemoryHints;
use crate::server::{App, metrics_router, router};
use crate::snapshot::Snapshots;
use crate::storage::sqlite::{Checkpoint, SqliteOptions, SqliteStorage};
use crate::storage::{Storage, StorageExt};
use crate::tasks;
use crate::writer::{Admit, Writer};
use axum::serve::ListenerExt;
use omni_protocol::Grants;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Where central listens unless told otherwise.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7420);
/// Where the metrics are unless told otherwise.
pub const DEFAULT_METRICS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7421);
/// Sessions have this long to say goodbye.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// How to run a central.
#[derive(Clone)]
pub struct Config {
    /// The data folder; made if it does not exist.
    pub data: PathBuf,
    /// Where to listen. Port 0 picks one.
    pub listen: SocketAddr,
    /// Where the metrics are. `None`: 7421 of this machine, or a free port if `listen` picks one too.
    pub metrics: Option<SocketAddr>,
    /// Fill an empty folder with the sample portfolio.
    pub sample: bool,
    /// Where hourly verified copies go.
    pub backup: Option<PathBuf>,
    /// Listen beyond this machine although nothing encrypts the connection yet.
    pub insecure_listen: bool,
    /// How the database is opened.
    pub sqlite: SqliteOptions,
    /// The merge; `None` is the real one.
    pub admit: Option<Arc<Admit>>,
}

impl Config {
    /// A central on `data` with a free port of this machine: what tests and benches want.
    pub fn local(data: impl Into<PathBuf>) -> Config {
        let any = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        Config { listen: any, ..Config::new(data) }
    }

    /// A central on `data` at the usual address.
    pub fn new(data: impl Into<PathBuf>) -> Config {
        Config {
            data: data.into(),
            listen: DEFAULT_LISTEN,
            metrics: None,
            sample: false,
            backup: None,
            insecure_listen: false,
            sqlite: SqliteOptions { checkpoint: Checkpoint::Background, ..SqliteOptions::default() },
            admit: None,
        }
    }

    fn check(&self) -> Result<()> {
        let beyond = |a: &SocketAddr| !a.ip().is_loopback();
        if !self.insecure_listen && (beyond(&self.listen) || self.metrics.as_ref().is_some_and(beyond)) {
            let message = "Connections are not encrypted yet: central listens on this machine only. Put a TLS proxy in \
                           front, or say --insecure-listen.";
            return Err(CentralError::new("insecure_listen", message));
        }
        Ok(())
    }
}

/// A running central.
pub struct Running {
    address: SocketAddr,
    metrics: SocketAddr,
    epoch: u32,
    app: Arc<App>,
    tasks: JoinSet<()>,
    writer: JoinHandle<()>,
    _lock: FolderLock,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("address", &self.address).field("epoch", &self.epoch).finish()
    }
}

/// Starts a central and returns once it answers.
pub async fn serve(config: Config) -> Result<Running> {
    config.check()?;
    let opening = config.clone();
    let (folder, lock, storage) = off_thread(move || open(&opening)).await?;
    let listener = listen(config.listen, "--listen").await?;
    let metrics = config.metrics.unwrap_or(match config.listen.port() {
        0 => SocketAddr::new(config.listen.ip(), 0),
        _ => DEFAULT_METRICS,
    });
    let metrics = listen(metrics, "--metrics").await?;
    let (address, metrics_address) = (local(&listener)?, local(&metrics)?);
    let (sample, admit, dir) = (config.sample, config.admit.clone(), folder.snapshots());
    let (core, snapshots) = off_thread(move || {
        if sample {
            fill_if_empty(&*storage)?;
        }
        let core = Arc::new(Core::new(folder, storage.clone(), Arc::new(MemoryHints::default()))?);
        Ok((core, Arc::new(Snapshots::open(storage, dir)?)))
    })
    .await?;
    let (queue, writer) = Writer::start(core.clone(), admit.unwrap_or_else(Writer::real))?;
    let app = Arc::new(App::new(core.clone(), queue, snapshots));
    let epoch = core.storage.reading(|tx| tx.head())?.position.epoch;
    let mut tasks = JoinSet::new();
    tasks.spawn(answer(listener, router(app.clone()), core.clone()));
    tasks.spawn(answer(metrics, metrics_router(app.clone()), core.clone()));
    tasks::spawn_all(&mut tasks, &app, config.backup);
    Ok(Running { address, metrics: metrics_address, epoch, app, tasks, writer, _lock: lock })
}

fn open(config: &Config) -> Result<(Folder, FolderLock, Arc<dyn Storage>)> {
    let folder = Folder::create(&config.data)?;
    let lock = folder.lock()?;
    let path = folder.prepare_database()?;
    let storage: Arc<dyn Storage> = Arc::new(SqliteStorage::open(&path, config.sqlite.clone())?);
    let again = guard::reapply(&folder, &*storage)?;
    if again > 0 {
        tracing::warn!(again, "spent codes or revocations were missing in the database");
    }
    Ok((folder, lock, storage))
}

fn fill_if_empty(storage: &dyn Storage) -> Result<()> {
    let position = storage.reading(|tx| tx.head())?.position;
    if position.seq > 0 {
        return Ok(());
    }
    let started = std::time::Instant::now();
    let records = crate::sample::fill(storage, crate::sample::portfolio())?;
    tracing::info!(records, ms = started.elapsed().as_millis() as u64, "filled with the sample portfolio");
    Ok(())
}

/// `flag` chooses another address.
async fn listen(at: SocketAddr, flag: &str) -> Result<TcpListener> {
    TcpListener::bind(at).await.map_err(|e| match e.kind() {
        std::io::ErrorKind::AddrInUse => {
            CentralError::new("port_taken", format!("Something else listens on {at}. Choose another with {flag}."))
                .because(e)
        }
        _ => CentralError::new("io", format!("Cannot listen on {at}: {e}.")).because(e),
    })
}

fn local(listener: &TcpListener) -> Result<SocketAddr> {
    listener.local_addr().map_err(|e| CentralError::new("io", "The listener has no address.").because(e))
}

async fn answer(listener: TcpListener, router: axum::Router, core: Arc<Core>) {
    let listener = listener.tap_io(|tcp| {
        // An edit must not wait for a fuller packet.
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!(%error, "nodelay");
        }
    });
    let stop = core.stopping.clone().cancelled_owned();
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop).await {
        core.fail(format!("The listener failed: {error}."));
    }
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| CentralError::new("internal", "Central failed while starting.").because(e))?
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://ADDRESS`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where its metrics are.
    pub fn metrics_address(&self) -> SocketAddr {
        self.metrics
    }

    /// Its epoch when it started.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// What its parts share: storage, hints, figures.
    pub fn core(&self) -> &Arc<Core> {
        &self.app.core
    }

    /// Makes an enrolment code.
    pub fn enrol_code(&self, operator: &str, role: crate::access::Role, grants: Grants) -> Result<String> {
        let core = &self.app.core;
        let code = crate::admin::enrol::new_code(&*core.storage, operator, role, grants, core.clock.now_ms())?;
        Ok(code.code)
    }

    /// Makes a verified copy now.
    pub async fn backup(&self, file: PathBuf) -> Result<backup::BackupState> {
        let core = self.app.core.clone();
        off_thread(move || backup::backup(&*core.storage, &file)).await
    }

    /// Returns when central has to stop by itself, with the reason.
    pub async fn failed(&self) -> CentralError {
        self.app.core.stopping.cancelled().await;
        let why = self.app.core.failure().unwrap_or_else(|| "Central is stopping.".to_owned());
        CentralError::new("stopped", why)
    }

    /// Stops cleanly: sessions are told, what waits is answered, everything is durable.
    pub async fn shutdown(mut self) -> Result<()> {
        self.app.core.stopping.cancel();
        let mut sessions = self.app.session_count();
        let _ = tokio::time::timeout(STOP_TIMEOUT, sessions.wait_for(|n| *n == 0)).await;
        self.app.writer.stop();
        let joined = tokio::time::timeout(STOP_TIMEOUT, async { while self.tasks.join_next().await.is_some() {} });
        if joined.await.is_err() {
            self.tasks.abort_all();
        }
        let (writer, core) = (self.writer, self.app.core.clone());
        off_thread(move || {
            if writer.join().is_err() {
                return Err(CentralError::new("internal", "The writer ended badly."));
            }
            core.write_remembered()
        })
        .await
    }
}
