//! The page in a browser.

use crate::kit::{Laptop, PASSPHRASE, Process, Site, in_time, program};
use reqwest::header::{AUTHORIZATION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST, ORIGIN, SET_COOKIE};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value as Json, json};
use std::path::PathBuf;

struct Page {
    process: Process,
    base: String,
    token: String,
    http: Client,
}

fn assets(site: &Site) -> PathBuf {
    let dir = site.dir.path().join("page");
    std::fs::create_dir_all(dir.join("assets")).unwrap();
    std::fs::write(dir.join("index.html"), "<!doctype html><title>page</title>").unwrap();
    std::fs::write(dir.join("assets/a.js"), "code").unwrap();
    dir
}

async fn open(site: &Site, laptop: &Laptop) -> Page {
    opened(laptop.stay(&["ui", "--assets", assets(site).to_str().unwrap()])).await
}

async fn opened(mut process: Process) -> Page {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = process.line().await["url"].as_str().unwrap().to_owned();
    let (base, token) = url.split_once("/#token=").expect("the token is behind the #");
    assert!(base.starts_with("http://127.0.0.1:") && token.len() == 64, "{url}");
    Page { process, base: base.to_owned(), token: token.to_owned(), http: Client::new() }
}

impl Page {
    fn call(&self, command: &str, args: Json) -> RequestBuilder {
        let call = self.http.post(format!("{}/rpc", self.base)).header(ORIGIN, &self.base);
        call.header(AUTHORIZATION, format!("Bearer {}", self.token)).json(&json!({"command": command, "args": args}))
    }
}

async fn send(request: RequestBuilder) -> Response {
    in_time("an answer", request.send()).await.unwrap()
}

/// Status and body; every refusal is an error as the page reads it.
async fn answer(request: RequestBuilder) -> (u16, Json) {
    let response = send(request).await;
    let status = response.status().as_u16();
    let body: Json = in_time("a body", response.json()).await.expect("JSON");
    if status != 200 {
        assert!(body["message"].is_string() && body["retryable"].is_boolean(), "{body}");
    }
    (status, body)
}

fn cookie(response: &Response) -> Option<String> {
    let set = response.headers().get(SET_COOKIE)?.to_str().unwrap();
    assert!(set.contains("; HttpOnly") && set.contains("; SameSite=Strict"), "{set}");
    Some(set.split(';').next().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_opens_the_page_for_one_browser() {
    let site = Site::start().await;
    let a = site.laptop("ada").await;
    let page = open(&site, &a).await;
    let first = send(page.http.get(&page.base)).await;
    let policy = first.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(first.headers()["x-content-type-options"], "nosniff");
    let own = cookie(&first).expect("the page brings a cookie");
    assert!(first.text().await.unwrap().contains("<title>page</title>"));
    let script = send(page.http.get(format!("{}/assets/a.js", page.base))).await;
    assert_eq!(script.headers()[CONTENT_TYPE], "text/javascript; charset=utf-8");

    // A page calls and listens at once: both carry the cookie of the page.
    let events = page.http.get(format!("{}/events", page.base));
    let events = events.header(AUTHORIZATION, format!("Bearer {}", page.token)).header(COOKIE, &own);
    let (mut events, info) = tokio::join!(send(events), answer(page.call("app.info", json!({})).header(COOKIE, &own)));
    assert_eq!((info.0, &info.1["phase"]), (200, &json!("ready")), "{info:?}");
    assert_eq!(events.status(), 200);

    let fields = json!({"collection": "sector", "key": "water", "fields": {"name": "Water"}});
    let (status, made) = answer(page.call("create", fields).header(COOKIE, &own)).await;
    assert!(status == 200 && made["change"].is_string(), "{made}");
    let mut told = String::new();
    while !told.contains("\"changed\"") {
        let part = in_time("an event", events.chunk()).await.unwrap().expect("the stream goes on");
        told.push_str(std::str::from_utf8(&part).unwrap());
    }

    // Another browser with the same address, and this one's cookie without the address.
    let stranger = cookie(&send(page.http.get(&page.base)).await).expect("a cookie of its own");
    assert_ne!(stranger, own);
    assert_eq!(answer(page.call("status", json!({})).header(COOKIE, &stranger)).await.0, 401);
    assert_eq!(answer(page.call("status", json!({}))).await.0, 401);
    let alone = page.http.post(format!("{}/rpc", page.base)).header(COOKIE, &own);
    assert_eq!(answer(alone.json(&json!({"command": "status", "args": {}}))).await.0, 401);
    assert_eq!(answer(page.http.get(format!("{}/events", page.base)).header(COOKIE, &own)).await.0, 401);
    assert_eq!(answer(page.call("status", json!({})).header(COOKIE, &own)).await.0, 200, "the first still may");

    // Commands given meanwhile reach it; stopping ends the stream.
    assert_eq!(a.json(&["count", "sector"]).await.ok(), json!({"count": 1}));
    assert_eq!(page.process.stop().await, 0);
    while let Ok(Some(_)) = in_time("the end of the stream", events.chunk()).await {}
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_is_heard_and_only_the_pages_commands_are_there() {
    let site = Site::start().await;
    let a = site.laptop("ada").await;
    let page = open(&site, &a).await;
    let status = || page.call("status", json!({}));
    assert_eq!(answer(status().header(HOST, "evil.example")).await.0, 403, "another name for this machine");
    let other = page.http.post(format!("{}/rpc", page.base)).json(&json!({"command": "status", "args": {}}));
    assert_eq!(answer(other.header(ORIGIN, "http://evil.example")).await.0, 403, "another page");
    assert_eq!(answer(page.http.get(&page.base).header(HOST, "localhost:1")).await.0, 403);

    let opened = send(status()).await;
    assert_eq!(opened.status(), 200, "none of them used the token up");
    let own = cookie(&opened).expect("a session");
    let call = |command: &str, args: Json| page.call(command, args).header(COOKIE, &own);
    let code = async |request: RequestBuilder| {
        let (status, body) = answer(request).await;
        (status, body["code"].as_str().unwrap().to_owned())
    };
    let file = site.dir.path().join("stolen");
    for (command, args) in [
        ("backup", json!({"path": file})),
        ("export", json!({"collection": "sector", "path": file})),
        ("diagnostics", json!({"path": file})),
        ("batch", json!({"lines": []})),
        ("sync.wait", json!({})),
        ("nothing", json!({})),
    ] {
        assert_eq!(code(call(command, args)).await, (400, "unknown_command".into()), "{command}");
    }
    assert!(!file.exists());
    let get = call("get", json!({"collection": "sector", "id": "nobody"}));
    assert_eq!(code(get).await, (400, "not_found".into()));
    let large = call("settings.set", json!({"name": "x", "value": "x".repeat(1024 * 1024)}));
    assert_eq!(code(large).await, (413, "too_large".into()));
    let plain = [(CONTENT_TYPE, "text/plain".parse().unwrap())].into_iter().collect();
    assert_eq!(code(call("status", json!({})).headers(plain)).await, (415, "bad_arguments".into()), "a form's call");
    assert_eq!(code(call("status", json!({})).body("nonsense")).await, (400, "bad_arguments".into()));
    assert_eq!(code(page.http.get(format!("{}/rpc", page.base))).await, (405, "bad_method".into()));
    assert_eq!(code(page.http.get(format!("{}/../Cargo.toml", page.base))).await, (404, "not_found".into()));
    assert_eq!(code(page.http.post(format!("{}/other", page.base))).await, (405, "bad_method".into()));
    assert_eq!(page.process.stop().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_passphrase_the_page_asks_for_it() {
    let site = Site::start().await;
    let a = site.laptop("ada").await;
    let mut command = program(&a.data, &["--json", "ui", "--assets", assets(&site).to_str().unwrap()]);
    command.env_remove("OMNI_PASSPHRASE");
    let page = opened(Process::start(command, &a.data.with_extension("log"))).await;
    let first = send(page.call("app.info", json!({}))).await;
    let own = cookie(&first).unwrap();
    let info: Json = first.json().await.unwrap();
    assert_eq!(info["phase"], "locked", "{info}");
    let unlock = |passphrase: &str| {
        let args = json!({"passphrase": passphrase, "recovery_code": null});
        page.call("app.unlock", args).header(COOKIE, &own)
    };
    assert_eq!(answer(unlock("wrong horse battery")).await.1["code"], "wrong_passphrase");
    assert_eq!(answer(unlock(PASSPHRASE)).await.0, 200);
    let info = answer(page.call("app.info", json!({})).header(COOKIE, &own)).await.1;
    assert_eq!(info["phase"], "ready", "{info}");
    assert_eq!(page.process.stop().await, 0);
}
