//! What the app tells the page, as lines of JSON over one long answer.

use axum::body::{Body, Bytes};
use futures_util::stream;
use serde_json::{Value as Json, json};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

/// An empty line this often says that the stream lives.
const BEAT: Duration = Duration::from_secs(15);

/// The stream: begins with an empty line, ends when the app or the server does.
pub fn body(events: broadcast::Receiver<Json>, stopping: watch::Receiver<bool>) -> Body {
    let begin = Some(Bytes::from_static(b"\n"));
    let lines = stream::unfold((events, stopping, begin), |(mut events, mut stopping, begin)| async move {
        let line = match begin {
            Some(first) => first,
            None => next(&mut events, &mut stopping).await?,
        };
        Some((Ok::<_, Infallible>(line), (events, stopping, None)))
    });
    Body::from_stream(lines)
}

/// The next line; `None` = the end.
async fn next(events: &mut broadcast::Receiver<Json>, stopping: &mut watch::Receiver<bool>) -> Option<Bytes> {
    tokio::select! {
        event = events.recv() => match event {
            Ok(event) => Some(line(&event)),
            Err(RecvError::Lagged(missed)) => Some(line(&json!({"event": "lagged", "missed": missed}))),
            Err(RecvError::Closed) => None,
        },
        () = tokio::time::sleep(BEAT) => Some(Bytes::from_static(b"\n")),
        // An error here means that the server is gone.
        _ = stopping.wait_for(|stop| *stop) => None,
    }
}

fn line(event: &Json) -> Bytes {
    format!("{event}\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_come_whole_and_the_end_comes_with_the_server() {
        let (tell, events) = broadcast::channel(1);
        let (stop, stopping) = watch::channel(false);
        tell.send(json!({"event": "queue", "queued": 1})).unwrap();
        tell.send(json!({"event": "queue", "queued": 2})).unwrap();
        let read = tokio::spawn(axum::body::to_bytes(body(events, stopping), 10_000));
        while !tell.is_empty() {
            tokio::task::yield_now().await;
        }
        stop.send(true).unwrap();
        let text = String::from_utf8(read.await.unwrap().unwrap().to_vec()).unwrap();
        assert_eq!(text, "\n{\"event\":\"lagged\",\"missed\":1}\n{\"event\":\"queue\",\"queued\":2}\n");
    }
}
