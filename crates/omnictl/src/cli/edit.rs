//! One edit: `set`, `create`, `delete`, `do`. Durable when printed.

use super::read::RecordArgs;
use crate::assign::{Assign, Assigned, Pair, object};
use crate::laptop::{Laptop, Result, usage};
use crate::output::show;
use crate::times;
use clap::Args;
use omni_model::{Offline, schema};
use serde_json::{Value as Json, json};

/// Seconds a command that needs central waits for it.
const CENTRAL_WAIT_S: f64 = 10.0;

/// Flags of `set`.
#[derive(Debug, Args)]
pub struct SetArgs {
    #[command(flatten)]
    record: RecordArgs,
    /// f=v as typed, f:=JSON, f+=v and f-=v for sets and counters.
    #[arg(required = true, value_name = "f=v")]
    values: Vec<Assign>,
    /// 1 emergency, 2 normal, 3 bulk.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=3))]
    priority: Option<u8>,
}

/// Flags of `create`.
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// The collection.
    collection: String,
    /// f=v as typed, f:=JSON.
    #[arg(value_name = "f=v")]
    values: Vec<Assign>,
    /// Its key, which never changes.
    #[arg(long)]
    key: Option<String>,
    /// 1 emergency, 2 normal, 3 bulk.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=3))]
    priority: Option<u8>,
}

/// Flags of `delete`.
#[derive(Debug, Args)]
pub struct DeleteArgs {
    #[command(flatten)]
    record: RecordArgs,
}

/// Flags of `do`.
#[derive(Debug, Args)]
pub struct DoArgs {
    /// The command.
    command: String,
    /// Its arguments.
    #[arg(value_name = "key=value")]
    args: Vec<Pair>,
}

fn assigned(collection: &str, values: Vec<Assign>) -> Result<Assigned> {
    let mut assigned = Assigned::new(values).map_err(|e| usage(format!("{e}.")))?;
    times::read(collection, &mut assigned.fields);
    times::read(collection, &mut assigned.texts);
    Ok(assigned)
}

pub(super) fn made(json: bool, reply: &Json) -> Result<u8> {
    show(json, reply, || match reply["change"].as_str() {
        Some(change) => format!("Saved as change {change}."),
        None => "Nothing to change: it is so already.".to_owned(),
    })
}

/// `set`.
pub async fn set(args: SetArgs, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let a = assigned(&args.record.collection, args.values)?;
    let ask = json!({
        "collection": args.record.collection,
        "id": args.record.id,
        "fields": a.fields,
        "texts": a.texts,
        "add": a.add,
        "remove": a.remove,
        "priority": args.priority,
    });
    made(json, &laptop.call("edit", ask).await?)
}

/// `create`.
pub async fn create(args: CreateArgs, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let a = assigned(&args.collection, args.values)?;
    if a.is_relative() {
        return Err(usage("create takes f=v and f:=JSON: there is nothing yet to add to or take from."));
    }
    let ask = json!({
        "collection": args.collection,
        "key": args.key,
        "fields": a.fields,
        "texts": a.texts,
        "priority": args.priority,
    });
    made(json, &laptop.call("new", ask).await?)
}

/// `delete`.
pub async fn delete(args: DeleteArgs, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let ask = json!({"collection": args.record.collection, "id": args.record.id});
    made(json, &laptop.call("delete", ask).await?)
}

/// `do`. What only central can do connects first.
pub async fn run_command(args: DoArgs, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let arguments = object(args.args).map_err(|e| usage(format!("{e}.")))?;
    let command = schema::COMMANDS.iter().find(|c| c.name == args.command);
    if command.is_some_and(|c| c.offline == Offline::No) {
        laptop.connect(CENTRAL_WAIT_S).await?;
    }
    made(json, &laptop.call("do", json!({"command": args.command, "args": arguments})).await?)
}
