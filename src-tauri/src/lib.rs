//! The desktop shell: window, tray, single instance and the one `rpc` command. It holds no logic of the product; that is
//! `omni-agent`'s.

mod engine;
mod events;
#[cfg(test)]
mod fence;
mod options;
mod paint;
mod rpc;
mod shell;
mod status;
mod tray;
mod window;

use std::process::ExitCode;
use tauri::{RunEvent, WebviewWindow};

/// Runs the app until its window is closed or it is told to quit.
///
/// Returns a failing code, with a sentence on stderr, for a wrong setting in the environment or when the windowing system cannot be
/// reached.
pub fn run() -> ExitCode {
    // Several parts of the process speak TLS; the first one to ask finds the provider in place. Only a second call can fail.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let options = match options::Options::from_env() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("omni-control-center: {error}");
            return ExitCode::from(options::EXIT_USAGE);
        }
    };
    match build(options) {
        Ok(app) => {
            app.run(|handle, event| {
                if let RunEvent::Exit = event {
                    shell::stop_engine(handle);
                }
            });
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("omni-control-center: the window could not be opened: {error}");
            ExitCode::FAILURE
        }
    }
}

fn build(options: options::Options) -> tauri::Result<tauri::App> {
    tauri::Builder::default()
        // First: a second instance must leave before it opens anything.
        .plugin(window::single_instance(&options))
        .plugin(window::remembered_state())
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_notification::init())
        .invoke_handler(tauri::generate_handler![rpc::rpc])
        .setup(move |app| {
            let handle = app.handle().clone();
            shell::start_engine(&handle, &options)?;
            let main: WebviewWindow = window::open_main(&handle)?;
            tray::build(&handle)?;
            events::forward(&handle);
            paint::watch(&main, &options);
            shell::quit_on_signal(&handle);
            Ok(())
        })
        .build(tauri::generate_context!())
}
