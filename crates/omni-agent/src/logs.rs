//! `tracing` to a rolling file in the data folder. Secrets never get here: their types print as `…`, and no value of a
//! record is logged.

use crate::config::LocalConfig;
use crate::error::{Result, internal};
use crate::folder::{Paths, make_private_dir};
use std::sync::OnceLock;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

/// What is logged unless `omni.toml` or `OMNI_LOG` says otherwise.
const DEFAULT_FILTER: &str = "info,hyper=warn,reqwest=warn,tungstenite=warn,zbus=warn";
/// Days of logs kept.
const FILES_MAX: usize = 14;

static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Keeps the log written; dropping it writes what waits.
#[derive(Debug)]
pub struct LogGuard {
    _guard: WorkerGuard,
}

/// Starts logging for this process. With `stderr`, there too.
///
/// Errors: `io`. A second start in one process keeps the first.
pub fn start(paths: &Paths, stderr: bool) -> Result<LogGuard> {
    make_private_dir(&paths.logs())?;
    let files = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("omni")
        .filename_suffix("log")
        .max_log_files(FILES_MAX)
        .build(paths.logs())
        .map_err(|e| internal("Opening the log", e))?;
    let (writer, guard) = tracing_appender::non_blocking(files);
    let config = crate::config::load(paths).unwrap_or_default();
    let (filter, handle) = reload::Layer::new(filter(&config));
    let to_file = fmt::layer().json().with_writer(writer);
    let to_stderr = stderr.then(|| fmt::layer().with_writer(std::io::stderr).with_ansi(false).with_target(false));
    let started = tracing_subscriber::registry().with(filter).with(to_file).with(to_stderr).try_init();
    if started.is_ok() {
        let _ = FILTER.set(handle);
    }
    Ok(LogGuard { _guard: guard })
}

fn filter(config: &LocalConfig) -> EnvFilter {
    let wanted = std::env::var("OMNI_LOG").ok().or_else(|| config.log.clone());
    wanted.and_then(|text| EnvFilter::try_new(text).ok()).unwrap_or_else(|| EnvFilter::new(DEFAULT_FILTER))
}

/// Takes over a changed configuration.
pub fn apply(config: &LocalConfig) {
    if let Some(handle) = FILTER.get() {
        // Fails only if the subscriber is gone, and then nothing is logged anyway.
        let _ = handle.reload(filter(config));
    }
}
