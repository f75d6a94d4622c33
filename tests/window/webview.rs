//! One real window of the app, driven through WebKit's own WebDriver.

use serde_json::json;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use thirtyfour::Capabilities;
use thirtyfour::prelude::*;

/// Nothing here takes this long unless it is broken.
const DEADLINE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The driver and, through it, the app. Both end with it, whatever happens to the test.
pub struct Window {
    driver: WebDriver,
    process: Child,
}

impl Window {
    /// Opens the app on a data folder kept under a passphrase.
    pub async fn open(data: &Path, passphrase: &str) -> Window {
        let port = free_port();
        let home = data.join("home");
        let runtime = home.join("runtime");
        std::fs::create_dir_all(&runtime).unwrap();
        std::fs::set_permissions(&runtime, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let process = Command::new("WebKitWebDriver")
            .args(["--host=127.0.0.1", &format!("--port={port}")])
            .env("TAURI_AUTOMATION", "true")
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .env("WEBKIT_DISABLE_DMABUF_RENDERER", "1")
            .env("OMNI_DATA", data)
            .env("OMNI_KEYS", "passphrase")
            .env("OMNI_PASSPHRASE", passphrase)
            .env("XDG_DATA_HOME", home.join("data"))
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("XDG_RUNTIME_DIR", &runtime)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("WebKitWebDriver is installed (scripts/install)");
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(started.elapsed() < DEADLINE, "WebKitWebDriver does not answer");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let mut wanted = Capabilities::new();
        let binary = env!("CARGO_BIN_EXE_omni-control-center");
        wanted.insert("webkitgtk:browserOptions".to_owned(), json!({ "binary": binary, "args": [] }));
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted).await.expect("the app opens");
        Window { driver, process }
    }

    /// Goes to a place of the app, as a link of its own does.
    pub async fn go(&self, hash: &str) {
        self.driver.execute("location.hash = arguments[0];", vec![json!(hash)]).await.expect("the page takes a script");
    }

    /// Waits for the element of this test id.
    pub async fn find(&self, id: &str) -> WebElement {
        let css = format!("[data-testid='{id}']");
        let found = self.driver.query(By::Css(css)).wait(DEADLINE, LOOK_AGAIN).first().await;
        if found.is_err() {
            // What an operator would see now.
            self.picture(&Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts/not-found.png")).await;
        }
        found.unwrap_or_else(|e| panic!("{id}: {e}"))
    }

    /// Clicks it.
    pub async fn click(&self, id: &str) {
        self.find(id).await.click().await.unwrap_or_else(|e| panic!("{id}: {e}"));
    }

    /// Waits until the text of an element is this.
    pub async fn shows(&self, id: &str, text: &str) {
        self.reads(id, text, |now| now == text).await;
    }

    /// Waits until this is part of the text of an element.
    pub async fn says(&self, id: &str, text: &str) {
        self.reads(id, text, |now| now.contains(text)).await;
    }

    async fn reads(&self, id: &str, text: &str, fits: impl Fn(&str) -> bool) {
        let started = Instant::now();
        loop {
            // The element may be replaced while it is read: then it is found again.
            let now = self.find(id).await.text().await.unwrap_or_default();
            if fits(&now) {
                return;
            }
            assert!(started.elapsed() < DEADLINE, "{id} shows “{now}”, not “{text}”");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Waits until an element has this state.
    pub async fn has_state(&self, id: &str, state: &str) {
        let css = format!("[data-testid='{id}'][data-state='{state}']");
        let found = self.driver.query(By::Css(css)).wait(DEADLINE, LOOK_AGAIN).first().await;
        if found.is_err() {
            let now = self.find(id).await.attr("data-state").await;
            panic!("{id} is not {state} but {now:?}");
        }
    }

    /// Writes a field of the record that is open, as an operator does: click, which selects what stands there, type, Enter.
    pub async fn write_field(&self, field: &str, text: &str) {
        self.click(&format!("field-{field}-edit")).await;
        let input = self.find(&format!("field-{field}-input")).await;
        input.send_keys(text).await.expect("the input takes text");
        input.send_keys(Key::Control + Key::Enter).await.expect("the input takes keys");
    }

    /// Presses keys, one after another, wherever the focus is.
    pub async fn press(&self, keys: impl IntoIterator<Item = TypingData>) {
        for key in keys {
            let focus = self.driver.active_element().await.expect("something has the focus");
            focus.send_keys(key).await.expect("it takes keys");
        }
    }

    /// A picture of the page.
    pub async fn picture(&self, file: &Path) {
        std::fs::create_dir_all(file.parent().expect("a folder")).unwrap();
        self.driver.screenshot(file).await.expect("a picture");
    }

    /// Closes the app in the ordinary way.
    pub async fn close(mut self) {
        let _ = self.driver.clone().quit().await;
        self.end();
    }

    fn end(&mut self) {
        // The app is in the driver's process group, so that neither outlives a failed test.
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.process.id())]).status();
        let _ = self.process.wait();
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.end();
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| l.local_addr()).expect("a free port").port()
}
