//! Holds the engine of this process: started once in the background, so that the window does not wait for the disk or the
//! keychain; stopped once.

use crate::engine::{App, AppConfig, RpcError};
use crate::options::{Keys, Options};
use crate::paint::Painted;
use omni_agent::folder::Paths;
use omni_agent::logs;
use std::sync::Arc;
use std::time::Duration;
use tauri::{AppHandle, Manager, async_runtime};
use tauri_plugin_dialog::{DialogExt, MessageDialogKind};
use tokio::sync::watch;

/// How long quitting waits for the engine to close its files. Whatever was saved is durable before that.
const STOP_WITHIN: Duration = Duration::from_secs(10);

type Started = Option<Result<Arc<App>, RpcError>>;

/// What all parts of the shell share.
pub struct Shell {
    engine: watch::Receiver<Started>,
    /// Whether the UI has reported its first frame.
    pub painted: Painted,
}

impl Shell {
    /// The engine, once it has started. Errors: why it could not start, the same to every caller.
    pub async fn engine(&self) -> Result<Arc<App>, RpcError> {
        let mut engine = self.engine.clone();
        let started = engine.wait_for(Option::is_some).await;
        match started.map(|slot| slot.clone()) {
            Ok(Some(result)) => result,
            _ => Err(RpcError::new("internal", "The app's engine ended while it was starting.")),
        }
    }

    fn engine_now(&self) -> Option<Arc<App>> {
        self.engine.borrow().as_ref().and_then(|started| started.as_ref().ok().cloned())
    }
}

/// Starts the engine in the background and makes the shared state. A failure is answered to every call of the UI and shown in a
/// message box of its own, which works even when the page does not.
pub fn start_engine(handle: &AppHandle, options: &Options) -> tauri::Result<()> {
    let data_dir = match &options.data {
        Some(data) => data.clone(),
        None => handle.path().app_data_dir()?,
    };
    let config = AppConfig {
        data_dir,
        passphrase_mode: options.keys == Keys::Passphrase,
        passphrase: options.passphrase.clone(),
        version: handle.package_info().version.to_string(),
        connect: true,
    };
    let (sender, receiver) = watch::channel(None);
    handle.manage(Shell { engine: receiver, painted: Painted::new(options.renderer_fallback) });
    let handle = handle.clone();
    async_runtime::spawn(async move {
        let log = logs::start(&Paths { root: config.data_dir.clone() }, false);
        if let Err(error) = &log {
            eprintln!("omni-control-center: nothing will be logged: {error}");
        }
        let started = App::start(config).await.map(Arc::new);
        if let Err(error) = &started {
            say_that_it_did_not_start(&handle, error);
        }
        sender.send_replace(Some(started));
        // What is still to be written to the log is written when this ends, with the app.
        sender.closed().await;
        drop(log);
    });
    Ok(())
}

fn say_that_it_did_not_start(handle: &AppHandle, error: &RpcError) {
    eprintln!("omni-control-center: the local copy could not be opened: {error}");
    handle
        .dialog()
        .message(format!("{}\n\n({})", error.message, error.code))
        .title("Omni Control Center could not open its data")
        .kind(MessageDialogKind::Error)
        .show(|_| {});
}

/// Stops the engine and waits for it, at most [`STOP_WITHIN`].
pub fn stop_engine(handle: &AppHandle) {
    async_runtime::block_on(stop(handle));
}

/// Like [`stop_engine`], for callers that already run on the async runtime.
pub async fn stop(handle: &AppHandle) {
    let Some(engine) = handle.try_state::<Shell>().and_then(|shell| shell.engine_now()) else {
        return;
    };
    if tokio::time::timeout(STOP_WITHIN, engine.shutdown()).await.is_err() {
        eprintln!(
            "omni-control-center: the engine did not stop within {} s; what was saved is safe",
            STOP_WITHIN.as_secs()
        );
    }
}

/// Quits in the ordinary way when the system asks the process to end.
#[cfg(unix)]
pub fn quit_on_signal(handle: &AppHandle) {
    use tokio::signal::unix::{SignalKind, signal};
    let handle = handle.clone();
    async_runtime::spawn(async move {
        let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            eprintln!("omni-control-center: signals cannot be watched; close the window to quit");
            return;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        handle.exit(0);
    });
}

/// Other systems send window messages instead.
#[cfg(not(unix))]
pub fn quit_on_signal(_handle: &AppHandle) {}
