//! The main window: what it may load, its title, its size, and that there is one per data folder.

use crate::options::Options;
use crate::status::{APP_NAME, StatusLine};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::absolute;
use tauri::plugin::TauriPlugin;
use tauri::utils::config::Color;
use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Manager, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder, Wry};
use tauri_plugin_window_state::StateFlags;

/// Label of the main window, as capabilities/main.json names it.
pub const MAIN: &str = "main";

const SIZE: (f64, f64) = (1280.0, 800.0);
const MIN_SIZE: (f64, f64) = (1024.0, 700.0);
/// `surface-0` of the dark theme: no white flash before the page paints.
const BACKGROUND: Color = Color(18, 22, 27, 255);
/// D-Bus name under which instances find each other.
const INSTANCE_NAME: &str = "com.seedwave.omnicontrolcenter";

/// A second start on the same data folder brings the first window to the front and ends. Other data folders are other instances.
pub fn single_instance(options: &Options) -> TauriPlugin<Wry> {
    tauri_plugin_single_instance::Builder::new()
        .callback(|handle: &AppHandle, _args, _cwd| bring_to_front(handle))
        .dbus_id(instance_name(options))
        .build()
}

fn instance_name(options: &Options) -> String {
    let Some(data) = &options.data else {
        return INSTANCE_NAME.to_owned();
    };
    let mut hasher = DefaultHasher::new();
    data.canonicalize().or_else(|_| absolute(data)).unwrap_or_else(|_| data.clone()).hash(&mut hasher);
    format!("{INSTANCE_NAME}.data{:016x}", hasher.finish())
}

/// Size, place and maximised state come back at the next start; the window is always shown.
pub fn remembered_state() -> TauriPlugin<Wry> {
    let flags = StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED | StateFlags::FULLSCREEN;
    tauri_plugin_window_state::Builder::new().with_state_flags(flags).build()
}

/// Opens the main window. It shows our own page and nothing else: no other address, no new window, no download, nothing kept on
/// disk by the webview.
pub fn open_main(handle: &AppHandle) -> tauri::Result<WebviewWindow> {
    WebviewWindowBuilder::new(handle, MAIN, WebviewUrl::App("index.html".into()))
        .title(APP_NAME)
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(MIN_SIZE.0, MIN_SIZE.1)
        .background_color(BACKGROUND)
        .devtools(false)
        .incognito(!is_automated())
        .data_directory(handle.path().app_cache_dir()?.join("webview"))
        .disable_drag_drop_handler()
        .on_navigation(is_own_page)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .on_download(|_, _| false)
        .build()
}

/// WebDriver drives only a webview with an ordinary context; the test's own data folder then holds what that leaves behind.
fn is_automated() -> bool {
    std::env::var_os("TAURI_WEBVIEW_AUTOMATION").is_some_and(|value| value == "true")
}

fn is_own_page(url: &Url) -> bool {
    let own = matches!(
        (url.scheme(), url.host_str()),
        ("tauri", Some("localhost")) | ("http" | "https", Some("tauri.localhost"))
    );
    own || (cfg!(not(feature = "custom-protocol")) && url.origin().ascii_serialization() == "http://127.0.0.1:5173")
}

/// Writes the status into the title.
pub fn show_status(handle: &AppHandle, status: &StatusLine) {
    if let Some(window) = handle.get_webview_window(MAIN) {
        // Fails only while the window is being closed.
        let _ = window.set_title(&status.title());
    }
}

/// Shows the window above others.
pub fn bring_to_front(handle: &AppHandle) {
    if let Some(window) = handle.get_webview_window(MAIN) {
        // Each fails only while the window is being closed.
        let _ = window.unminimize();
        let _ = window.show();
        let _ = window.set_focus();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Keys;
    use std::path::PathBuf;

    fn options(data: Option<&str>) -> Options {
        Options {
            data: data.map(PathBuf::from),
            keys: Keys::Os,
            passphrase: None,
            renderer_fallback: false,
            renderer_chosen: false,
        }
    }

    #[test]
    fn each_data_folder_is_its_own_instance() {
        let one = instance_name(&options(Some("/nowhere/a")));
        assert_eq!(one, instance_name(&options(Some("/nowhere/a"))));
        assert_ne!(one, instance_name(&options(Some("/nowhere/b"))));
        assert_ne!(one, instance_name(&options(None)));
    }

    #[test]
    fn only_our_own_page_may_be_shown() {
        let allowed = |address: &str| is_own_page(&Url::parse(address).expect("an address"));
        assert!(allowed("tauri://localhost/index.html"));
        assert!(allowed("http://tauri.localhost/"));
        for other in [
            "https://example.org/",
            "tauri://elsewhere/",
            "file:///etc/passwd",
            "data:text/html,x",
            "http://localhost/",
        ] {
            assert!(!allowed(other), "{other} must be refused");
        }
    }
}
