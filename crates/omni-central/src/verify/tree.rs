//! The tree from the commits' rows, and the signed heads against it.

use super::{PAGE, Report, Result};
use crate::ledger::keys;
use crate::storage::ReadTx;
use omni_protocol::{Hash, Scope};
use omni_sync::ledger::{Frontier, PartLeaf, SignedHead};
use std::collections::{BTreeMap, HashMap};

/// Recomputes every leaf and node, then the heads.
pub fn check(tx: &dyn ReadTx, key: Option<&[u8; 32]>, report: &mut Report) -> Result<()> {
    let mut roots = BTreeMap::from([(0, Frontier::default().root())]);
    let frontier = check_nodes(tx, &mut roots, report)?;
    let (kept, differing) = tx.ledger()?;
    if (kept.size, kept.root) != (frontier.size(), frontier.root()) {
        report.differ("tree", "the tree's growing edge is not that of the log".to_owned());
    }
    for table in differing {
        report.differ("sum", format!("the rows of {table} do not add up to what was kept with every write"));
    }
    check_heads(tx, key, &roots, report)
}

fn check_nodes(tx: &dyn ReadTx, roots: &mut BTreeMap<u64, Hash>, report: &mut Report) -> Result<Frontier> {
    let (mut frontier, mut last) = (Frontier::default(), HashMap::<Scope, Hash>::new());
    let (head, forks) = (tx.head()?, tx.ledger()?.0.forks);
    let mut at = 0;
    loop {
        let page = tx.commits_after(at, PAGE, None)?;
        let Some(end) = page.last().map(|c| c.position.seq) else { break };
        for commit in page {
            let p = commit.position;
            at = p.seq;
            let fork = forks.iter().find(|(_, fork)| p.seq <= *fork);
            if p.epoch != fork.map_or(head.position.epoch, |(epoch, _)| *epoch) {
                report.differ("commit", format!("commit {} is not of the epoch the forks say", p.seq));
            }
            let Some(leaf) = tx.leaf(p.seq)? else { continue };
            for part in &leaf.parts {
                let PartLeaf::Open { scope, part, previous } = part else { continue };
                if last.insert(*scope, *part).unwrap_or_default() != *previous {
                    report.differ("tree", format!("commit {} names another part before it in {scope}", p.seq));
                }
            }
            for (node, hash) in frontier.append(&leaf.bytes()) {
                if tx.node(node).ok() != Some(hash) {
                    report.differ("tree", format!("node {node} does not follow from the rows of commit {}", p.seq));
                }
            }
            roots.insert(frontier.size(), frontier.root());
        }
        if at != end {
            break;
        }
    }
    let nodes = 2 * frontier.size() - u64::from(frontier.size().count_ones());
    if tx.node_count()? != nodes {
        report.differ("tree", format!("the tree has {} nodes, {nodes} belong to it", tx.node_count()?));
    }
    Ok(frontier)
}

fn check_heads(
    tx: &dyn ReadTx,
    key: Option<&[u8; 32]>,
    roots: &BTreeMap<u64, Hash>,
    report: &mut Report,
) -> Result<()> {
    let known = keys(tx)?;
    if known.is_empty() {
        // Never started with a ledger: there is nobody's signature to expect.
        return Ok(());
    }
    if key.is_some() && known.last() != key {
        report.differ("head", "heads are signed with a key that is not central's".to_owned());
    }
    let mut before: Option<SignedHead> = None;
    tx.each_tree_head(&mut |((epoch, size), signed)| {
        let head = &signed.head;
        let name = format!("the head of {size} commits in epoch {epoch}");
        if (head.epoch, head.size) != (epoch, size) {
            report.differ("head", format!("{name} is another"));
        }
        if !known.iter().any(|key| signed.is_genuine(key)) {
            report.differ("head", format!("{name} is not signed by central"));
        }
        if roots.get(&head.size) != Some(&head.root) {
            report.differ("head", format!("{name} has another root than the log's"));
        }
        if before.as_ref().map(SignedHead::identity).unwrap_or_default() != head.previous {
            report.differ("head", format!("{name} does not follow the one before it"));
        }
        before = Some(signed);
        Ok(())
    })?;
    let (now, at) = (tx.ledger()?.0, tx.head()?);
    let stands = before.is_some_and(|newest| {
        let h = newest.head;
        (h.epoch, h.size, h.root, h.state) == (at.position.epoch, now.size, now.root, now.state) && h.forks == now.forks
    });
    if !stands {
        report.differ("head", "the newest signed head does not stand for the present state".to_owned());
    }
    Ok(())
}
