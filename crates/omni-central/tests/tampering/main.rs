//! A thousand random tamperings of a central's database, each on a copy of its own: `verify` finds every one, and the share
//! a laptop finds alone at its next contact is measured.
//!
//! A tampering is one act with SQL behind central's back that leaves at least one column of one row with another value, or
//! a row more or fewer. Columns of bookkeeping that say nothing about the past are left alone: the fence and the access
//! counter of the log head, and the order numbers of batches.

mod forge;
mod kit;

use forge::Forger;
use kit::{Book, KEY, Rng, open};
use omni_central::ledger;
use omni_central::storage::StorageExt;
use omni_central::verify::{Depth, verify};
use omni_protocol::Grants;
use omni_sync::ledger::Need;
use std::collections::BTreeMap;

const TAMPERINGS: u32 = 1_000;

fn is_found(file: &std::path::Path, depth: Depth) -> bool {
    let key = KEY.verifying_key().to_bytes();
    // What cannot even be opened or read is found, too.
    open(file).and_then(|s| s.reading(|tx| Ok(!verify(tx, Some(&key), depth).is_sound()))).unwrap_or(true)
}

/// What a laptop says after a contact: `Some(true)` = tampering, `Some(false)` = trusts, `None` = central cannot answer.
fn contact(book: &Book, file: &std::path::Path, random: &[u64]) -> Option<bool> {
    let (mut watch, all, key) = (book.watch.clone(), Grants::everything(), KEY.verifying_key().to_bytes());
    let from = watch.newest().map_or(0, |h| h.head.size);
    let storage = open(file).ok()?;
    let answer = storage.reading(|tx| ledger::head(tx, from)).ok()??;
    let size = answer.head.head.size;
    let proof = match watch.need(&answer.head, &key) {
        Err(_) => return Some(true),
        Ok(Need::Consistency { from: other }) if other != from => {
            storage.reading(|tx| omni_sync::ledger::consistency(tx, other, size)).ok()?
        }
        Ok(_) => answer.proof,
    };
    if watch.trust(answer.head, &proof, &key, &all).is_err() {
        return Some(true);
    }
    let seqs = watch.spots(&book.kept.keys().copied().collect::<Vec<u64>>(), random);
    let proofs = storage.reading(|tx| ledger::proofs(tx, &seqs, size, &all)).ok()?;
    if proofs.len() < seqs.len() {
        return Some(true);
    }
    Some(proofs.iter().any(|p| watch.compare(&book.kept[&p.leaf.seq], p, &all).is_err()))
}

#[test]
fn a_thousand_tamperings_are_found() {
    let book = kit::build();
    assert_eq!(kit::report(&book.file).differences, [], "an honest database is sound");
    let mut rng = Rng(42);
    assert_eq!(contact(&book, &book.file, &rng.numbers()), Some(false), "an honest central is trusted");

    let bytes = std::fs::read(&book.file).unwrap();
    let file = book.file.with_file_name("tampered.db");
    let (mut missed, mut by_laptop, mut refused) = (Vec::new(), 0, 0);
    let mut by_table: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for n in 0..TAMPERINGS {
        std::fs::write(&file, &bytes).unwrap();
        let (table, act) = Forger::open(&file).tamper(&mut rng);
        let laptop = contact(&book, &file, &rng.numbers());
        let row = by_table.entry(table).or_default();
        row.0 += 1;
        row.1 += u32::from(laptop == Some(true));
        by_laptop += u32::from(laptop == Some(true));
        refused += u32::from(laptop.is_none());
        // What is not the records' state must show without making it anew, as backups are checked.
        let depth = if n % 4 == 0 { Depth::Sums } else { Depth::Whole };
        if !is_found(&file, depth) {
            missed.push(act);
        }
    }
    println!("verify found {} of {TAMPERINGS}", TAMPERINGS as usize - missed.len());
    println!("one contact of one laptop found {by_laptop}; in {refused} more central could not answer it");
    by_table.iter().for_each(|(table, (made, seen))| println!("  {table:16} {seen:4} of {made:4} by the laptop"));
    assert!(missed.is_empty(), "not found: {missed:#?}");
    assert!(by_laptop > 0);
}
