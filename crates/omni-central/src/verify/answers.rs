//! Answers without gaps, by counter and by change, and the chain of each replica from what its laptop signed.

use super::{Links, PAGE, Report, Result};
use crate::storage::ReadTx;
use omni_protocol::{Change, ChangeId, Hash, ReplicaId};
use std::collections::{HashMap, HashSet};

/// Checks answers and replicas.
pub fn check(tx: &dyn ReadTx, links: &Links, report: &mut Report) -> Result<()> {
    let (mut last, mut answered) = (HashMap::<ReplicaId, u64>::new(), HashSet::<ChangeId>::new());
    tx.each_entry(&mut |(replica, counter, outcome)| {
        let expected = last.get(&replica).map_or(1, |last| last + 1);
        if (counter, outcome.counter) != (expected, expected) {
            report.differ("answer", format!("the answer of {replica} to {expected} is not in its place"));
        }
        last.insert(replica, counter);
        answered.insert(outcome.change);
        Ok(())
    })?;
    check_replicas(tx, links, &mut last, report)?;
    check_changes(tx, answered, report)
}

fn check_replicas(
    tx: &dyn ReadTx,
    links: &Links,
    last: &mut HashMap<ReplicaId, u64>,
    report: &mut Report,
) -> Result<()> {
    tx.each_replica(&mut |(id, state)| {
        if last.remove(&id).unwrap_or(0) != state.counter {
            report.differ("answer", format!("{id} was answered up to {}, but not by what is kept", state.counter));
            return Ok(());
        }
        if links.head(id, state.counter) != Some(state.chain) {
            report.differ("entry", format!("the chain of {id} is not what its laptop signed"));
        }
        Ok(())
    })?;
    for id in last.keys() {
        report.differ("answer", format!("answers of {id} are kept, but not the replica"));
    }
    Ok(())
}

/// Every change answered by counter is answered by id and the other way round; committed ones have their content's hash.
fn check_changes(tx: &dyn ReadTx, mut answered: HashSet<ChangeId>, report: &mut Report) -> Result<()> {
    let mut contents = HashMap::<ChangeId, Hash>::new();
    let mut at = 0;
    loop {
        let page = tx.commits_after(at, PAGE, None)?;
        let Some(end) = page.last().map(|c| c.position.seq) else { break };
        at = end;
        for commit in page {
            let change = Change::from_bytes(&commit.change).ok().filter(|c| c.id == commit.info.change);
            match change {
                Some(change) => drop(contents.insert(change.id, change.content_hash())),
                None => report.differ("commit", format!("commit {end} does not hold the change it names")),
            }
        }
    }
    tx.each_answer(&mut |(change, content, outcome)| {
        if outcome.change != change || !answered.remove(&change) {
            report.differ("answer", format!("the answer to change {change} was never given"));
        }
        if contents.get(&change).is_some_and(|made| *made != content) {
            report.differ("answer", format!("change {change} has another content than was answered"));
        }
        Ok(())
    })?;
    for change in answered {
        report.differ("answer", format!("the answer to change {change} is kept by its counter only"));
    }
    Ok(())
}
