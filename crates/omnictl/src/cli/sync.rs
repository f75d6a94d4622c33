//! Joining and exchanging: `enrol`, `status`, `sync`, `verify`.

use super::read::shaped;
use crate::laptop::{Laptop, Result, usage};
use crate::output::{counted, pairs, show};
use crate::signal;
use clap::Args;
use omni_protocol::WireError;
use omni_protocol::rpc::{Status, VerifyReport};
use serde_json::{Value as Json, json};

/// Longest wait, seconds.
const TIMEOUT_S_MAX: f64 = 86_400.0;

/// Flags of `enrol`.
#[derive(Debug, Args)]
pub struct EnrolArgs {
    /// Address of central.
    #[arg(long, value_name = "URL")]
    central: String,
    /// The one-time code.
    #[arg(long)]
    code: String,
    /// Name of this device, for people [default: the host's].
    #[arg(long)]
    name: Option<String>,
}

/// Flags of `sync`.
#[derive(Debug, Args)]
pub struct SyncArgs {
    /// Returns when the queue is empty and the copy is at central's head; fails if that is not so in time.
    #[arg(long)]
    until_idle: bool,
    /// Longest wait, seconds.
    #[arg(long, value_name = "S", default_value_t = 60.0)]
    timeout: f64,
}

/// Flags of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Longest wait for central, seconds.
    #[arg(long, value_name = "S", default_value_t = 60.0)]
    timeout: f64,
}

/// Seconds as they were given. Errors: `usage`.
fn seconds(given: f64) -> Result<f64> {
    match (0.0..=TIMEOUT_S_MAX).contains(&given) {
        true => Ok(given),
        false => Err(usage(format!("--timeout is a number of seconds from 0 to {TIMEOUT_S_MAX}."))),
    }
}

/// Runs until it is done or somebody wants it to stop.
async fn unless_stopped(work: impl Future<Output = Result<Json>>) -> Result<Json> {
    tokio::select! {
        done = work => done,
        () = signal::stop() => Err(WireError::retryable("interrupted", "Stopped before it was done. Nothing is lost.")),
    }
}

/// `enrol`.
pub async fn enrol(args: EnrolArgs, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let passphrase = laptop.passphrase()?;
    let ask = json!({
        "central": args.central,
        "code": args.code,
        "name": args.name.unwrap_or_else(host_name),
        "passphrase": passphrase.as_deref(),
    });
    let reply = laptop.call("enrol.join", ask).await?;
    show(json, &reply, || {
        let text = |name: &str| reply[name].as_str().unwrap_or_default().to_owned();
        format!(
            "Enrolled for {}.\n{}\n\nRecovery code, shown once: {}\nKeep it apart from this laptop. It opens the copy when the \
             {} is lost.\n\nFetch the portfolio with: omnictl sync --until-idle",
            text("operator"),
            pairs([("device", text("device")), ("replica", text("replica"))]),
            text("recovery_code"),
            if passphrase.is_some() { "passphrase" } else { "keychain" },
        )
    })
}

fn host_name() -> String {
    let known = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let named = known.or_else(|| std::env::var("HOSTNAME").ok()).or_else(|| std::env::var("COMPUTERNAME").ok());
    named.map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()).unwrap_or_else(|| "laptop".to_owned())
}

/// `status`.
pub async fn status(laptop: &mut Laptop, json: bool) -> Result<u8> {
    let reply = laptop.call("status", json!({})).await?;
    print_status(reply, json)
}

fn print_status(reply: Json, json: bool) -> Result<u8> {
    let status: Status = shaped("status", reply.clone())?;
    show(json, &reply, || status_text(&status))
}

fn status_text(s: &Status) -> String {
    let or_unknown = |known: Option<String>| known.unwrap_or_else(|| "unknown".to_owned());
    let place = match (s.cursor, s.head) {
        (Some(cursor), Some(head)) => format!("{cursor} of {head}"),
        (Some(cursor), None) => format!("{cursor}, central's head is unknown"),
        _ => "unknown".to_owned(),
    };
    let accuracy = s.accuracy.map(|a| format!("{:.4} %", a * 100.0));
    let latency = s.latency_ms.p50.zip(s.latency_ms.p99).map(|(a, b)| format!("p50 {a:.1} ms, p99 {b:.1} ms"));
    let waiting = format!("{} waiting, {} on their way", s.queued, s.sending);
    let attention =
        format!("{}, {}", counted(s.needs_attention, "edit", "edits"), counted(s.conflicts, "conflict", "conflicts"));
    let rows = [
        ("state", s.state.clone()),
        ("since", or_unknown(s.since.clone())),
        ("last answer", or_unknown(s.evidence_at.clone())),
        ("copy at", place),
        ("behind", or_unknown(s.lag_s.map(|l| format!("{l:.0} s")))),
        ("edits", waiting),
        ("need you", attention),
        ("records", s.rows.to_string()),
        ("accuracy", or_unknown(accuracy)),
        ("edit to answer", or_unknown(latency)),
        (
            "sent, received",
            format!("{}, {}", counted(s.bytes.sent, "byte", "bytes"), counted(s.bytes.received, "byte", "bytes")),
        ),
        ("central", or_unknown(s.central.clone())),
    ];
    format!("{}\n\n{}", s.sentence, pairs(rows))
}

/// `sync`. Without `--until-idle` it is enough to have connected and to have exchanged what fitted in the time.
pub async fn sync(args: SyncArgs, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let timeout_s = seconds(args.timeout)?;
    let reply = unless_stopped(async {
        if !args.until_idle {
            laptop.call("sync.wait", json!({"timeout_s": timeout_s, "until_idle": false})).await?;
        }
        match laptop.call("sync.wait", json!({"timeout_s": timeout_s, "until_idle": true})).await {
            Err(e) if e.code == "timeout" && !args.until_idle => laptop.call("status", json!({})).await,
            answer => answer,
        }
    });
    print_status(reply.await?, json)
}

/// `verify`: exit 1 on any difference.
pub async fn verify(args: VerifyArgs, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let timeout_s = seconds(args.timeout)?;
    let reply = unless_stopped(async {
        laptop.connect(timeout_s).await?;
        laptop.call("verify", json!({})).await
    });
    let reply = reply.await?;
    let report: VerifyReport = shaped("verify", reply.clone())?;
    show(json, &reply, || verify_text(&report))?;
    Ok(u8::from(!report.equal))
}

fn verify_text(report: &VerifyReport) -> String {
    let scopes = counted(report.scopes, "scope", "scopes");
    match report.equal {
        true => format!("This copy equals central's at commit {}: {scopes} compared.", report.seq),
        false => format!(
            "This copy differs from central's at commit {}, in {} of {scopes}:\n{}",
            report.seq,
            report.differing.len(),
            report.differing.join("\n")
        ),
    }
}

#[cfg(test)]
#[path = "sync_tests.rs"]
mod tests;
