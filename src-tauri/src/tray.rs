//! The tray: its menu does everything, since Linux desktops deliver no clicks on the icon; and nothing is only there.

use crate::shell::Shell;
use crate::status::{APP_NAME, StatusLine};
use crate::window;
use serde_json::json;
use std::sync::{Mutex, PoisonError};
use tauri::menu::{Menu, MenuEvent, MenuItem, PredefinedMenuItem};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Manager, Wry, async_runtime};

const OPEN: &str = "open";
const SYNC: &str = "sync";
const PAUSE: &str = "pause";
const QUIT: &str = "quit";

/// The parts of the tray that change.
struct Tray {
    icon: TrayIcon,
    state: MenuItem<Wry>,
    sync: MenuItem<Wry>,
    pause: MenuItem<Wry>,
    shown: Mutex<StatusLine>,
}

/// Puts the icon with its menu into the tray.
pub fn build(handle: &AppHandle) -> tauri::Result<()> {
    let state = MenuItem::with_id(handle, "state", "Starting", false, None::<&str>)?;
    let open = MenuItem::with_id(handle, OPEN, "Open", true, None::<&str>)?;
    let sync = MenuItem::with_id(handle, SYNC, "Sync now", false, None::<&str>)?;
    let pause = MenuItem::with_id(handle, PAUSE, "Pause sync", false, None::<&str>)?;
    let quit = MenuItem::with_id(handle, QUIT, "Quit", true, None::<&str>)?;
    let line = PredefinedMenuItem::separator(handle)?;
    let menu = Menu::with_items(handle, &[&state, &line, &open, &sync, &pause, &line, &quit])?;
    let mut builder = TrayIconBuilder::with_id("main").menu(&menu).tooltip(APP_NAME).on_menu_event(on_menu);
    if let Some(icon) = handle.default_window_icon() {
        builder = builder.icon(icon.clone());
    }
    let icon = builder.build(handle)?;
    handle.manage(Tray { icon, state, sync, pause, shown: Mutex::default() });
    Ok(())
}

/// Shows the status in words.
pub fn show_status(handle: &AppHandle, status: &StatusLine) {
    let Some(tray) = handle.try_state::<Tray>() else { return };
    {
        let mut shown = tray.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if *shown == *status {
            return;
        }
        *shown = status.clone();
    }
    let written = tray
        .state
        .set_text(status.tray_text())
        .and_then(|()| tray.sync.set_enabled(status.can_sync() && !status.is_paused()))
        .and_then(|()| tray.pause.set_enabled(status.can_sync()))
        .and_then(|()| tray.pause.set_text(if status.is_paused() { "Resume sync" } else { "Pause sync" }))
        .and_then(|()| tray.icon.set_tooltip(Some(status.title())));
    if let Err(error) = written {
        eprintln!("omni-control-center: the tray could not be updated: {error}");
    }
}

fn on_menu(handle: &AppHandle, event: MenuEvent) {
    match event.id().as_ref() {
        OPEN => window::bring_to_front(handle),
        SYNC => call(handle, "sync.now"),
        PAUSE => call(handle, if is_paused(handle) { "sync.resume" } else { "sync.pause" }),
        QUIT => handle.exit(0),
        _ => {}
    }
}

fn is_paused(handle: &AppHandle) -> bool {
    handle.try_state::<Tray>().is_some_and(|tray| tray.shown.lock().unwrap_or_else(PoisonError::into_inner).is_paused())
}

/// Runs a command of the engine. Its effect shows in the status; a refusal is brought before the operator in the window.
fn call(handle: &AppHandle, command: &'static str) {
    let handle = handle.clone();
    async_runtime::spawn(async move {
        let answer = match handle.state::<Shell>().engine().await {
            Ok(engine) => engine.rpc(command, json!({})).await,
            Err(error) => Err(error),
        };
        if let Err(error) = answer {
            crate::events::send(&handle, json!({"event": "notice", "code": error.code, "message": error.message}));
            window::bring_to_front(&handle);
        }
    });
}
