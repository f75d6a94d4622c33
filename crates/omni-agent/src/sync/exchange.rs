//! Frames over plain HTTP: posted one call at a time, fetched by a call that waits for them. Any failed call ends the
//! connection, as a broken socket does.

use super::socket::lost;
use crate::client::Client;
use crate::error::Result;
use omni_protocol::WireError;
use omni_protocol::envelope;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Envelopes fetched and not yet read.
const WAITING_MAX: usize = 16;

/// The sending half.
#[derive(Debug)]
pub struct Sender {
    client: Client,
    id: String,
}

/// The receiving half. Reading from it may be interrupted without loss: a task of its own does the calls.
#[derive(Debug)]
pub struct Receiver {
    queue: mpsc::Receiver<Result<Vec<u8>>>,
    task: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Begins an exchange.
///
/// Errors: `central_unreachable`, `busy`, …
pub async fn connect(client: &Client) -> Result<(Sender, Receiver)> {
    let id = client.exchange_begin().await?;
    let (fetched, queue) = mpsc::channel(WAITING_MAX);
    let task = tokio::spawn(fetch(client.clone(), id.clone(), fetched));
    Ok((Sender { client: client.clone(), id }, Receiver { queue, task }))
}

async fn fetch(client: Client, id: String, fetched: mpsc::Sender<Result<Vec<u8>>>) {
    loop {
        let answer = client.exchange_fetch(&id).await;
        let parts = match &answer {
            Ok(body) => envelope::split(body).ok_or_else(|| lost("an answer is torn")),
            Err(e) => Err(e.clone()),
        };
        let failed = parts.is_err();
        let parts = parts.map_or_else(|e| vec![Err(e)], |parts| parts.into_iter().map(|p| Ok(p.to_vec())).collect());
        for part in parts {
            if fetched.send(part).await.is_err() {
                return;
            }
        }
        if failed {
            return;
        }
    }
}

impl Sender {
    /// Brings one envelope.
    pub async fn send(&mut self, message: &[u8]) -> Result<()> {
        let mut body = Vec::with_capacity(message.len() + envelope::LENGTH_BYTES);
        envelope::push(&mut body, message);
        self.client.exchange_bring(&self.id, body).await
    }

    /// Says goodbye.
    pub async fn close(&self) {
        let _ = self.client.exchange_end(&self.id).await;
    }
}

impl Receiver {
    /// The next envelope; `None` once central ended the exchange.
    pub async fn receive(&mut self) -> Result<Option<Vec<u8>>> {
        match self.queue.recv().await {
            None => Ok(None),
            Some(Err(WireError { code, .. })) if code == "exchange_ended" => Ok(None),
            Some(fetched) => fetched.map(Some),
        }
    }
}
