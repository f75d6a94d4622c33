//! What waits: `queue`.

use super::read::shaped;
use crate::assign::{Assign, Assigned};
use crate::laptop::{Laptop, Result, usage};
use crate::output::{cell, line, show, table, text};
use crate::times;
use clap::{Args, Subcommand};
use omni_protocol::WireError;
use omni_protocol::rpc::{QueuePage, QueueRow};
use serde_json::{Map, Value as Json, json};

/// Rows asked for at once.
const WINDOW: u64 = 500;

/// Flags of `queue`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct QueueArgs {
    /// Only changes in this state: pending, sending, acknowledged, rejected, held, blocked or discarded.
    #[arg(long)]
    state: Option<String>,
    #[command(subcommand)]
    act: Option<QueueAct>,
}

/// What to do with one change.
#[derive(Debug, Subcommand)]
enum QueueAct {
    /// Tries it again now.
    Retry {
        /// The change.
        change: String,
    },
    /// Takes it out; `queue restore` brings it back.
    Discard {
        /// The change.
        change: String,
    },
    /// Takes back a discard; it gets a new id.
    Restore {
        /// The change.
        change: String,
    },
    /// Puts other values in the place of its own; it gets a new id.
    Edit {
        /// The change.
        change: String,
        /// f=v as typed, f:=JSON.
        #[arg(required = true, value_name = "f=v")]
        values: Vec<Assign>,
    },
}

/// `queue` and its acts.
pub async fn queue(args: QueueArgs, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let done = |words: &'static str| move || words.to_owned();
    match args.act {
        None => list(args.state, laptop, json).await,
        Some(QueueAct::Retry { change }) => {
            let reply = laptop.call("queue.retry", json!({"change": change})).await?;
            show(json, &with_change(reply, &change), done("It is tried again."))
        }
        Some(QueueAct::Discard { change }) => {
            let reply = laptop.call("queue.discard", json!({"change": change})).await?;
            show(json, &with_change(reply, &change), done("Discarded. `queue restore` brings it back."))
        }
        Some(QueueAct::Restore { change }) => {
            let reply = laptop.call("queue.restore", json!({"change": change})).await?;
            show(json, &reply, || format!("It waits again, as change {}.", cell(&reply["change"])))
        }
        Some(QueueAct::Edit { change, values }) => {
            let fields = new_values(&change, values, laptop).await?;
            let reply = laptop.call("queue.edit", json!({"change": change, "fields": fields})).await?;
            show(json, &reply, || format!("It waits with the new values, as change {}.", cell(&reply["change"])))
        }
    }
}

fn with_change(mut reply: Json, change: &str) -> Json {
    if let Some(object) = reply.as_object_mut() {
        object.entry("change").or_insert_with(|| change.into());
    }
    reply
}

/// The window of the queue from `offset` on.
async fn window(state: Option<&str>, offset: u64, laptop: &mut Laptop) -> Result<QueuePage> {
    let ask = json!({"state": state, "offset": offset, "limit": WINDOW});
    let mut page: QueuePage = shaped("queue", laptop.call("queue", ask).await?)?;
    for row in &mut page.rows {
        for field in &mut row.fields {
            times::show(&row.collection, &field.name, &mut field.before);
            times::show(&row.collection, &field.name, &mut field.after);
        }
    }
    Ok(page)
}

async fn list(state: Option<String>, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let mut rows = Vec::new();
    loop {
        let page = window(state.as_deref(), rows.len() as u64, laptop).await?;
        let last = (page.rows.len() as u64) < WINDOW;
        rows.extend(page.rows);
        if last {
            break;
        }
    }
    if !json {
        let _ = text(&if rows.is_empty() { "Nothing waits.".to_owned() } else { queue_text(&rows) });
        return Ok(0);
    }
    for row in &rows {
        if line(&json!(row)).is_err() {
            break;
        }
    }
    Ok(0)
}

fn queue_text(rows: &[QueueRow]) -> String {
    let cells = |r: &QueueRow| {
        let error = r.error.as_ref().map(|e| e.message.clone()).unwrap_or_default();
        let title = if r.title.is_empty() { r.record.clone() } else { r.title.clone() };
        vec![r.change.clone(), r.state.clone(), r.summary.clone(), title, r.attempts.to_string(), error]
    };
    let header = ["change", "state", "does", "record", "sent", "why"];
    table(&header, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// The values that are put in, as the change's collection reads them.
async fn new_values(change: &str, values: Vec<Assign>, laptop: &mut Laptop) -> Result<Map<String, Json>> {
    let given = Assigned::new(values).map_err(|e| usage(format!("{e}.")))?;
    if given.is_relative() {
        return Err(usage("queue edit takes f=v and f:=JSON."));
    }
    let mut fields = given.fields;
    fields.extend(given.texts);
    times::read(&find(change, laptop).await?.collection, &mut fields);
    Ok(fields)
}

async fn find(change: &str, laptop: &mut Laptop) -> Result<QueueRow> {
    let mut offset = 0;
    loop {
        let page = window(None, offset, laptop).await?;
        let last = (page.rows.len() as u64) < WINDOW;
        offset += page.rows.len() as u64;
        if let Some(row) = page.rows.into_iter().find(|r| r.change.eq_ignore_ascii_case(change)) {
            return Ok(row);
        }
        if last {
            return Err(WireError::new("not_found", "This change is not in the queue."));
        }
    }
}
