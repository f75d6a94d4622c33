//! The WebSocket to central.

use crate::error::Result;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use omni_protocol::WireError;
use omni_protocol::limits::SERVER_FRAME_BYTES_MAX;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

/// A connection stands within this, or not at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The sending half.
#[derive(Debug)]
pub struct Sender(SplitSink<Stream, Message>);

/// The receiving half.
#[derive(Debug)]
pub struct Receiver(SplitStream<Stream>);

/// Connects.
///
/// Errors: `central_unreachable`; `no_socket`: what answers there speaks HTTP, but grants no socket.
pub async fn connect(address: &str) -> Result<(Sender, Receiver)> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(SERVER_FRAME_BYTES_MAX + 1))
        .max_frame_size(Some(SERVER_FRAME_BYTES_MAX + 1));
    // No delay: an edit must not wait for a fuller packet.
    let connecting = connect_async_with_config(address, Some(config), true);
    let stream = match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(Ok((stream, _))) => stream,
        Ok(Err(Error::Http(response))) => return Err(refused(response.body().as_deref())),
        Ok(Err(e)) => return Err(lost(&e.to_string())),
        Err(_) => return Err(lost("no connection in time")),
    };
    let (sink, stream) = stream.split();
    Ok((Sender(sink), Receiver(stream)))
}

/// Central answered the upgrade with an error of its own, or something before it did.
fn refused(body: Option<&[u8]>) -> WireError {
    let told = body.and_then(|b| serde_json::from_slice::<WireError>(b).ok());
    told.unwrap_or_else(|| WireError::retryable(NO_SOCKET, "No live connection is granted at central's address."))
}

/// Something between this laptop and central, or what is there instead of it, grants no WebSocket.
pub const NO_SOCKET: &str = "no_socket";

/// The connection is gone.
pub fn lost(why: &str) -> WireError {
    WireError::retryable("central_unreachable", format!("The connection to central was lost: {why}."))
}

impl Sender {
    /// Sends one envelope.
    pub async fn send(&mut self, envelope: Vec<u8>) -> Result<()> {
        self.0.send(Message::Binary(envelope.into())).await.map_err(|e| lost(&e.to_string()))
    }

    /// Says goodbye.
    pub async fn close(&mut self) {
        let _ = self.0.close().await;
    }
}

impl Receiver {
    /// The next envelope; `None` once central closed.
    pub async fn receive(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            match self.0.next().await {
                None | Some(Ok(Message::Close(_))) => return Ok(None),
                Some(Ok(Message::Binary(bytes))) => return Ok(Some(bytes.into())),
                Some(Ok(_)) => {}
                Some(Err(e)) => return Err(lost(&e.to_string())),
            }
        }
    }
}
