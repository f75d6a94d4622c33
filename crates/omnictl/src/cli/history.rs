//! `history`.

use super::read::{RecordArgs, shaped};
use crate::laptop::{Laptop, Result};
use crate::output::{cell, line, table, text};
use crate::times;
use clap::Args;
use omni_protocol::rpc::{HistoryEntry, HistoryPage};
use serde_json::json;

/// Entries asked for at once.
const WINDOW: u64 = 500;
/// Central is waited for so long where this laptop does not hold everything, seconds.
const CENTRAL_WAIT_S: f64 = 5.0;

/// Flags of `history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    #[command(flatten)]
    record: RecordArgs,
    /// Only commits before this one.
    #[arg(long, value_name = "SEQ")]
    before: Option<u64>,
    /// At most so many [default: all].
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

/// Lines: own changes that wait, then the commits that touched a record, newest first.
pub async fn history(args: HistoryArgs, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let (mut before, mut left) = (args.before, args.limit.unwrap_or(u64::MAX));
    let (mut shown, mut incomplete) = (Vec::new(), false);
    while left > 0 {
        let limit = left.min(WINDOW);
        let page = page(&args.record, before, limit, laptop).await?;
        incomplete |= page.incomplete;
        left -= limit.min(page.entries.len() as u64);
        before = page.entries.iter().rev().find_map(|e| e.seq);
        for mut entry in page.entries {
            for field in &mut entry.fields {
                times::show(&args.record.collection, &field.name, &mut field.before);
                times::show(&args.record.collection, &field.name, &mut field.after);
            }
            if !json {
                shown.push(row(&entry));
            } else if line(&json!(entry)).is_err() {
                return Ok(0);
            }
        }
        if !page.more || before.is_none() {
            break;
        }
    }
    if incomplete {
        eprintln!("Older commits may exist on central, which does not answer now.");
    }
    if !json {
        let words = match shown.is_empty() {
            true => "There is no commit of it.".to_owned(),
            false => table(&["commit", "at", "by", "device", "did", "what", "change"], &shown),
        };
        let _ = text(&words);
    }
    Ok(0)
}

/// A page; central is connected to if this laptop does not hold all of it.
async fn page(record: &RecordArgs, before: Option<u64>, limit: u64, laptop: &mut Laptop) -> Result<HistoryPage> {
    let ask = json!({"collection": record.collection, "id": record.id, "before": before, "limit": limit});
    let page: HistoryPage = shaped("history", laptop.call("history", ask.clone()).await?)?;
    if !page.incomplete || laptop.connect(CENTRAL_WAIT_S).await.is_err() {
        return Ok(page);
    }
    shaped("history", laptop.call("history", ask).await?)
}

fn row(entry: &HistoryEntry) -> Vec<String> {
    let fields = entry.fields.iter().map(|f| format!("{}: {} → {}", f.name, cell(&f.before), cell(&f.after)));
    let mut what: Vec<String> = vec![entry.kind.clone()];
    what.extend(entry.rule.iter().cloned());
    what.extend(fields);
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
    vec![
        entry.seq.map_or_else(|| "–".to_owned(), |s| s.to_string()),
        or_dash(&entry.at),
        or_dash(&entry.by),
        or_dash(&entry.device),
        entry.command.clone(),
        what.join(" "),
        entry.change.clone(),
    ]
}
