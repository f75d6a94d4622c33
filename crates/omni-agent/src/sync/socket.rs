//! The WebSocket to central: frames in their envelope (one byte raw or zstd, then CBOR), every byte counted.

use super::measure::Traffic;
use crate::error::{Result, internal};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use omni_protocol::WireError;
use omni_protocol::frame::{ClientFrame, ServerFrame, from_bytes, to_bytes};
use omni_protocol::limits::{COMPRESS_BYTES_MIN, SERVER_FRAME_BYTES_MAX, ZSTD_LEVEL};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

/// First byte of an uncompressed message.
const RAW: u8 = 0;
/// First byte of a zstd message.
const ZSTD: u8 = 1;
/// A connection stands within this, or not at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A frame leaves within this, or the connection is dead.
const SEND_TIMEOUT: Duration = Duration::from_secs(20);

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The sending half.
#[derive(Debug)]
pub struct Sender {
    sink: SplitSink<Stream, Message>,
    traffic: Arc<Traffic>,
}

/// The receiving half.
#[derive(Debug)]
pub struct Receiver {
    stream: SplitStream<Stream>,
    traffic: Arc<Traffic>,
}

/// Connects.
///
/// Errors: `central_unreachable`.
pub async fn connect(address: &str, traffic: Arc<Traffic>) -> Result<(Sender, Receiver)> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(SERVER_FRAME_BYTES_MAX + 1))
        .max_frame_size(Some(SERVER_FRAME_BYTES_MAX + 1));
    // No delay: an edit must not wait for a fuller packet.
    let connecting = connect_async_with_config(address, Some(config), true);
    let stream = match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(Ok((stream, _))) => stream,
        Ok(Err(Error::Http(response))) => return Err(refused(response.status().as_u16(), response.body().as_deref())),
        Ok(Err(e)) => return Err(lost(&e.to_string())),
        Err(_) => return Err(lost("no connection in time")),
    };
    let (sink, stream) = stream.split();
    Ok((Sender { sink, traffic: traffic.clone() }, Receiver { stream, traffic }))
}

/// Central answered the upgrade with an error of its own.
fn refused(status: u16, body: Option<&[u8]>) -> WireError {
    let told = body.and_then(|b| serde_json::from_slice::<WireError>(b).ok());
    told.unwrap_or_else(|| {
        let message = "Something answers at central's address, but it is not an Omni Central.";
        WireError { retryable: status >= 500, ..WireError::new("not_central", message) }
    })
}

/// The connection is gone.
pub fn lost(why: &str) -> WireError {
    WireError::retryable("central_unreachable", format!("The connection to central was lost: {why}."))
}

impl Sender {
    /// Sends one frame.
    pub async fn send(&mut self, frame: &ClientFrame) -> Result<()> {
        let message = seal(frame)?;
        self.traffic.sent.fetch_add(message.len() as u64, Ordering::Relaxed);
        match tokio::time::timeout(SEND_TIMEOUT, self.sink.send(Message::Binary(message.into()))).await {
            Ok(sent) => sent.map_err(|e| lost(&e.to_string())),
            Err(_) => Err(lost("central does not read")),
        }
    }

    /// Says goodbye, without waiting for long.
    pub async fn close(mut self) {
        let _ = tokio::time::timeout(Duration::from_millis(500), self.sink.close()).await;
    }
}

impl Receiver {
    /// The next frame; `None` once central closed.
    pub async fn receive(&mut self) -> Result<Option<ServerFrame>> {
        loop {
            let message = match self.stream.next().await {
                None | Some(Ok(Message::Close(_))) => return Ok(None),
                Some(Ok(message)) => message,
                Some(Err(e)) => return Err(lost(&e.to_string())),
            };
            if let Message::Binary(bytes) = message {
                self.traffic.received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                return open(&bytes).map(Some);
            }
        }
    }
}

fn seal(frame: &ClientFrame) -> Result<Vec<u8>> {
    let cbor = to_bytes(frame);
    let packed = match cbor.len() >= COMPRESS_BYTES_MIN {
        true => Some(zstd::bulk::compress(&cbor, ZSTD_LEVEL).map_err(|e| internal("Packing a message", e))?),
        false => None,
    };
    let (kind, body) = match &packed {
        Some(packed) if packed.len() < cbor.len() => (ZSTD, packed),
        _ => (RAW, &cbor),
    };
    let mut out = Vec::with_capacity(body.len() + 1);
    out.push(kind);
    out.extend_from_slice(body);
    Ok(out)
}

fn open(message: &[u8]) -> Result<ServerFrame> {
    let bad = || WireError::retryable("bad_frame", "A message of central cannot be read.");
    let (kind, body) = message.split_first().ok_or_else(bad)?;
    let unpacked;
    let cbor = match *kind {
        RAW => body,
        ZSTD => {
            unpacked = zstd::bulk::decompress(body, SERVER_FRAME_BYTES_MAX).map_err(|_| bad())?;
            &unpacked
        }
        _ => return Err(bad()),
    };
    from_bytes(cbor).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_frames_are_packed_and_foreign_bytes_refused() {
        assert_eq!(seal(&ClientFrame::Push(vec![7; 4_000].into())).unwrap()[0], ZSTD);
        assert_eq!(seal(&ClientFrame::Ack { seq: 1 }).unwrap()[0], RAW);
        for bytes in [&[][..], &[2, 1], &[RAW], &[ZSTD, 9, 9], &[RAW, 0x81, 0x81]] {
            assert_eq!(open(bytes).unwrap_err().code, "bad_frame");
        }
    }
}
