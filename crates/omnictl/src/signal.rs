//! The wish to stop.

/// Returns once the process is told to stop: SIGTERM or Ctrl-C.
#[cfg(unix)]
pub async fn stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupted = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! { _ = terminate.recv() => {}, _ = interrupted => {} },
        Err(_) => drop(interrupted.await),
    }
}

/// Returns once the process is told to stop: Ctrl-C.
#[cfg(not(unix))]
pub async fn stop() {
    drop(tokio::signal::ctrl_c().await);
}
