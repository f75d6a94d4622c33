//! `serve`.

use super::print_json;
use clap::Args;
use omni_central::{CentralError, Config, DEFAULT_LISTEN, Result};
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Flags of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The data folder; made if it does not exist.
    #[arg(long)]
    data: PathBuf,
    /// Where to listen; port 0 picks one.
    #[arg(long, default_value_t = DEFAULT_LISTEN)]
    listen: SocketAddr,
    /// Where the metrics are [default: 127.0.0.1:7421, or a free port if --listen picks one].
    #[arg(long)]
    metrics: Option<SocketAddr>,
    /// Fills an empty data folder with the sample portfolio.
    #[arg(long)]
    sample: bool,
    /// A folder for hourly verified copies.
    #[arg(long)]
    backup: Option<String>,
    /// sqlite, or postgres://…
    #[arg(long, default_value = "sqlite")]
    storage: String,
    /// memory, or redis://…
    #[arg(long, default_value = "memory")]
    hints: String,
    /// Listens beyond this machine although connections are not encrypted.
    #[arg(long)]
    insecure_listen: bool,
}

fn not_available(what: &str) -> CentralError {
    CentralError::new("not_available", format!("{what} is not available in this version."))
}

fn config(args: ServeArgs) -> Result<Config> {
    match args.storage.as_str() {
        "sqlite" => {}
        s if s.starts_with("postgres://") || s.starts_with("postgresql://") => {
            return Err(not_available("PostgreSQL as storage"));
        }
        other => {
            return Err(CentralError::new("usage", format!("--storage {other}: sqlite or postgres://… is known.")));
        }
    }
    match args.hints.as_str() {
        "memory" => {}
        s if s.starts_with("redis://") || s.starts_with("rediss://") => return Err(not_available("Redis for hints")),
        other => return Err(CentralError::new("usage", format!("--hints {other}: memory or redis://… is known."))),
    }
    if args.backup.as_deref().is_some_and(|b| b.contains("://")) {
        return Err(not_available("A backup address other than a folder"));
    }
    Ok(Config {
        listen: args.listen,
        metrics: args.metrics,
        sample: args.sample,
        backup: args.backup.map(PathBuf::from),
        insecure_listen: args.insecure_listen,
        ..Config::new(args.data)
    })
}

/// Runs until SIGTERM or SIGINT.
pub fn serve(args: ServeArgs) -> Result<u8> {
    let config = config(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| CentralError::new("io", "The network's threads could not start.").because(e))?;
    runtime.block_on(async {
        let running = omni_central::serve(config).await?;
        print_json(&json!({
            "listening": running.url(),
            "epoch": running.epoch(),
            "metrics": format!("http://{}/metrics", running.metrics_address()),
        }));
        tokio::select! {
            () = stop_signal() => {
                tracing::info!("stopping");
                running.shutdown().await?;
                Ok(0)
            }
            error = running.failed() => Err(error),
        }
    })
}

#[cfg(unix)]
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupted = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! { _ = terminate.recv() => {}, _ = interrupted => {} },
        Err(_) => drop(interrupted.await),
    }
}

#[cfg(not(unix))]
async fn stop_signal() {
    drop(tokio::signal::ctrl_c().await);
}
