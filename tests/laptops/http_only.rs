//! A laptop behind a proxy that grants no WebSocket: after three tries it exchanges over plain HTTP, says so, and loses
//! nothing.

use super::kit::{Laptop, World};
use omni_central::Role;
use omni_protocol::Grants;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// Bytes of a request's head, at most.
const HEAD_MAX: usize = 16 * 1024;

/// Passes everything on but upgrades, which it refuses and counts.
struct Proxy {
    address: SocketAddr,
    refused: Arc<AtomicUsize>,
}

impl Proxy {
    async fn before(central: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, refused) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let count = refused.clone();
        tokio::spawn(async move {
            while let Ok((laptop, _)) = listener.accept().await {
                tokio::spawn(pass(laptop, central, count.clone()));
            }
        });
        Proxy { address, refused }
    }
}

async fn pass(mut laptop: TcpStream, central: SocketAddr, refused: Arc<AtomicUsize>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|w| w == b"\r\n\r\n") && head.len() < HEAD_MAX {
        if laptop.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    if String::from_utf8_lossy(&head).to_ascii_lowercase().contains("upgrade: websocket") {
        refused.fetch_add(1, Ordering::SeqCst);
        let answer = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 9\r\nconnection: close\r\n\r\nnot here\n";
        return laptop.write_all(answer).await;
    }
    let mut upstream = TcpStream::connect(central).await?;
    upstream.write_all(&head).await?;
    copy_bidirectional(&mut laptop, &mut upstream).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_socket_is_granted_the_exchange_goes_over_http_both_ways_and_says_so() {
    let world = World::start().await;
    let proxy = Proxy::before(world.central.as_ref().unwrap().address()).await;
    let (a, b) = (world.laptop("a").await, Laptop::open(&world.data("b"), true).await);
    a.create("sector", "agriculture", json!({ "name": "Agriculture" })).await;
    a.idle().await;
    let code = world.code("b's operator", Role::Admin, Grants::everything());
    let central = format!("http://{}", proxy.address);
    b.rpc("enrol.join", json!({ "central": central, "code": code, "name": "b", "passphrase": null })).await;
    let status = b.until("the first copy is here", |s| s["rows"] == 1 && s["state"] == "in_sync").await;
    assert_eq!(status["by_http"], true, "{status}");
    assert!(status["sentence"].as_str().unwrap().contains("By plain HTTP"), "{status}");
    assert_eq!(proxy.refused.load(Ordering::SeqCst), 3, "the socket is tried three times");

    b.create("brand", "greenfield", json!({ "name": "Greenfield", "sector": "agriculture", "kind": "core" })).await;
    b.idle().await;
    a.until("a has what b made", |s| s["rows"] == 2).await;
    a.set("brand", "greenfield", json!({ "name": "Greenfield Farms" })).await;
    a.idle().await;
    let head = a.rpc("status", json!({})).await["cursor"].clone();
    b.until("b has what a changed", |s| s["cursor"] == head).await;
    assert_eq!(b.value("brand", "greenfield", "name").await, "Greenfield Farms");
    b.verified().await;
    assert_eq!(a.rpc("status", json!({})).await["by_http"], false);

    // Central ends it: the laptop hears of that at once, works on, and comes back the same way.
    let mut world = world;
    world.stop_central().await;
    b.until("b notices", |s| s["state"] == "central_unreachable").await;
    b.set("brand", "greenfield", json!({ "name": "Offline" })).await;
    world.start_central().await;
    b.rpc("sync.now", json!({})).await;
    b.idle().await;
    a.until("a has what b wrote offline", |s| s["state"] == "in_sync").await;
    a.idle().await;
    assert_eq!(a.value("brand", "greenfield", "name").await, "Offline");
    b.app.shutdown().await;
}
