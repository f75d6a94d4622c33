//! What carries the frames of one session: a WebSocket, or an exchange over plain HTTP where none gets through.

use super::envelope::Envelope;
use super::exchange::{Inbound, Outbound};
use crate::error::{CentralError, Result};
use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::time::timeout;

/// A frame must leave within this; a peer that does not read is let go.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(20);

/// The sending half.
pub enum Sink {
    /// Live.
    Socket(SplitSink<WebSocket, Message>),
    /// Fetched by the laptop.
    Exchange(Outbound),
}

/// The receiving half.
pub enum Stream {
    /// Live.
    Socket(SplitStream<WebSocket>),
    /// Posted by the laptop.
    Exchange(Inbound),
}

/// What came in.
pub enum Incoming {
    /// An envelope.
    Envelope(Bytes),
    /// Something that carries no frame, but shows that the peer is there.
    Alive,
    /// The peer is gone.
    Closed,
}

/// Both halves of a WebSocket.
pub fn socket(socket: WebSocket) -> (Sink, Stream) {
    let (sink, stream) = socket.split();
    (Sink::Socket(sink), Stream::Socket(stream))
}

impl Sink {
    /// Sends one envelope.
    ///
    /// Errors: `disconnected`.
    pub async fn send(&mut self, envelope: Envelope) -> Result<()> {
        let sending = async {
            match self {
                Sink::Socket(sink) => sink
                    .send(Message::Binary(envelope))
                    .await
                    .map_err(|e| CentralError::retryable("disconnected", "The connection broke.").because(e)),
                Sink::Exchange(out) => out.send(envelope).await,
            }
        };
        match timeout(SEND_TIMEOUT, sending).await {
            Ok(sent) => sent,
            Err(_) => Err(CentralError::retryable("disconnected", "The peer does not read.")),
        }
    }

    /// Says goodbye, without waiting for long.
    pub async fn close(&mut self) {
        if let Sink::Socket(sink) = self {
            let _ = timeout(Duration::from_secs(1), sink.close()).await;
        }
    }
}

impl Stream {
    /// What comes next. Cancel safe.
    ///
    /// Errors: `too_large` and `bad_frame`, to be told to the peer.
    pub async fn next(&mut self) -> Result<Incoming> {
        match self {
            Stream::Exchange(inbound) => Ok(inbound.recv().await.map_or(Incoming::Closed, Incoming::Envelope)),
            Stream::Socket(stream) => match stream.next().await {
                None | Some(Ok(Message::Close(_))) => Ok(Incoming::Closed),
                Some(Ok(Message::Binary(bytes))) => Ok(Incoming::Envelope(bytes)),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(Incoming::Alive),
                Some(Ok(Message::Text(_))) => Err(CentralError::new("bad_frame", "Frames are binary messages.")),
                Some(Err(e)) => broken(&e),
            },
        }
    }
}

/// The transport refused a message. Too large is said; a lost connection needs no words.
fn broken(error: &axum::Error) -> Result<Incoming> {
    let text = error.to_string();
    match ["too long", "too big", "too large"].iter().any(|words| text.contains(words)) {
        true => Err(CentralError::new("too_large", "The message is larger than a frame may be.")),
        false => Ok(Incoming::Closed),
    }
}
