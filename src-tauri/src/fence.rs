//! Tests of what keeps the page inside: its policy, its permissions, and that the built page needs no more than they give.

use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read_json(path: &str) -> Value {
    let text = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

#[test]
fn the_policy_allows_our_own_files_and_the_bridge_to_rust_and_nothing_else() {
    let config = read_json("tauri.conf.json");
    let expected = json!({
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "font-src": "'self'",
        "connect-src": "ipc: http://ipc.localhost",
        "media-src": "'none'",
        "worker-src": "'none'",
        "manifest-src": "'none'",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    });
    // frame-src is absent on purpose: Tauri adds the isolation frame's own address to default-src.
    let security = &config["app"]["security"];
    assert_eq!(security["csp"], expected);
    assert_eq!(security["freezePrototype"], true);
    assert_eq!(security["pattern"]["use"], "isolation");
    assert_eq!(security["capabilities"], json!(["main"]));
    assert_eq!(config["app"]["withGlobalTauri"], false);
    assert_eq!(config["app"]["windows"], json!([]), "windows are made in window.rs, where navigation is denied");
}

#[test]
fn the_main_window_may_do_exactly_this() {
    let files = files_below(&root().join("src-tauri/capabilities"));
    assert_eq!(files, [root().join("src-tauri/capabilities/main.json")], "one file per window");
    let main = read_json("src-tauri/capabilities/main.json");
    assert_eq!(main["windows"], json!(["main"]));
    assert_eq!(main["local"], true);
    assert_eq!(main.get("remote"), None);
    assert_eq!(main.get("webviews"), None);
    let expected = [
        "allow-rpc",
        "core:event:allow-listen",
        "core:event:allow-unlisten",
        "notification:allow-is-permission-granted",
    ];
    assert_eq!(main["permissions"], json!(expected));
}

#[test]
fn the_isolation_application_is_small_and_alone() {
    let files = files_below(&root().join("src-tauri/isolation"));
    assert_eq!(files.len(), 2, "{files:?}");
    let lines: usize = files.iter().map(|file| fs::read_to_string(file).expect("readable").lines().count()).sum();
    assert!(lines < 200, "{lines} lines");
}

/// Needs the built page, as the compiled app does; `make test` builds it first.
#[test]
#[cfg(feature = "custom-protocol")]
fn the_built_page_needs_nothing_inline_and_nothing_from_elsewhere() {
    let dist = root().join("ui/dist");
    let page = fs::read_to_string(dist.join("index.html")).expect("ui/dist is built before the app");
    assert!(page.contains("<script"), "the page is empty");
    for script in page.split("<script").skip(1) {
        let (tag, rest) = script.split_once('>').expect("a whole tag");
        assert!(tag.contains("src=\"/"), "a script without a file of ours: <script{tag}>");
        assert!(rest.trim_start().starts_with("</script>"), "an inline script");
    }
    assert!(!page.contains("<style") && !page.contains(" style="), "an inline style");
    assert!(!page.contains("http://") && !page.contains("https://"), "an address elsewhere");
    for file in files_below(&dist).iter().filter(|file| file.extension().is_some_and(|end| end == "css")) {
        let text = fs::read_to_string(file).expect("readable");
        assert!(
            !text.contains("url(data:") && !text.contains("url(\"data:"),
            "{}: data: is not allowed by the policy",
            file.display()
        );
        assert!(
            !text.contains("url(http") && !text.contains("@import"),
            "{}: something from elsewhere",
            file.display()
        );
    }
}
