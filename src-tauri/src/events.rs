//! The event stream from the engine to the page, the title and the tray.

use crate::engine::App;
use crate::shell::Shell;
use crate::status::StatusLine;
use crate::{tray, window};
use serde_json::{Value, json};
use std::sync::Arc;
use tauri::{AppHandle, Emitter, Manager, async_runtime};
use tokio::sync::broadcast::error::RecvError;

/// Name of the one stream the page listens to.
pub const EVENT: &str = "omni-event";

/// Forwards events until the engine ends. A page that was too slow is told how many it missed, and reads its screens anew.
pub fn forward(handle: &AppHandle) {
    let handle = handle.clone();
    async_runtime::spawn(async move {
        let Ok(engine) = handle.state::<Shell>().engine().await else {
            return;
        };
        let mut receiver = engine.subscribe();
        show_first_status(&handle, &engine).await;
        drop(engine);
        loop {
            match receiver.recv().await {
                Ok(event) => {
                    if let Some(status) = StatusLine::from_event(&event) {
                        show(&handle, &status);
                    }
                    send(&handle, event);
                }
                Err(RecvError::Lagged(missed)) => send(&handle, json!({"event": "lagged", "missed": missed})),
                Err(RecvError::Closed) => return,
            }
        }
    });
}

/// Sends one event to the main window. Without a page to hear it there is nobody to tell.
pub fn send(handle: &AppHandle, event: Value) {
    let _ = handle.emit_to(window::MAIN, EVENT, event);
}

/// Before the first status event. On the first run there is no status yet, and the title stays the app's name.
async fn show_first_status(handle: &AppHandle, engine: &Arc<App>) {
    if let Ok(status) = engine.rpc("status", json!({})).await
        && let Some(line) = StatusLine::from_status(&status)
    {
        show(handle, &line);
    }
}

fn show(handle: &AppHandle, status: &StatusLine) {
    window::show_status(handle, status);
    tray::show_status(handle, status);
}
