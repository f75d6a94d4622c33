//! Central's HTTP calls: enrolment, catch-up pages, snapshots, digests. The exchange of frames is in `sync::wire`.

use crate::error::{Result, internal};
use crate::sync::measure::Traffic;
use futures_util::StreamExt;
use omni_model::{CollectionId, RecordId};
use omni_protocol::frame::from_bytes;
use omni_protocol::limits::{EXCHANGE_BYTES_MAX, SERVER_FRAME_BYTES_MAX, SNAPSHOT_CHUNK_BYTES_MAX, ZSTD_LEVEL};
use omni_protocol::{
    BucketRows, BucketSums, ChangeId, ChunkRef, DeviceId, DigestList, FeedPage, Hash, Manifest, Originals, ReplicaId,
    Scope, SnapshotChunk, WireError,
};
use omni_sync::history::{PastCommit, PastCommits, RecordPast, RecordThen};
use omni_sync::ledger::{HeadAnswer, LeafProof};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A connection stands within this, or not at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// No byte for this long: the call failed.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Most bytes of an error answer that are read.
const ERROR_BYTES_MAX: usize = 64 * 1024;
/// Most bytes of a manifest: some thousands of owners and chunks.
const MANIFEST_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most bytes of an answer about the past: a page of the feed, and one commit more.
const PAST_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A point of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instant {
    /// Right after this commit.
    Seq(u64),
    /// At this time, unix milliseconds by central's clock.
    Time(i64),
}

/// What surrounds one envelope in an answer: its length, and the byte that says how it is packed.
const ENVELOPE_BYTES: usize = 5;
/// Most bytes of a head or of proofs: sixteen commits with hundreds of parts each.
const LEDGER_BYTES_MAX: usize = 1024 * 1024;

/// Body of `POST /v1/enrol`.
#[derive(Debug, Serialize)]
pub struct EnrolRequest<'a> {
    /// The code as typed.
    pub code: &'a str,
    /// The laptop's name.
    pub name: &'a str,
    /// Ed25519, 32 bytes hex.
    pub device_public_key: String,
    /// The replica the laptop starts with.
    pub replica: ReplicaId,
}

/// Answer of `POST /v1/enrol`.
#[derive(Clone, Debug, Deserialize)]
pub struct Enrolled {
    /// The device's id.
    pub device: DeviceId,
    /// The operator the code was made for.
    pub operator: String,
    /// The operator's role.
    pub role: String,
    /// Central's Ed25519 key, hex.
    pub central_public_key: String,
}

/// Answer of `POST /v1/exchange`.
#[derive(Deserialize)]
struct Exchange {
    id: String,
}

/// Calls to one central.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    traffic: Arc<Traffic>,
}

impl Client {
    /// For the central at this address.
    pub fn new(central: &str, traffic: Arc<Traffic>) -> Result<Client> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .build()
            .map_err(|e| internal("Preparing the connection to central", e))?;
        Ok(Client { http, base: checked_address(central)?, traffic })
    }

    /// The address, without a slash at its end.
    pub fn address(&self) -> &str {
        &self.base
    }

    /// The live address, `ws://…/v1/sync`.
    pub fn socket_address(&self) -> String {
        let rest = self.base.strip_prefix("http").unwrap_or(&self.base);
        format!("ws{rest}/v1/sync")
    }

    /// What counts the bytes.
    pub fn traffic(&self) -> Arc<Traffic> {
        self.traffic.clone()
    }

    /// Begins an exchange of frames over HTTP: its id.
    pub async fn exchange_begin(&self) -> Result<String> {
        let response = self.http.post(format!("{}/v1/exchange", self.base)).send().await;
        let bytes = self.body(response, ERROR_BYTES_MAX).await?;
        serde_json::from_slice::<Exchange>(&bytes).map(|e| e.id).map_err(|_| not_central())
    }

    /// Brings envelopes.
    pub async fn exchange_bring(&self, id: &str, envelopes: Vec<u8>) -> Result<()> {
        self.traffic.sent.fetch_add(envelopes.len() as u64, Ordering::Relaxed);
        let response = self.http.post(format!("{}/v1/exchange/{id}", self.base)).body(envelopes).send().await;
        self.body(response, ERROR_BYTES_MAX).await.map(drop)
    }

    /// Waits for envelopes; nothing came in time = empty.
    ///
    /// Errors: `exchange_ended`, `central_unreachable`, …
    pub async fn exchange_fetch(&self, id: &str) -> Result<Vec<u8>> {
        let response = self.http.get(format!("{}/v1/exchange/{id}", self.base)).send().await;
        self.body(response, EXCHANGE_BYTES_MAX.max(SERVER_FRAME_BYTES_MAX) + ENVELOPE_BYTES).await
    }

    /// Ends an exchange.
    pub async fn exchange_end(&self, id: &str) -> Result<()> {
        let response = self.http.delete(format!("{}/v1/exchange/{id}", self.base)).send().await;
        self.body(response, ERROR_BYTES_MAX).await.map(drop)
    }

    /// Spends a code.
    ///
    /// Errors: `code_unknown`, `code_used`, `code_expired`, `central_unreachable`, …
    pub async fn enrol(&self, request: &EnrolRequest<'_>) -> Result<Enrolled> {
        let response = self.http.post(format!("{}/v1/enrol", self.base)).json(request).send().await;
        let bytes = self.body(response, ERROR_BYTES_MAX).await?;
        serde_json::from_slice(&bytes).map_err(|_| not_central())
    }

    /// A page of the feed after a seq.
    pub async fn page(&self, token: &str, after: u64) -> Result<FeedPage> {
        let bytes = self.get(token, &format!("/v1/feed?after={after}"), SERVER_FRAME_BYTES_MAX).await?;
        from_bytes(&bytes).map_err(|_| unreadable("page"))
    }

    /// What a snapshot consists of.
    pub async fn manifest(&self, token: &str) -> Result<Manifest> {
        let bytes = self.get(token, "/v1/snapshot", MANIFEST_BYTES_MAX).await?;
        from_bytes(&bytes).map_err(|_| unreadable("snapshot"))
    }

    /// Digests of every readable scope at central's head.
    pub async fn digests(&self, token: &str) -> Result<DigestList> {
        let bytes = self.get(token, "/v1/digests", MANIFEST_BYTES_MAX).await?;
        from_bytes(&bytes).map_err(|_| unreadable("list of digests"))
    }

    /// A page of a record's past, before a seq.
    pub async fn record_past(
        &self,
        token: &str,
        of: (CollectionId, RecordId),
        before: u64,
        limit: u64,
    ) -> Result<RecordPast> {
        let (c, id) = of;
        let path = format!("/v1/history?collection={}&record={id}&before={before}&limit={limit}", c.0);
        let bytes = self.get(token, &path, PAST_BYTES_MAX).await?;
        from_bytes(&bytes).map_err(|_| unreadable("history"))
    }

    /// The commit of a change, as far as it may be read.
    pub async fn commit_of(&self, token: &str, change: ChangeId) -> Result<Option<PastCommit>> {
        let bytes = self.get(token, &format!("/v1/history/commits?change={change}"), PAST_BYTES_MAX).await?;
        let mut page: PastCommits = from_bytes(&bytes).map_err(|_| unreadable("history"))?;
        Ok(page.commits.pop())
    }

    /// A page of what a device committed in a span of commit time (unix milliseconds), before a seq.
    pub async fn commits_of(
        &self,
        token: &str,
        device: DeviceId,
        span: (i64, i64),
        before: u64,
    ) -> Result<PastCommits> {
        let (from, to) = span;
        let path = format!("/v1/history/commits?device={device}&from_ms={from}&to_ms={to}&before={before}");
        let bytes = self.get(token, &path, PAST_BYTES_MAX).await?;
        from_bytes(&bytes).map_err(|_| unreadable("history"))
    }

    /// A record right after a commit.
    pub async fn record_at(&self, token: &str, of: (CollectionId, RecordId), at: Instant) -> Result<RecordThen> {
        let (c, id) = of;
        let at = match at {
            Instant::Seq(seq) => format!("seq={seq}"),
            Instant::Time(ms) => format!("at_ms={ms}"),
        };
        let bytes = self.get(token, &format!("/v1/as-of?collection={}&record={id}&{at}", c.0), PAST_BYTES_MAX).await?;
        from_bytes(&bytes).map_err(|_| unreadable("record"))
    }

    /// The signed head of central's history, with the proof that it continues the tree of `from` commits.
    pub async fn ledger_head(&self, token: &str, from: u64) -> Result<HeadAnswer> {
        let bytes = self.get(token, &format!("/v1/ledger/head?from={from}"), LEDGER_BYTES_MAX).await?;
        from_bytes(&bytes).map_err(|_| unreadable("head"))
    }

    /// The proof that the tree of `to` commits continues that of `from`.
    pub async fn ledger_consistency(&self, token: &str, from: u64, to: u64) -> Result<Vec<Hash>> {
        let path = format!("/v1/ledger/consistency?from={from}&to={to}");
        from_bytes(&self.get(token, &path, LEDGER_BYTES_MAX).await?).map_err(|_| unreadable("proof"))
    }

    /// Proofs of commits in the tree of `size`, as far as this laptop may read them.
    pub async fn ledger_proofs(&self, token: &str, seqs: &[u64], size: u64) -> Result<Vec<LeafProof>> {
        let seqs = seqs.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        let path = format!("/v1/ledger/proof?seq={seqs}&size={size}");
        from_bytes(&self.get(token, &path, LEDGER_BYTES_MAX).await?).map_err(|_| unreadable("proof"))
    }

    /// Sums of a scope's buckets: the upper ones, or the lower ones below `under`.
    pub async fn bucket_sums(&self, token: &str, scope: Scope, under: Option<&[u16]>) -> Result<BucketSums> {
        let under = under.map(|upper| format!("&under={}", hex_list(upper))).unwrap_or_default();
        let path = format!("/v1/digest/buckets?{}{under}", scope_query(scope));
        let bytes = self.get(token, &path, SERVER_FRAME_BYTES_MAX).await?;
        from_bytes(&bytes).map_err(|_| unreadable("list of sums"))
    }

    /// What central holds of a scope in some lower buckets.
    pub async fn bucket_rows(&self, token: &str, scope: Scope, buckets: &[u16]) -> Result<BucketRows> {
        let path = format!("/v1/digest/rows?{}&buckets={}", scope_query(scope), hex_list(buckets));
        let bytes = self.get(token, &path, SERVER_FRAME_BYTES_MAX).await?;
        from_bytes(&bytes).map_err(|_| unreadable("list of rows"))
    }

    /// Signed originals this laptop is to keep, after a seq.
    pub async fn originals(&self, token: &str, after: u64) -> Result<Originals> {
        let bytes = self.get(token, &format!("/v1/originals?after={after}"), SERVER_FRAME_BYTES_MAX).await?;
        from_bytes(&bytes).map_err(|_| unreadable("page of originals"))
    }

    /// Gives a recovering central originals. `last`: there are no more.
    pub async fn offer(&self, token: &str, originals: &[u8], last: bool) -> Result<()> {
        let packed = zstd::bulk::compress(originals, ZSTD_LEVEL).map_err(|e| internal("Packing originals", e))?;
        self.traffic.sent.fetch_add(packed.len() as u64, Ordering::Relaxed);
        let address = format!("{}/v1/recover?last={last}", self.base);
        let response = self.http.post(address).bearer_auth(token).body(packed).send().await;
        self.body(response, ERROR_BYTES_MAX).await.map(drop)
    }

    /// One chunk, proven to be the one named.
    pub async fn chunk(&self, token: &str, wanted: &ChunkRef) -> Result<SnapshotChunk> {
        let path = format!("/v1/snapshot/chunk/{}", wanted.hash.to_hex());
        let bytes = self.get(token, &path, SNAPSHOT_CHUNK_BYTES_MAX).await?;
        if Hash(*blake3::hash(&bytes).as_bytes()) != wanted.hash {
            return Err(unreadable("chunk"));
        }
        from_bytes(&bytes).map_err(|_| unreadable("chunk"))
    }

    async fn get(&self, token: &str, path: &str, max: usize) -> Result<Vec<u8>> {
        let response = self.http.get(format!("{}{path}", self.base)).bearer_auth(token).send().await;
        let packed = self.body(response, max).await?;
        if path.starts_with("/v1/snapshot") {
            self.traffic.copied.fetch_add(packed.len() as u64, Ordering::Relaxed);
        }
        zstd::bulk::decompress(&packed, max).map_err(|_| unreadable("answer"))
    }

    /// The body of a good answer, or the error it carries.
    async fn body(&self, response: reqwest::Result<reqwest::Response>, max: usize) -> Result<Vec<u8>> {
        let response = response.map_err(|e| self.unreachable(&e))?;
        let status = response.status();
        let max = if status.is_success() { max } else { ERROR_BYTES_MAX };
        let mut bytes = Vec::new();
        let mut stream = response.bytes_stream();
        while let Some(part) = stream.next().await {
            let part = part.map_err(|e| self.unreachable(&e))?;
            self.traffic.received.fetch_add(part.len() as u64, Ordering::Relaxed);
            if bytes.len() + part.len() > max {
                return Err(WireError::new("too_large", "Central's answer is larger than it may be."));
            }
            bytes.extend_from_slice(&part);
        }
        if status.is_success() {
            return Ok(bytes);
        }
        Err(serde_json::from_slice::<WireError>(&bytes)
            .unwrap_or_else(|_| WireError { retryable: status.is_server_error(), ..not_central() }))
    }

    fn unreachable(&self, error: &reqwest::Error) -> WireError {
        tracing::debug!("central: {error:?}");
        let message = format!("Central at {} does not answer. Check the address, and that central runs.", self.base);
        WireError::retryable("central_unreachable", message)
    }
}

fn scope_query(scope: Scope) -> String {
    format!("owner={}&compartment={}", scope.owner, scope.compartment)
}

fn hex_list(numbers: &[u16]) -> String {
    numbers.iter().map(|n| format!("{n:x}")).collect::<Vec<_>>().join(",")
}

fn unreadable(what: &str) -> WireError {
    WireError::retryable("bad_answer", format!("The {what} from central cannot be read."))
}

fn not_central() -> WireError {
    WireError::new("not_central", "Something answers at this address, but it is not an Omni Central.")
}

/// An address as typed: `http` or `https`, a host, nothing behind it.
///
/// Errors: `bad_address`.
pub fn checked_address(text: &str) -> Result<String> {
    let bad = |why: &str| WireError::new("bad_address", format!("“{text}” is no address of a central: {why}."));
    let trimmed = text.trim().trim_end_matches('/');
    let with_scheme = if trimmed.contains("://") { trimmed.to_owned() } else { format!("http://{trimmed}") };
    let url = reqwest::Url::parse(&with_scheme).map_err(|e| bad(&e.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("it must begin with http:// or https://"));
    }
    if url.host_str().is_none_or(str::is_empty)
        || url.path() != "/"
        || url.query().is_some()
        || !url.username().is_empty()
    {
        return Err(bad("a host and a port are expected, like http://127.0.0.1:7420"));
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(bad("beyond this machine the connection must be encrypted (https://)"));
    }
    Ok(with_scheme)
}

/// Whether the address is on this machine, so that no network is needed to reach it.
pub fn is_local(address: &str) -> bool {
    reqwest::Url::parse(address).is_ok_and(|url| is_loopback(&url))
}

fn is_loopback(url: &reqwest::Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked() {
        assert_eq!(checked_address(" 127.0.0.1:7420/ ").unwrap(), "http://127.0.0.1:7420");
        assert_eq!(checked_address("https://omni.example").unwrap(), "https://omni.example");
        assert_eq!(checked_address("http://[::1]:7420").unwrap(), "http://[::1]:7420");
        for bad in ["", "ftp://x", "http://", "http://127.0.0.1/path", "http://u:p@127.0.0.1", "http://omni.example"] {
            assert_eq!(checked_address(bad).unwrap_err().code, "bad_address", "{bad}");
        }
    }
}
