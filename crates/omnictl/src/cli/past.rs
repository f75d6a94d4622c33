//! Earlier times and taking back: `as-of`, `undo`, `redo`, `rollback`.

use super::read::shaped;
use crate::laptop::{Laptop, Result, usage};
use crate::output::{cell, counted, line, pairs, show, table, text};
use crate::times;
use clap::{ArgGroup, Args};
use omni_protocol::rpc::{AsOfRecord, ChangeMade, RollbackPreview, RolledBack};
use serde_json::{Map, Value as Json, json};

/// Central is waited for so long where it is needed, seconds.
const CENTRAL_WAIT_S: f64 = 5.0;

/// Flags of `as-of`.
#[derive(Debug, Args)]
pub struct AsOfArgs {
    /// A seq, or a time (RFC 3339).
    #[arg(value_name = "SEQ|TIME")]
    at: String,
    /// What to do then.
    #[arg(value_parser = ["get"])]
    act: String,
    /// The collection.
    collection: String,
    /// The record's id or key.
    id: String,
}

/// Flags of `undo`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true))]
pub struct UndoArgs {
    /// The change.
    #[arg(group = "what")]
    change: Option<String>,
    /// What was done last on this laptop and still stands.
    #[arg(long, group = "what")]
    last: bool,
    /// Only shows what it would do.
    #[arg(long, conflicts_with = "last")]
    preview: bool,
}

/// Flags of `rollback`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true))]
pub struct RollbackArgs {
    /// The collection of a record.
    #[arg(group = "what", requires_all = ["id", "to"])]
    collection: Option<String>,
    /// The record's id or key.
    id: Option<String>,
    /// One change.
    #[arg(long, group = "what")]
    change: Option<String>,
    /// All changes of a group: an import, a bulk edit.
    #[arg(long, group = "what")]
    group: Option<String>,
    /// What this device did in a span of time.
    #[arg(long, group = "what", requires_all = ["from", "to"], value_name = "NAME|ID")]
    device: Option<String>,
    /// The beginning of the span (RFC 3339).
    #[arg(long, value_name = "TIME", requires = "device")]
    from: Option<String>,
    /// For a record: the commit whose state comes back. For a device: the end of the span (RFC 3339).
    #[arg(long, value_name = "SEQ|TIME")]
    to: Option<String>,
    /// Also what somebody changed since: collection/record/field, as the preview names it.
    #[arg(long, value_name = "LINE", num_args = 1..)]
    also: Vec<String>,
    /// Only shows what it would do.
    #[arg(long)]
    preview: bool,
}

/// Runs a command; if it needs central and central is not connected, connects and runs it again.
async fn with_central(command: &str, args: Json, laptop: &mut Laptop) -> Result<Json> {
    match laptop.call(command, args.clone()).await {
        Err(e) if e.code == "offline" => {
            laptop.connect(CENTRAL_WAIT_S).await?;
            laptop.call(command, args).await
        }
        answer => answer,
    }
}

/// `as-of`.
pub async fn as_of(args: AsOfArgs, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let ask = json!({"at": args.at, "collection": args.collection, "id": args.id});
    let mut record: AsOfRecord = shaped("as_of", with_central("as_of", ask, laptop).await?)?;
    record.fields.iter_mut().for_each(|(name, value)| times::show(&args.collection, name, value));
    show(json, &json!(record), || match record.existed {
        false => format!("It did not exist at commit {}.", record.seq),
        true => {
            let note = |name: &str| if record.differs.iter().any(|d| d == name) { "  (differs now)" } else { "" };
            let fields = record.fields.iter().map(|(name, v)| (name.as_str(), format!("{}{}", cell(v), note(name))));
            format!("At commit {}:\n\n{}", record.seq, pairs(fields))
        }
    })
}

/// `undo`.
pub async fn undo(args: UndoArgs, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let Some(change) = args.change else {
        return made(laptop.call("undo.last", json!({})).await?, "Taken back", json);
    };
    let ask = json!({"change": change});
    match args.preview {
        true => preview(with_central("undo.preview", ask, laptop).await?, json),
        false => made(with_central("undo", ask, laptop).await?, "Taken back", json),
    }
}

/// `redo`.
pub async fn redo(laptop: &mut Laptop, json: bool) -> Result<u8> {
    made(with_central("redo.last", json!({}), laptop).await?, "Done again", json)
}

fn made(reply: Json, what: &str, json: bool) -> Result<u8> {
    let made: ChangeMade = shaped("undo", reply.clone())?;
    show(json, &reply, || match made.change {
        Some(change) => format!("{what}, as change {change}."),
        None => format!("{what}: it had not been sent."),
    })
}

/// What `rollback` names, as the engine takes it. Errors: `usage`.
fn target(args: RollbackArgs) -> Result<Json> {
    let mut ask = Map::new();
    ask.insert("also".into(), args.also.into());
    match (args.collection, args.id, args.to, args.device) {
        (Some(collection), Some(id), Some(to), None) => {
            let to: u64 = to.parse().map_err(|_| usage("--to is the number of a commit."))?;
            ask.insert("record".into(), json!({"collection": collection, "id": id, "to_seq": to}));
        }
        (None, None, Some(to), Some(device)) => {
            ask.insert("device".into(), json!({"device": device, "from": args.from, "to": to}));
        }
        (None, None, None, None) => {
            ask.insert("change".into(), json!(args.change));
            ask.insert("group".into(), json!(args.group));
        }
        _ => return Err(usage("--to goes with a record or a device.")),
    }
    Ok(ask.into())
}

/// `rollback`.
pub async fn rollback(args: RollbackArgs, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let only_shown = args.preview;
    let ask = target(args)?;
    if only_shown {
        return preview(with_central("rollback.preview", ask, laptop).await?, json);
    }
    let reply = with_central("rollback", ask, laptop).await?;
    let done: RolledBack = shaped("rollback", reply.clone())?;
    show(json, &reply, || {
        let changes = counted(done.changes.len() as u64, "new change", "new changes");
        let mut words = format!("Taken back by {changes}.");
        if done.discarded > 0 {
            let discarded = counted(done.discarded, "change", "changes");
            words.push_str(&format!(" {discarded} had not been sent and left the queue."));
        }
        if done.left > 0 {
            let left = counted(done.left, "line was", "lines were");
            words.push_str(&format!(" {left} changed by somebody since and left alone: see --preview and --also."));
        }
        words
    })
}

/// Lines: what would go back.
fn preview(reply: Json, json: bool) -> Result<u8> {
    let mut found: RollbackPreview = shaped("rollback.preview", reply)?;
    for l in &mut found.lines {
        times::show(&l.collection, &l.field, &mut l.now);
        times::show(&l.collection, &l.field, &mut l.then);
    }
    if found.missing > 0 {
        eprintln!("{} cannot be reached.", counted(found.missing, "change", "changes"));
    }
    if json {
        for l in &found.lines {
            if line(&json!(l)).is_err() {
                break;
            }
        }
        return Ok(0);
    }
    let row = |l: &omni_protocol::rpc::RollbackLine| {
        let note = l.later_by.clone().or_else(|| l.later.then(|| "somebody".to_owned()));
        let note = note.map(|by| format!("left alone: changed since by {by}")).unwrap_or_default();
        vec![l.title.clone(), l.label.clone(), cell(&l.now), cell(&l.then), note, l.address.clone()]
    };
    let words = match found.lines.is_empty() {
        true => "Nothing would change.".to_owned(),
        false => {
            let rows: Vec<Vec<String>> = found.lines.iter().map(row).collect();
            table(&["record", "field", "now", "then", "note", "line"], &rows)
        }
    };
    let _ = text(&words);
    Ok(0)
}
