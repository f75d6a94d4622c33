//! The watchdog against blank windows: some Linux graphics drivers show nothing with WebKitGTK's DMA-BUF renderer. A page that
//! has not reported its first frame in time makes the app start again, once, without that renderer, and say so.

use crate::events;
use crate::options::{DMABUF_VARIABLE, FALLBACK_VARIABLE, Options};
use crate::shell::{self, Shell};
use serde_json::json;
use std::time::{Duration, Instant};
use tauri::{AppHandle, Manager, WebviewWindow, async_runtime};
use tauri_plugin_notification::NotificationExt;
use tokio::sync::watch;

/// Time from opening the window to the first frame.
const PAINT_WITHIN: Duration = Duration::from_secs(5);
const FALLBACK_NOTICE: &str =
    "The window had stayed empty, so it was opened again with simpler graphics (without DMA-BUF). Nothing was lost.";

/// Whether the page has painted.
pub struct Painted {
    painted: watch::Sender<bool>,
    started: Instant,
    is_fallback: bool,
}

impl Painted {
    /// Not painted yet. `is_fallback`: this process is the relaunch.
    pub fn new(is_fallback: bool) -> Painted {
        Painted { painted: watch::channel(false).0, started: Instant::now(), is_fallback }
    }
}

/// The page reported its first frame: said on stdout with the time it took, for scripts and measurements. After a relaunch this
/// is the moment to say why it happened.
pub fn on_painted(handle: &AppHandle, painted: &Painted) {
    let first = !painted.painted.send_replace(true);
    if !first {
        return;
    }
    println!("{}", json!({"event": "painted", "ms": painted.started.elapsed().as_millis() as u64}));
    if !painted.is_fallback {
        return;
    }
    events::send(handle, json!({"event": "notice", "code": "renderer_fallback", "message": FALLBACK_NOTICE}));
    let toast = handle.notification().builder().title("Omni Control Center").body(FALLBACK_NOTICE).show();
    if let Err(error) = toast {
        eprintln!("omni-control-center: {FALLBACK_NOTICE} (The desktop shows no notifications: {error})");
    }
}

/// What to do about a window that has not painted in time.
#[derive(Debug, PartialEq, Eq)]
enum Remedy {
    Relaunch,
    OnlySaySo,
}

fn remedy(options: &Options) -> Remedy {
    let can_help = cfg!(target_os = "linux") && !options.renderer_fallback && !options.renderer_chosen;
    if can_help { Remedy::Relaunch } else { Remedy::OnlySaySo }
}

/// Watches one window from the moment it is opened.
pub fn watch(window: &WebviewWindow, options: &Options) {
    let handle = window.app_handle().clone();
    let mut painted = handle.state::<Shell>().painted.painted.subscribe();
    let remedy = remedy(options);
    async_runtime::spawn(async move {
        if tokio::time::timeout(PAINT_WITHIN, painted.wait_for(|painted| *painted)).await.is_ok() {
            return;
        }
        eprintln!("omni-control-center: the window has not painted within {} s", PAINT_WITHIN.as_secs());
        if remedy == Remedy::Relaunch {
            eprintln!("omni-control-center: starting again with {DMABUF_VARIABLE}=1");
            relaunch(&handle).await;
        }
    });
}

/// Replaces this process by a new one without the DMA-BUF renderer, after the engine has closed its files.
#[cfg(unix)]
async fn relaunch(handle: &AppHandle) {
    use std::os::unix::process::CommandExt;
    shell::stop(handle).await;
    tauri_plugin_single_instance::destroy(handle);
    let failed = match std::env::current_exe() {
        Ok(exe) => std::process::Command::new(exe)
            .args(std::env::args_os().skip(1))
            .env(DMABUF_VARIABLE, "1")
            .env(FALLBACK_VARIABLE, "1")
            .exec(),
        Err(error) => error,
    };
    eprintln!("omni-control-center: could not start again: {failed}");
    handle.exit(1);
}

/// Only WebKitGTK has this trouble.
#[cfg(not(unix))]
async fn relaunch(_handle: &AppHandle) {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Keys;

    fn options(renderer_fallback: bool, renderer_chosen: bool) -> Options {
        Options { data: None, keys: Keys::Os, passphrase: None, renderer_fallback, renderer_chosen }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_app_is_relaunched_once_and_never_against_a_choice_made_by_hand() {
        assert_eq!(remedy(&options(false, false)), Remedy::Relaunch);
        assert_eq!(remedy(&options(true, true)), Remedy::OnlySaySo);
        assert_eq!(remedy(&options(false, true)), Remedy::OnlySaySo);
    }
}
