//! `history`.

use super::read::RecordArgs;
use crate::laptop::{Laptop, Result};
use crate::output::{cell, line, table, text};
use crate::times;
use clap::Args;
use serde_json::{Value as Json, json};

/// Commits asked for at once.
const WINDOW: u64 = 500;

/// Flags of `history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    #[command(flatten)]
    record: RecordArgs,
    /// Only commits before this one.
    #[arg(long, value_name = "SEQ")]
    before: Option<u64>,
    /// At most so many [default: all this laptop keeps].
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

/// Lines: the commits that touched a record, newest first.
pub async fn history(args: HistoryArgs, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let (mut before, mut left) = (args.before, args.limit.unwrap_or(u64::MAX));
    let mut shown = Vec::new();
    while left > 0 {
        let limit = left.min(WINDOW);
        let ask = json!({
            "collection": args.record.collection,
            "id": args.record.id,
            "before": before,
            "limit": limit,
        });
        let reply = laptop.call("history", ask).await?;
        let commits = reply["commits"].as_array().cloned().unwrap_or_default();
        let full = commits.len() as u64 == limit;
        left -= limit.min(commits.len() as u64);
        before = commits.last().and_then(|c| c["seq"].as_u64());
        for mut commit in commits {
            show_times(&args.record.collection, &mut commit);
            if !json {
                shown.push(row(&commit));
            } else if line(&commit).is_err() {
                return Ok(0);
            }
        }
        if !full || before.is_none() {
            break;
        }
    }
    if !json {
        let words = match shown.is_empty() {
            true => "This laptop keeps no commit of it.".to_owned(),
            false => table(&["commit", "at", "by", "device", "did", "fields"], &shown),
        };
        let _ = text(&words);
    }
    Ok(0)
}

fn show_times(collection: &str, commit: &mut Json) {
    for field in commit["fields"].as_array_mut().into_iter().flatten() {
        let name = field["name"].as_str().unwrap_or_default().to_owned();
        times::show(collection, &name, &mut field["value"]);
    }
}

fn row(commit: &Json) -> Vec<String> {
    let fields = commit["fields"].as_array().into_iter().flatten();
    let fields: Vec<String> =
        fields.map(|f| format!("{}={}", f["name"].as_str().unwrap_or("?"), cell(&f["value"]))).collect();
    let mut cells: Vec<String> = ["seq", "at", "by", "device", "command"].iter().map(|n| cell(&commit[*n])).collect();
    cells.push(fields.join(" "));
    cells
}
