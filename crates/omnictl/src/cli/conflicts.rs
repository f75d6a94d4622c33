//! What needs a decision: `conflicts`.

use super::read::shaped;
use crate::laptop::{Laptop, Result};
use crate::output::{cell, line, show, table, text};
use crate::times;
use clap::{Args, Subcommand, ValueEnum};
use omni_protocol::WireError;
use omni_protocol::rpc::{ChangeMade, ConflictPage, ConflictRow};
use serde_json::json;

/// Rows asked for at once.
const WINDOW: u64 = 500;

/// Flags of `conflicts`.
#[derive(Debug, Args)]
pub struct ConflictsArgs {
    /// Those that were decided too.
    #[arg(long)]
    decided: bool,
    #[command(subcommand)]
    act: Option<ConflictsAct>,
}

/// What to do with one conflict.
#[derive(Debug, Subcommand)]
enum ConflictsAct {
    /// Shows it.
    Show {
        /// The conflict.
        id: String,
    },
    /// Decides it.
    Resolve {
        /// The conflict.
        id: String,
        /// Which value stands.
        #[arg(long, value_enum)]
        take: Take,
        /// Only this field.
        #[arg(long)]
        field: Option<String>,
    },
}

/// Which side of a conflict stands.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Take {
    Mine,
    Theirs,
    Base,
    Both,
}

/// `conflicts` and its acts.
pub async fn conflicts(args: ConflictsArgs, laptop: &mut Laptop, json: bool) -> Result<u8> {
    match args.act {
        None => {
            let rows = listed(laptop, if args.decided { "all" } else { "open" }).await?;
            if !json {
                let _ = text(&if rows.is_empty() { "No conflict is open.".to_owned() } else { conflicts_text(&rows) });
                return Ok(0);
            }
            for row in &rows {
                if line(&json!(row)).is_err() {
                    break;
                }
            }
            Ok(0)
        }
        Some(ConflictsAct::Show { id }) => {
            let found = listed(laptop, "all").await?.into_iter().find(|r| r.id.eq_ignore_ascii_case(&id));
            let row = found.ok_or_else(|| WireError::new("not_found", format!("No conflict “{id}” is here.")))?;
            show(json, &json!(row), || conflict_text(&row))
        }
        Some(ConflictsAct::Resolve { id, take, field }) => {
            let take = take.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default();
            let made = laptop.call("conflicts.resolve", json!({"id": id, "take": take, "field": field})).await?;
            let made: ChangeMade = shaped("conflicts.resolve", made)?;
            show(json, &json!(made), || "Decided. It is sent like any other edit.".to_owned())
        }
    }
}

async fn listed(laptop: &mut Laptop, decided: &str) -> Result<Vec<ConflictRow>> {
    let mut rows = Vec::new();
    loop {
        let ask = json!({"decided": decided, "offset": rows.len(), "limit": WINDOW});
        let page: ConflictPage = shaped("conflicts", laptop.call("conflicts", ask).await?)?;
        let last = (page.rows.len() as u64) < WINDOW;
        rows.extend(page.rows);
        if last {
            rows.iter_mut().for_each(show_times);
            return Ok(rows);
        }
    }
}

fn show_times(row: &mut ConflictRow) {
    for field in &mut row.fields {
        for value in [&mut field.base, &mut field.mine, &mut field.theirs] {
            times::show(&row.collection, &field.name, value);
        }
    }
}

fn conflicts_text(rows: &[ConflictRow]) -> String {
    let cells = |r: &ConflictRow| {
        let names: Vec<&str> = r.fields.iter().map(|f| f.name.as_str()).collect();
        vec![r.id.clone(), r.collection.clone(), r.title.clone(), names.join(", ")]
    };
    table(&["conflict", "collection", "record", "fields"], &rows.iter().map(cells).collect::<Vec<_>>())
}

fn conflict_text(row: &ConflictRow) -> String {
    let fields: Vec<Vec<String>> = row
        .fields
        .iter()
        .map(|f| {
            let by = f.by.clone().unwrap_or_else(|| "unknown".to_owned());
            vec![f.name.clone(), cell(&f.base), cell(&f.mine), cell(&f.theirs), by, f.rule.clone()]
        })
        .collect();
    let header = ["field", "before both", "waits", "on central", "by", "rule"];
    format!("{} — {}\n{}", row.title, row.collection, table(&header, &fields))
}
