//! The state the log leads to: parts are applied from the first on, what each commit did is held against its images, and
//! the outcome against records and conflict items.

use super::{PAGE, Report, Result};
use crate::replay::Replay;
use crate::storage::ReadTx;

/// Makes the state anew and compares.
pub fn check(tx: &dyn ReadTx, report: &mut Report) -> Result<()> {
    let (mut state, mut at) = (Replay::default(), 0);
    loop {
        let page = tx.commits_after(at, PAGE, None)?;
        if page.is_empty() {
            break;
        }
        for commit in page {
            at = commit.position.seq;
            let made = state.commit(commit.parts.iter().map(|(_, b)| b.as_slice()))?;
            if tx.committed(at)?.map(|c| c.images).unwrap_or_default() != made {
                report.differ("image", format!("commit {at} did something else than its images say"));
            }
        }
    }
    compare(state, tx, report)
}

fn compare(mut state: Replay, tx: &dyn ReadTx, report: &mut Report) -> Result<()> {
    tx.each_record(&mut |stored| {
        let made = state.rows.remove(&(stored.row.collection, stored.row.id));
        if made.as_ref() != Some(&stored.row).filter(|_| stored.is_live()) {
            report.differ("record", format!("record {} is not what the log leads to", stored.row.id));
        }
        Ok(())
    })?;
    for (_, id) in state.rows.keys() {
        report.differ("record", format!("record {id} is missing"));
    }
    for (_, item) in tx.conflicts(None)? {
        if state.items.remove(&item.id).as_ref() != Some(&item) {
            report.differ("conflict", format!("conflict item {} is not what the log leads to", item.id));
        }
    }
    for id in state.items.keys() {
        report.differ("conflict", format!("conflict item {id} is missing"));
    }
    Ok(())
}
