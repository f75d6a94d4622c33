//! Signing heads of the ledger, and what laptops ask of it. The tree itself is the storage's.

use crate::storage::{Directory, ReadTx, WriteTx};
use ed25519_dalek::SigningKey;
use omni_protocol::{Grants, Hash};
use omni_sync::StorageError;
use omni_sync::ledger::{HeadAnswer, LeafProof, SPOT_CHECKS, SignedHead, TreeHead, consistency, inclusion};

/// The setting with the public keys heads were signed with, 32 bytes each, the present one last.
const KEYS: &str = "ledger_keys";

type Result<T> = std::result::Result<T, StorageError>;

/// The public keys heads were signed with, the present one last; none before the first start with a ledger.
pub fn keys(directory: &(impl Directory + ?Sized)) -> Result<Vec<[u8; 32]>> {
    let bytes = directory.setting(KEYS)?.unwrap_or_default();
    match bytes.as_chunks() {
        (keys, []) => Ok(keys.to_vec()),
        _ => Err(StorageError::corrupt("ledger keys")),
    }
}

/// At every start and restore: notes the key, and signs what is not signed yet.
pub fn begin(tx: &mut dyn WriteTx, key: &SigningKey, now_ms: i64) -> Result<()> {
    let (mut known, own) = (keys(&*tx)?, key.verifying_key().to_bytes());
    if known.last() != Some(&own) {
        known.retain(|k| *k != own);
        known.push(own);
        tx.put_setting(KEYS, known.as_flattened())?;
    }
    sign(tx, key, now_ms)
}

/// Signs a head over everything the transaction has written, if it wrote anything the last one does not stand for.
pub fn sign(tx: &mut dyn WriteTx, key: &SigningKey, now_ms: i64) -> Result<()> {
    let (summary, head, last) = (tx.ledger()?, tx.head()?, tx.tree_head()?);
    let previous = match &last {
        // It takes the place of that one.
        Some(last) if (last.head.epoch, last.head.size) == (head.position.epoch, summary.size) => last.head.previous,
        Some(last) => last.identity(),
        None => Hash::default(),
    };
    let (epoch, size, root, state, forks) =
        (head.position.epoch, summary.size, summary.root, summary.state, summary.forks);
    let new = TreeHead { epoch, size, root, at_ms: now_ms, forks, state, previous };
    // Its signature is looked at only where it would be kept: checking one takes longer than making one.
    let stands = |last: SignedHead| {
        last.head == TreeHead { at_ms: last.head.at_ms, ..new.clone() }
            && last.is_genuine(&key.verifying_key().to_bytes())
    };
    if last.is_some_and(stands) {
        return Ok(());
    }
    tx.put_tree_head(&new.sign(key))
}

/// The newest signed head, with the proof that it continues the tree of `from` commits. `None` = nothing is signed yet.
pub fn head(tx: &dyn ReadTx, from: u64) -> Result<Option<HeadAnswer>> {
    let Some(head) = tx.tree_head()? else { return Ok(None) };
    let proof = consistency(tx, from, head.head.size)?;
    Ok(Some(HeadAnswer { head, proof }))
}

/// Proofs of some commits in the tree of `size`, cut to what `grants` may read, each leaf made from the rows as they are
/// now. Commits that are not there are left out; at most `SPOT_CHECKS` are proven.
pub fn proofs(tx: &dyn ReadTx, seqs: &[u64], size: u64, grants: &Grants) -> Result<Vec<LeafProof>> {
    let mut out = Vec::new();
    for seq in seqs.iter().copied().filter(|seq| *seq > 0 && *seq <= size).take(SPOT_CHECKS) {
        if let Some(leaf) = tx.leaf(seq)? {
            out.push(LeafProof { leaf: leaf.cut(grants), path: inclusion(tx, seq - 1, size)? });
        }
    }
    Ok(out)
}
