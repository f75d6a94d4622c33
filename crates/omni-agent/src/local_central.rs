//! A central of one's own: the `omni-central` program as a side process, with its data in the data folder. Listens on
//! loopback only.

use crate::error::{Result, internal};
use crate::folder::Paths;
use omni_protocol::WireError;
use serde_json::Value as Json;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The program's name.
const PROGRAM: &str = if cfg!(windows) { "omni-central.exe" } else { "omni-central" };
/// Filling the sample and starting takes a few seconds; a slow disk gets more.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// After being told to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Any free port.
const ANY_PORT: &str = "127.0.0.1:0";

/// A running side process. Killed with this app at the latest.
#[derive(Debug)]
pub struct LocalCentral {
    child: Child,
    address: String,
}

fn error(message: impl Into<String>) -> WireError {
    WireError::retryable("local_central", message)
}

/// The program beside this one, else on the path.
fn program() -> PathBuf {
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join(PROGRAM)));
    beside.filter(|p| p.is_file()).unwrap_or_else(|| PathBuf::from(PROGRAM))
}

impl LocalCentral {
    /// Starts it with its sample (the first time) at a port of its own choice.
    pub async fn first(paths: &Paths) -> Result<LocalCentral> {
        LocalCentral::spawn(paths, ANY_PORT, true).await
    }

    /// Starts it again at the address the laptop knows it by.
    pub async fn start(paths: &Paths, address: &str) -> Result<LocalCentral> {
        LocalCentral::spawn(paths, address.trim_start_matches("http://"), false).await
    }

    async fn spawn(paths: &Paths, listen: &str, sample: bool) -> Result<LocalCentral> {
        let mut command = Command::new(program());
        command.arg("serve").arg("--data").arg(paths.central()).args(["--listen", listen, "--metrics", ANY_PORT]);
        if sample {
            command.arg("--sample");
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|e| error(format!("{PROGRAM} could not be started: {e}.")))?;
        let stdout = child.stdout.take().ok_or_else(|| error(format!("{PROGRAM} has no output.")))?;
        let mut lines = BufReader::new(stdout).lines();
        let line = match tokio::time::timeout(START_TIMEOUT, lines.next_line()).await {
            Ok(Ok(Some(line))) => line,
            Ok(_) => return Err(error(format!("{PROGRAM} ended while starting. Run it by hand to see why."))),
            Err(_) => return Err(error(format!("{PROGRAM} did not start in time."))),
        };
        let told: Json = serde_json::from_str(&line).map_err(|e| internal("Starting the local central", e))?;
        if let Some(message) = told["error"]["message"].as_str() {
            return Err(error(message));
        }
        let address =
            told["listening"].as_str().ok_or_else(|| error("The local central names no address."))?.to_owned();
        // Its output stays open, so that it can go on writing.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(LocalCentral { child, address })
    }

    /// Where it listens, `http://127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A one-time code for this laptop.
    pub async fn enrol_code(&self, paths: &Paths, operator: &str) -> Result<String> {
        let mut command = Command::new(program());
        command.arg("enrol-code").arg("--data").arg(paths.central());
        command.args(["--operator", operator, "--role", "admin", "--json"]).stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.map_err(|e| error(format!("{PROGRAM} could not be started: {e}.")))?;
        let told: Json = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let code = told["code"].as_str().map(str::to_owned);
        code.ok_or_else(|| error(told["error"]["message"].as_str().unwrap_or("No enrolment code was made.")))
    }

    /// Tells it to stop and waits.
    pub async fn stop(mut self) {
        #[cfg(unix)]
        if let Some(pid) =
            self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw)
        {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        if tokio::time::timeout(STOP_TIMEOUT, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}
