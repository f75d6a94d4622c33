//! The real app in WebKit: two windows, two data folders, central stopped and started again.

mod webview;

use omni_agent::keys::Passphrase;
use omni_agent::{App, AppConfig};
use omni_central::{Config, Role, Running, serve};
use omni_protocol::Grants;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use thirtyfour::Key;
use webview::Window;

const PASSPHRASE: &str = "correct horse battery";

async fn app(data: &Path) -> App {
    let config = AppConfig {
        data_dir: data.to_owned(),
        passphrase_mode: true,
        passphrase: Some(Passphrase::new(PASSPHRASE.to_owned())),
        version: "test".to_owned(),
        connect: true,
    };
    App::start(config).await.expect("the app starts")
}

async fn call(app: &App, command: &str, args: Json) -> Json {
    app.control(command, args).await.unwrap_or_else(|e| panic!("{command}: {e}"))
}

/// Enrols a data folder, does some work on it, leaves it closed.
async fn prepare(central: &Running, data: PathBuf, work: &[(&str, Json)]) -> PathBuf {
    let name = data.file_name().unwrap().to_string_lossy().into_owned();
    let app = app(&data).await;
    let code = central.enrol_code(&format!("Operator of {name}"), Role::Admin, Grants::everything()).unwrap();
    let join = json!({ "central": central.url(), "code": code, "name": name, "passphrase": null });
    call(&app, "enrol.join", join).await;
    for (command, args) in work {
        call(&app, command, args.clone()).await;
    }
    call(&app, "sync.wait", json!({ "until_idle": true, "timeout_s": 60 })).await;
    app.shutdown().await;
    data
}

/// The owner of a folder is the app of the window: commands are handed to it.
async fn ask(data: &Path, command: &str, args: Json) -> Json {
    let reply = omni_agent::handover::call(data, command, &args).await;
    reply.unwrap_or_else(|e| panic!("{command}: {e}")).expect("the window's app owns the folder")
}

fn brand(id: &str) -> Json {
    let fields = json!({ "name": id, "sector": "agriculture", "kind": "core" });
    json!({ "collection": "brand", "key": id, "fields": fields })
}

/// A central, two laptops' folders after some work, and where the next central on the same data listens.
struct Site {
    folder: tempfile::TempDir,
    address: std::net::SocketAddr,
    laptops: [PathBuf; 2],
}

impl Site {
    /// Brands of one sector on both laptops, a window on each, central stopped.
    async fn with_brands(keys: &[&str]) -> (Site, [Window; 2]) {
        let folder = tempfile::tempdir().unwrap();
        let central = serve(Config::local(folder.path().join("central"))).await.unwrap();
        let address = central.address();
        let sector = json!({ "collection": "sector", "key": "agriculture", "fields": { "name": "Agriculture" } });
        let work: Vec<_> = [sector].into_iter().chain(keys.iter().map(|key| brand(key))).map(|w| ("new", w)).collect();
        let a = prepare(&central, folder.path().join("laptop-a"), &work).await;
        let b = prepare(&central, folder.path().join("laptop-b"), &[]).await;
        let windows: [Window; 2] = tokio::join!(Window::open(&a, PASSPHRASE), Window::open(&b, PASSPHRASE)).into();
        central.shutdown().await.unwrap();
        // The banner moves everything below it down by a row: who aims before it is there hits the neighbour.
        for window in &windows {
            window.has_state("banner", "central_unreachable").await;
        }
        (Site { folder, address, laptops: [a, b] }, windows)
    }

    /// Central is back, where it was.
    async fn central_is_back(&self) -> Running {
        let mut config = Config::local(self.folder.path().join("central"));
        (config.listen, config.metrics) = (self.address, Some("127.0.0.1:0".parse().unwrap()));
        serve(config).await.unwrap()
    }
}

/// Two windows at a time are enough for a small machine.
static WINDOWS: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn edits_made_without_central_reach_both_windows_when_it_is_back() {
    let _windows = WINDOWS.lock().await;
    let (site, [first, second]) = Site::with_brands(&["greenfield", "meadow", "orchard"]).await;

    // Different fields of one brand, and different brands.
    let id = |key: &str| omni_model::RecordId::from_key("brand", key).to_string();
    let edits = [
        (&first, "greenfield", "name", "Greenfield Farms"),
        (&second, "greenfield", "notes", "Call in spring"),
        (&first, "meadow", "name", "Upper Meadow"),
        (&second, "orchard", "name", "Old Orchard"),
    ];
    for (window, key, field, text) in &edits {
        window.go(&format!("#/brands?id={}", id(key))).await;
        window.write_field(field, text).await;
        window.has_state(&format!("field-{field}"), "pending").await;
    }
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts");
    first.picture(&pictures.join("offline.png")).await;

    let central = site.central_is_back().await;
    for window in [&first, &second] {
        for (_, key, field, text) in &edits {
            window.go(&format!("#/brands?id={}", id(key))).await;
            window.shows(&format!("field-{field}-edit"), text).await;
            window.has_state(&format!("field-{field}"), "saved").await;
        }
    }
    for data in &site.laptops {
        let status = ask(data, "sync.wait", json!({ "until_idle": true, "timeout_s": 60 })).await;
        assert_eq!((status["queued"].as_u64(), status["sending"].as_u64()), (Some(0), Some(0)), "{status}");
        let report = ask(data, "verify", json!({})).await;
        assert_eq!(report["equal"], true, "{report}");
    }
    first.picture(&pictures.join("online.png")).await;
    first.close().await;
    second.close().await;
    central.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_of_two_windows_is_settled_by_keyboard_alone_and_gone_on_both() {
    let _windows = WINDOWS.lock().await;
    let (site, [first, second]) = Site::with_brands(&["greenfield"]).await;

    // Money is never merged by itself.
    let place = format!("#/brands?id={}", omni_model::RecordId::from_key("brand", "greenfield"));
    for (window, amount) in [(&first, "1350000"), (&second, "1280000")] {
        window.go(&place).await;
        window.write_field("revenue", amount).await;
        window.has_state("field-revenue", "pending").await;
    }
    let central = site.central_is_back().await;
    for window in [&first, &second] {
        window.has_state("field-revenue", "conflict").await;
        window.has_state("banner", "needs_attention").await;
    }
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts");

    // From here on the first window gets keys only.
    first.press(["g".into(), "c".into()]).await;
    first.find("conflict-pane").await;
    first.picture(&pictures.join("conflict.png")).await;
    // Whose edit came second, and waits, is a matter of milliseconds.
    let waiting = first.find("side-mine").await.text().await.unwrap();
    let chosen = ["1,350,000.00", "1,280,000.00"].into_iter().find(|amount| waiting == *amount);
    let chosen = chosen.unwrap_or_else(|| panic!("{waiting} waits"));
    first.press(["1".into()]).await;
    first.says("result", chosen).await;
    first.press([Key::Control + Key::Enter]).await;
    first.find("conflicts-empty").await;
    second.go("#/conflicts").await;
    second.find("conflicts-empty").await;
    second.picture(&pictures.join("conflict-gone.png")).await;
    for window in [&first, &second] {
        window.go(&place).await;
        window.shows("field-revenue-edit", chosen).await;
        window.has_state("field-revenue", "saved").await;
    }
    for data in &site.laptops {
        let report = ask(data, "verify", json!({})).await;
        assert_eq!(report["equal"], true, "{report}");
    }
    first.close().await;
    second.close().await;
    central.shutdown().await.unwrap();
}
