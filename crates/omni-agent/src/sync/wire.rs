//! The frames of a session in their envelope (one byte raw or zstd, then CBOR), every byte counted, on the way that was
//! chosen.

use super::measure::Traffic;
use super::socket::lost;
use super::way::Way;
use super::{exchange, socket};
use crate::client::Client;
use crate::error::{Result, internal};
use omni_protocol::WireError;
use omni_protocol::frame::{ClientFrame, ServerFrame, from_bytes, to_bytes};
use omni_protocol::limits::{COMPRESS_BYTES_MIN, SERVER_FRAME_BYTES_MAX, ZSTD_LEVEL};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// First byte of an uncompressed message.
const RAW: u8 = 0;
/// First byte of a zstd message.
const ZSTD: u8 = 1;
/// A frame leaves within this, or the connection is dead.
const SEND_TIMEOUT: Duration = Duration::from_secs(20);
/// A goodbye may take this long.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// The sending half.
#[derive(Debug)]
pub enum Sender {
    /// WebSocket, and what counts its bytes.
    Live(socket::Sender, Arc<Traffic>),
    /// HTTP. Its client counts.
    Http(exchange::Sender),
}

/// The receiving half.
#[derive(Debug)]
pub enum Receiver {
    /// WebSocket, and what counts its bytes.
    Live(socket::Receiver, Arc<Traffic>),
    /// HTTP. Its client counts.
    Http(exchange::Receiver),
}

/// Connects.
///
/// Errors: those of the way.
pub async fn connect(client: &Client, way: Way) -> Result<(Sender, Receiver)> {
    Ok(match way {
        Way::Live => {
            let (sender, receiver) = socket::connect(&client.socket_address()).await?;
            (Sender::Live(sender, client.traffic()), Receiver::Live(receiver, client.traffic()))
        }
        Way::Http => {
            let (sender, receiver) = exchange::connect(client).await?;
            (Sender::Http(sender), Receiver::Http(receiver))
        }
    })
}

impl Sender {
    /// Sends one frame.
    pub async fn send(&mut self, frame: &ClientFrame) -> Result<()> {
        let envelope = seal(frame)?;
        let sending = async {
            match self {
                Sender::Live(socket, traffic) => {
                    traffic.sent.fetch_add(envelope.len() as u64, Ordering::Relaxed);
                    socket.send(envelope).await
                }
                Sender::Http(exchange) => exchange.send(&envelope).await,
            }
        };
        match tokio::time::timeout(SEND_TIMEOUT, sending).await {
            Ok(sent) => sent,
            Err(_) => Err(lost("central does not read")),
        }
    }

    /// Says goodbye, without waiting for long.
    pub async fn close(mut self) {
        let closing = async {
            match &mut self {
                Sender::Live(socket, _) => socket.close().await,
                Sender::Http(exchange) => exchange.close().await,
            }
        };
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, closing).await;
    }
}

impl Receiver {
    /// The next frame; `None` once central closed. Cancel safe.
    pub async fn receive(&mut self) -> Result<Option<ServerFrame>> {
        let envelope = match self {
            Receiver::Live(socket, traffic) => {
                let envelope = socket.receive().await?;
                traffic.received.fetch_add(envelope.as_ref().map_or(0, Vec::len) as u64, Ordering::Relaxed);
                envelope
            }
            Receiver::Http(exchange) => exchange.receive().await?,
        };
        envelope.map(|bytes| open(&bytes)).transpose()
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
