//! `run`: stays connected until it is told to stop.

use crate::laptop::{Laptop, Result};
use crate::{output, signal};
use clap::Args;
use omni_agent::clock;
use omni_agent::sync::Event;
use omni_agent::sync::events::health;
use omni_protocol::WireError;
use serde_json::{Value as Json, json};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, oneshot};

/// Lines on their way to a slow reader.
const LINES_KEPT: usize = 256;
/// The last lines have so long to be written.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Flags of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Prints what changes, one line of JSON each, after the local commit.
    #[arg(long)]
    events: bool,
}

/// `run`. Its first line says that it runs: with `--events` as a `system_health` event, with `--json` as an object.
pub async fn run(args: RunArgs, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let data = laptop.data().display().to_string();
    let app = laptop.own(true, false).await?;
    let events = app.sync().await?.subscribe();
    let status = app.rpc("status", json!({})).await?;
    let state = status["state"].as_str().unwrap_or("unknown");
    if args.events {
        return follow(events, with_ready(health(state, clock::wall_ms()))?).await;
    }
    let ready = json!({"ready": true, "state": state, "data": data, "version": env!("CARGO_PKG_VERSION")});
    output::show(json, &ready, || format!("{data} stays connected until this is stopped."))?;
    signal::stop().await;
    tracing::info!("stopping");
    Ok(0)
}

fn to_json(event: &Event) -> Result<Json> {
    serde_json::to_value(event).map_err(|e| WireError::new("internal", format!("An event cannot be printed: {e}")))
}

fn with_ready(event: Event) -> Result<Json> {
    let mut value = to_json(&event)?;
    value["ready"] = Json::Bool(true);
    Ok(value)
}

/// Prints events until somebody wants it to stop or the reader goes away.
async fn follow(mut events: broadcast::Receiver<Event>, first: Json) -> Result<u8> {
    let (lines, ended) = printer();
    let work = async {
        let mut next = first;
        // Fails once the reader has gone.
        while lines.send(next).await.is_ok() {
            next = match events.recv().await {
                Ok(event) => to_json(&event)?,
                Err(RecvError::Lagged(missed)) => json!({"event": "lagged", "missed": missed}),
                Err(RecvError::Closed) => break,
            };
        }
        Ok::<_, WireError>(())
    };
    tokio::select! {
        done = work => done?,
        () = signal::stop() => tracing::info!("stopping"),
        () = lines.closed() => {}
    }
    drop(lines);
    // A reader that does not read is not waited for.
    let _ = tokio::time::timeout(LAST_LINES, ended).await;
    Ok(0)
}

/// A thread that prints lines: a reader that stands still must not keep the process from stopping.
fn printer() -> (mpsc::Sender<Json>, oneshot::Receiver<()>) {
    let (lines, mut taken) = mpsc::channel::<Json>(LINES_KEPT);
    let (end, ended) = oneshot::channel();
    std::thread::spawn(move || {
        while let Some(line) = taken.blocking_recv() {
            if output::line(&line).is_err() {
                break;
            }
        }
        drop(taken);
        let _ = end.send(());
    });
    (lines, ended)
}
