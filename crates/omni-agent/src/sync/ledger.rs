//! Central's ledger, watched: at each contact a proof that its history continues the one this laptop trusts, and a look at
//! old commits. What does not fit stops the exchange; the evidence is kept.

use crate::client::Client;
use crate::error::{Result, internal, store_error};
use crate::{clock, ids};
use minicbor::bytes::ByteVec;
use omni_protocol::frame::{from_bytes, to_bytes};
use omni_protocol::{Grants, Hash, Part, Scope, WireError};
use omni_store::{Store, StoreError, WriteTx};
use omni_sync::ledger::{Evidence, KeptCommit, LeafProof, Need, SPOT_CHECKS, SignedHead, Tampering, Watch};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The fact that holds the watch.
const WATCH: &str = "ledger_watch";
/// The fact that is there while the exchange is stopped: the commit that did not fit, 0 = the head.
const STOPPED: &str = "ledger_stopped";
/// The fact with the last evidence. It stays when the exchange goes on.
const EVIDENCE: &str = "ledger_evidence";
/// Central proves its history within this, or the contact is tried again.
const CONTACT_TIMEOUT: Duration = Duration::from_secs(10);
/// Commits looked through for the one before in a scope.
const BEFORE_MAX: u64 = 256;

/// What did not fit.
#[derive(Debug)]
pub struct Found {
    /// What is wrong.
    pub tampering: Tampering,
    /// As it was found.
    pub evidence: Evidence,
}

impl Found {
    fn new(tampering: Tampering, watch: &Watch, given: Option<SignedHead>) -> Found {
        let evidence = Evidence {
            found: tampering.to_string(),
            trusted: watch.newest().cloned(),
            given,
            proof: Vec::new(),
            leaf: None,
            kept: Vec::new(),
            at_ms: clock::wall_ms(),
        };
        Found { tampering, evidence }
    }

    fn seq(&self) -> u64 {
        match self.tampering {
            Tampering::NotIncluded { seq } | Tampering::PartDiffers { seq } | Tampering::PartMissing { seq } => seq,
            _ => 0,
        }
    }
}

/// Demands the proof and trusts the new head. `None` = all is well. A central from before the ledger is let be as long as
/// it never showed one.
pub async fn contact(
    client: &Client,
    token: &str,
    watch: &mut Watch,
    key: &[u8; 32],
    grants: &Grants,
) -> Result<Option<Found>> {
    let late = |_| WireError::retryable("timeout", "Central did not prove its history in time.");
    tokio::time::timeout(CONTACT_TIMEOUT, prove(client, token, watch, key, grants)).await.map_err(late)?
}

/// A further contact in the course of a session.
#[derive(Debug)]
pub struct Proven {
    /// The watch it began with.
    pub before: Watch,
    /// The watch that trusts the new head too.
    pub after: Watch,
    /// What did not fit.
    pub found: Option<Box<Found>>,
}

/// Demands the proof of the newest head once more.
pub async fn again(client: Client, token: String, store: Store, key: [u8; 32], grants: Grants) -> Result<Proven> {
    let before = blocking(move || store.read(|tx| tx.fact(WATCH)).map_err(store_error)).await?;
    let before: Watch = before.and_then(|bytes| from_bytes(&bytes).ok()).unwrap_or_default();
    let mut after = before.clone();
    let found = contact(&client, &token, &mut after, &key, &grants).await?.map(Box::new);
    Ok(Proven { before, after, found })
}

async fn prove(
    client: &Client,
    token: &str,
    watch: &mut Watch,
    key: &[u8; 32],
    grants: &Grants,
) -> Result<Option<Found>> {
    let from = watch.newest().map_or(0, |signed| signed.head.size);
    let answer = match client.ledger_head(token, from).await {
        Err(e) if e.code == "not_found" && watch.newest().is_none() => return Ok(None),
        answer => answer?,
    };
    let proof = match watch.need(&answer.head, key) {
        Err(tampering) => return Ok(Some(Found::new(tampering, watch, Some(answer.head)))),
        Ok(Need::Consistency { from: basis }) if basis != from => {
            client.ledger_consistency(token, basis, answer.head.head.size).await?
        }
        Ok(_) => answer.proof,
    };
    Ok(watch.trust(answer.head.clone(), &proof, key, grants).err().map(|tampering| {
        let mut found = Found::new(tampering, watch, Some(answer.head));
        found.evidence.proof = proof;
        found
    }))
}

/// Compares old commits with the history: `suspect` first, the rest by chance.
pub async fn spots(
    client: Client,
    token: String,
    store: Store,
    watch: Watch,
    grants: Grants,
    suspect: Option<u64>,
) -> Result<Option<Found>> {
    let Some(size) = watch.newest().map(|signed| signed.head.size) else { return Ok(None) };
    let (choosing, kept) = (store.clone(), watch.clone());
    let seqs = blocking(move || {
        let all = choosing.read(|tx| tx.kept_seqs()).map_err(store_error)?;
        Ok(chosen(&kept, &all, suspect.filter(|seq| *seq <= size)))
    })
    .await?;
    if seqs.is_empty() {
        return Ok(None);
    }
    let proofs = client.ledger_proofs(&token, &seqs, size).await?;
    blocking(move || {
        for seq in seqs {
            // Forgotten meanwhile, as too old.
            let Some(mine) = kept_commit(&store, seq)? else { continue };
            let proof = proofs.iter().find(|p| p.leaf.seq == seq);
            let compared = match proof {
                Some(proof) => watch.compare(&mine, proof, &grants),
                None => Err(Tampering::NotIncluded { seq }),
            };
            if let Err(tampering) = compared {
                return Ok(Some(evidence(tampering, &watch, proof, mine)));
            }
        }
        Ok(None)
    })
    .await
}

fn chosen(watch: &Watch, kept: &[u64], suspect: Option<u64>) -> Vec<u64> {
    let random: Vec<u64> = (0..SPOT_CHECKS).map(|_| u64::from_le_bytes(ids::random::<8>())).collect();
    let mut seqs: Vec<u64> = suspect.into_iter().filter(|seq| kept.binary_search(seq).is_ok()).collect();
    seqs.extend(watch.spots(kept, &random).into_iter().filter(|seq| Some(*seq) != suspect));
    seqs.truncate(SPOT_CHECKS);
    seqs
}

fn evidence(tampering: Tampering, watch: &Watch, proof: Option<&LeafProof>, mine: KeptCommit) -> Found {
    let mut found = Found::new(tampering, watch, watch.newest().cloned());
    found.evidence.leaf = proof.cloned();
    found.evidence.kept = mine.parts.into_iter().map(ByteVec::from).collect();
    found
}

fn scope_of(part: &[u8]) -> Option<Scope> {
    minicbor::decode::<Part>(part).ok().map(|p| p.scope)
}

/// A commit of the history, with the parts before it in its scopes.
fn kept_commit(store: &Store, seq: u64) -> Result<Option<KeptCommit>> {
    let read = store.read(|tx| match tx.commit_parts(seq)? {
        Some(parts) => Ok(Some((parts, tx.parts_before(seq, BEFORE_MAX)?))),
        None => Ok(None),
    });
    let Some((parts, earlier)) = read.map_err(store_error)? else { return Ok(None) };
    let mut wanted: BTreeSet<Scope> = parts.iter().filter_map(|p| scope_of(p)).collect();
    let mut before = BTreeMap::new();
    for (at, parts) in earlier {
        for part in parts {
            if let Some(scope) = scope_of(&part).filter(|scope| wanted.remove(scope)) {
                before.insert(scope, (at, part));
            }
        }
    }
    Ok(Some(KeptCommit { seq, parts, before }))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| internal("Looking at central's history", e))?
}

/// The watch as stored, and the commit that stopped the exchange, if one did.
pub fn load(tx: &WriteTx<'_>) -> std::result::Result<(Watch, Option<u64>), StoreError> {
    let watch = tx.fact(WATCH)?.and_then(|bytes| from_bytes(&bytes).ok()).unwrap_or_default();
    Ok((watch, stopped(tx.fact(STOPPED)?)))
}

fn stopped(fact: Option<Vec<u8>>) -> Option<u64> {
    Some(u64::from_le_bytes(fact?.try_into().unwrap_or_default()))
}

/// Whether the exchange was stopped when the program ended.
pub fn was_stopped(store: &Store) -> Result<bool> {
    Ok(store.read(|tx| tx.fact(STOPPED)).map_err(store_error)?.is_some())
}

/// The head is trusted: the exchange goes on.
pub fn keep(tx: &mut WriteTx<'_>, watch: &Watch) -> std::result::Result<(), StoreError> {
    tx.set_fact(WATCH, Some(&to_bytes(watch)))?;
    tx.set_fact(STOPPED, None)
}

/// A further head is trusted, unless the watch became another one meanwhile: then the next proof does it.
pub fn advance(tx: &mut WriteTx<'_>, before: &Watch, after: &Watch) -> std::result::Result<(), StoreError> {
    match load(tx)?.0 == *before {
        true => tx.set_fact(WATCH, Some(&to_bytes(after))),
        false => Ok(()),
    }
}

/// The exchange stops, with what was found.
pub fn stop(tx: &mut WriteTx<'_>, found: &Found) -> std::result::Result<(), StoreError> {
    tx.set_fact(EVIDENCE, Some(&to_bytes(&found.evidence)))?;
    tx.set_fact(STOPPED, Some(&found.seq().to_le_bytes()))
}

/// A whole copy is about to be taken: gaps in the history are no evidence from here on.
pub fn copying(tx: &mut WriteTx<'_>) -> std::result::Result<(), StoreError> {
    let (mut watch, _) = load(tx)?;
    watch.copying();
    tx.set_fact(WATCH, Some(&to_bytes(&watch)))
}

/// The whole copy stands.
pub fn copied(tx: &mut WriteTx<'_>, seq: u64) -> std::result::Result<(), StoreError> {
    let (mut watch, _) = load(tx)?;
    watch.copied(seq);
    tx.set_fact(WATCH, Some(&to_bytes(&watch)))
}

/// The last evidence for a bundle of diagnostics: everything but the values of records, of which it has the hashes.
pub fn diagnostics(store: &Store) -> Result<Json> {
    let fact = store.read(|tx| tx.fact(EVIDENCE)).map_err(store_error)?;
    let Some(found) = fact.and_then(|bytes| from_bytes::<Evidence>(&bytes).ok()) else { return Ok(Json::Null) };
    let head = |head: Option<SignedHead>| head.map(|head| ids::to_hex(&to_bytes(&head)));
    let kept = found.kept.iter().map(|part| omni_sync::ledger::part_hash(part).to_hex());
    Ok(json!({
        "found": found.found,
        "at": clock::rfc3339(found.at_ms),
        "trusted_head": head(found.trusted),
        "given_head": head(found.given),
        "proof": found.proof.iter().map(Hash::to_hex).collect::<Vec<_>>(),
        "leaf": found.leaf.map(|leaf| ids::to_hex(&to_bytes(&leaf))),
        "kept_part_hashes": kept.collect::<Vec<_>>(),
    }))
}

/// What the connection ends with.
pub fn refusal(found: &Found) -> WireError {
    WireError::new("history_rewritten", format!("Sync is stopped: {}.", found.tampering))
}
