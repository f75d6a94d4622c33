//! The frames of a session in their envelope (one byte raw or zstd, then CBOR), every byte counted, on the way that was
//! chosen.

use super::measure::Traffic;
use super::socket::lost;
use super::way::Way;
use super::{exchange, socket};
use crate::client::Client;
use crate::error::{Result, internal};
use omni_protocol::WireError;
use omni_protocol::envelope::{self, Content};
use omni_protocol::frame::{ClientFrame, ServerFrame, from_bytes, to_bytes};
use omni_protocol::limits::{SERVER_FRAME_BYTES_MAX, ZSTD_LEVEL};
use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use zstd::bulk::{Compressor, Decompressor};

/// A frame leaves within this, or the connection is dead.
const SEND_TIMEOUT: Duration = Duration::from_secs(20);
/// A goodbye may take this long.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

thread_local! {
    // To make one takes longer than to pack a page with it.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

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
        let message = seal(frame)?;
        let sending = async {
            match self {
                Sender::Live(socket, traffic) => {
                    traffic.sent.fetch_add(message.len() as u64, Ordering::Relaxed);
                    socket.send(message).await
                }
                Sender::Http(exchange) => exchange.send(&message).await,
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
        let message = match self {
            Receiver::Live(socket, traffic) => {
                let message = socket.receive().await?;
                traffic.received.fetch_add(message.as_ref().map_or(0, Vec::len) as u64, Ordering::Relaxed);
                message
            }
            Receiver::Http(exchange) => exchange.receive().await?,
        };
        message.map(|bytes| open(&bytes)).transpose()
    }
}

fn seal(frame: &ClientFrame) -> Result<Vec<u8>> {
    let pack = |cbor: &[u8]| compress(cbor).map_err(|e| internal("Packing a message", e));
    envelope::wrap(&to_bytes(frame), pack)
}

fn compress(cbor: &[u8]) -> std::io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|slot| match slot {
        Some(kept) => kept.compress(cbor),
        None => slot.insert(Compressor::new(ZSTD_LEVEL)?).compress(cbor),
    })
}

fn decompress(packed: &[u8]) -> std::io::Result<Vec<u8>> {
    // A length that is not said, or is a lie, only costs memory within the limit.
    let said = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten().unwrap_or(u64::MAX);
    let room = usize::try_from(said).unwrap_or(usize::MAX).min(SERVER_FRAME_BYTES_MAX);
    DECOMPRESSOR.with_borrow_mut(|slot| match slot {
        Some(kept) => kept.decompress(packed, room),
        None => slot.insert(Decompressor::new()?).decompress(packed, room),
    })
}

fn open(message: &[u8]) -> Result<ServerFrame> {
    let bad = || WireError::retryable("bad_frame", "A message of central cannot be read.");
    let cbor = match envelope::content(message).ok_or_else(bad)? {
        Content::Raw(cbor) => Cow::Borrowed(cbor),
        Content::Zstd(packed) => Cow::Owned(decompress(packed).map_err(|_| bad())?),
    };
    from_bytes(&cbor).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_frames_are_packed_and_foreign_bytes_refused() {
        let long = seal(&ClientFrame::Push(vec![7; 4_000].into())).unwrap();
        assert!(matches!(envelope::content(&long), Some(Content::Zstd(_))));
        assert!(matches!(envelope::content(&seal(&ClientFrame::Ack { seq: 1 }).unwrap()), Some(Content::Raw(_))));
        for bytes in [&[][..], &[2, 1], &[0], &[1, 9, 9], &[0, 0x81, 0x81]] {
            assert_eq!(open(bytes).unwrap_err().code, "bad_frame");
        }
    }
}
