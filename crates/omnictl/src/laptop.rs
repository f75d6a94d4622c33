//! The way to the replica: through the process that owns its folder, or by owning it for one command.

use clap::ValueEnum;
use omni_agent::keys::Passphrase;
use omni_agent::logs::LogGuard;
use omni_agent::{App, AppConfig, folder, handover, logs};
use omni_protocol::WireError;
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Result with the error every command answers.
pub type Result<T, E = WireError> = std::result::Result<T, E>;

/// Holds the passphrase in passphrase mode.
pub const PASSPHRASE_VARIABLE: &str = "OMNI_PASSPHRASE";
/// A process that is starting or stopping owns its folder for a moment without answering. A command waits so long.
const BUSY_WAIT: Duration = Duration::from_secs(5);
/// At its end a command waits this long at most for originals to be kept.
const ORIGINALS_WAIT: Duration = Duration::from_secs(5);
/// How often it looks.
const BUSY_LOOK: Duration = Duration::from_millis(50);

/// Where secrets are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Keys {
    /// The keychain of the operating system.
    Os,
    /// A passphrase, read from OMNI_PASSPHRASE.
    Passphrase,
}

/// Wrong use of a command.
pub fn usage(message: impl Into<String>) -> WireError {
    WireError::new("usage", message)
}

/// One laptop as a command sees it.
#[derive(Debug)]
pub struct Laptop {
    data: PathBuf,
    keys: Keys,
    app: Option<App>,
    log: Option<LogGuard>,
}

impl Laptop {
    /// The laptop of this data folder. Nothing is opened yet.
    pub fn new(data: Option<PathBuf>, keys: Keys) -> Laptop {
        Laptop { data: data.unwrap_or_else(omni_agent::default_data_dir), keys, app: None, log: None }
    }

    /// The data folder.
    pub fn data(&self) -> &PathBuf {
        &self.data
    }

    /// Runs a control command: in the process that owns the folder if there is one, else here.
    ///
    /// Errors: the command's; `busy` if another process owns the folder and does not answer.
    pub async fn call(&mut self, command: &str, args: Json) -> Result<Json> {
        let began = Instant::now();
        loop {
            if let Some(app) = &self.app {
                return app.control(command, args).await;
            }
            if let Some(reply) = handover::call(&self.data, command, &args).await? {
                return Ok(reply);
            }
            match self.own(false, false).await {
                Err(e) if e.code == "busy" && began.elapsed() < BUSY_WAIT => tokio::time::sleep(BUSY_LOOK).await,
                Err(e) => return Err(e),
                Ok(_) => {}
            }
        }
    }

    /// Connects, for what cannot be done without central.
    ///
    /// Errors: `offline` if central does not answer in time.
    pub async fn connect(&mut self, timeout_s: f64) -> Result<()> {
        match self.call("sync.wait", json!({"timeout_s": timeout_s, "until_idle": false})).await {
            Ok(_) => Ok(()),
            Err(e) if e.code == "timeout" => {
                Err(WireError::retryable("offline", format!("This needs central. {}", e.message)))
            }
            Err(e) => Err(e),
        }
    }

    /// Where its secrets are kept.
    pub fn keys(&self) -> Keys {
        self.keys
    }

    /// What is said where the passphrase is missing.
    pub fn no_passphrase(&self) -> WireError {
        usage(format!("--keys passphrase reads the passphrase from {PASSPHRASE_VARIABLE}, which is not set."))
    }

    /// Takes the folder for this process. `connect`: it stays connected by itself. `locked`: without a passphrase it
    /// starts locked, because somebody can unlock it later.
    ///
    /// Errors: `usage` without a passphrase in passphrase mode, `busy`.
    pub async fn own(&mut self, connect: bool, locked: bool) -> Result<&App> {
        let passphrase = self.passphrase()?;
        if passphrase.is_none() && self.keys == Keys::Passphrase && !locked {
            return Err(self.no_passphrase());
        }
        let config = AppConfig {
            data_dir: self.data.clone(),
            passphrase_mode: self.keys == Keys::Passphrase,
            passphrase,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            connect,
        };
        self.log(connect);
        let app = App::start(config).await?;
        Ok(self.app.insert(app))
    }

    /// The passphrase, in passphrase mode and if there is one.
    ///
    /// Errors: `usage` if it is not text.
    pub fn passphrase(&self) -> Result<Option<Passphrase>> {
        match (self.keys, std::env::var(PASSPHRASE_VARIABLE)) {
            (Keys::Os, _) | (_, Err(std::env::VarError::NotPresent)) => Ok(None),
            (_, Ok(text)) => Ok(Some(text).filter(|t| !t.is_empty()).map(Passphrase::new)),
            (_, Err(e)) => Err(usage(format!("{PASSPHRASE_VARIABLE}: {e}."))),
        }
    }

    /// Logs into the folder; to stderr as well where the process stays, or where a log was asked for.
    fn log(&mut self, stays: bool) {
        if self.log.is_some() {
            return;
        }
        let stderr = stays || std::env::var_os("OMNI_LOG").is_some();
        match logs::start(&folder::Paths { root: self.data.clone() }, stderr) {
            Ok(guard) => self.log = Some(guard),
            Err(e) => eprintln!("There will be no log: {e}"),
        }
    }

    /// Closes what was opened, in order.
    pub async fn close(self) {
        if let Some(app) = self.app {
            if let Ok(sync) = app.sync().await {
                sync.keep_originals(ORIGINALS_WAIT).await;
            }
            app.shutdown().await;
        }
    }
}
