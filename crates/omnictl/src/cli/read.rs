//! What the copy holds: `collections`, `commands`, `count`, `list`, `get`.

use crate::assign::{Pair, object};
use crate::laptop::{Laptop, Result, usage};
use crate::output::{cell, line, pairs, show, table, text};
use crate::times;
use clap::Args;
use omni_model::schema;
use omni_protocol::rpc::{CollectionInfo, CommandInfo, Page, Record, RowView};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};

/// Rows asked for at once.
const WINDOW: u64 = 500;
/// Fields shown beside the title of a listed record, for people.
const COLUMNS_MAX: usize = 4;

/// Flags of `count`.
#[derive(Debug, Args)]
pub struct CountArgs {
    /// The collection.
    collection: String,
    /// Only records with these values: f=v …
    #[arg(long = "where", num_args = 1.., value_name = "f=v")]
    filter: Vec<Pair>,
    /// Only records with these words.
    #[arg(long)]
    search: Option<String>,
}

/// Flags of `list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// The collection.
    collection: String,
    /// Only records with these values: f=v …
    #[arg(long = "where", num_args = 1.., value_name = "f=v")]
    filter: Vec<Pair>,
    /// Only records with these words.
    #[arg(long)]
    search: Option<String>,
    /// The field to sort by, -f for descending [default: the title].
    #[arg(long, value_name = "f|-f", allow_hyphen_values = true)]
    sort: Option<String>,
    /// At most so many [default: all].
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Only those after this record.
    #[arg(long, value_name = "ID")]
    after: Option<String>,
}

/// A record's address.
#[derive(Debug, Args)]
pub struct RecordArgs {
    /// The collection.
    pub collection: String,
    /// The record's id or key.
    pub id: String,
}

/// A reply of the shape it is known to have.
pub fn shaped<T: DeserializeOwned>(command: &str, reply: Json) -> Result<T> {
    serde_json::from_value(reply)
        .map_err(|e| omni_protocol::WireError::new("internal", format!("{command} answered something else: {e}")))
}

/// Conditions as an object. Errors: `usage`.
fn conditions(collection: &str, filter: Vec<Pair>) -> Result<Map<String, Json>> {
    let mut all = object(filter).map_err(|e| usage(format!("--where: {e}.")))?;
    times::read(collection, &mut all);
    Ok(all)
}

/// `collections`.
pub async fn collections(laptop: &mut Laptop, json: bool) -> Result<u8> {
    let reply = laptop.call("collections", json!({})).await?;
    show(json, &json!({"collections": reply}), || {
        let all: Vec<CollectionInfo> = serde_json::from_value(reply.clone()).unwrap_or_default();
        all.iter().map(collection_text).collect::<Vec<_>>().join("\n\n")
    })
}

fn collection_text(c: &CollectionInfo) -> String {
    let rows: Vec<Vec<String>> =
        c.fields.iter().map(|f| vec![f.name.clone(), f.ty.clone(), f.policy.clone()]).collect();
    format!("{} — {} ({})\n{}", c.name, c.plural, c.component, table(&["field", "type", "policy"], &rows))
}

/// `commands`.
pub async fn commands(laptop: &mut Laptop, json: bool) -> Result<u8> {
    let reply = laptop.call("commands", json!({})).await?;
    show(json, &json!({"commands": reply}), || {
        let all: Vec<CommandInfo> = serde_json::from_value(reply.clone()).unwrap_or_default();
        let row = |c: &CommandInfo| {
            let args: Vec<&str> = c.args.iter().map(|a| a.name.as_str()).collect();
            vec![c.name.clone(), args.join(" "), c.offline.clone(), c.label.clone()]
        };
        table(&["command", "arguments", "offline", "does"], &all.iter().map(row).collect::<Vec<_>>())
    })
}

/// `count`.
pub async fn count(args: CountArgs, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let filter = conditions(&args.collection, args.filter)?;
    let ask = json!({"collection": args.collection, "where": filter, "search": args.search});
    let reply = laptop.call("count", ask).await?;
    show(json, &reply, || cell(&reply["count"]))
}

/// `list`: lines. Windows follow each other by the last record seen, so that a listing is not torn by what arrives.
pub async fn list(args: ListArgs, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let filter = conditions(&args.collection, args.filter)?;
    let (mut after, mut left) = (args.after, args.limit.unwrap_or(u64::MAX));
    let mut shown = Vec::new();
    while left > 0 {
        let limit = left.min(WINDOW);
        let ask = json!({
            "collection": args.collection,
            "where": filter,
            "search": args.search,
            "sort": args.sort,
            "limit": limit,
            "after": after,
        });
        let page: Page = shaped("list", laptop.call("list", ask).await?)?;
        let full = page.rows.len() as u64 == limit;
        left -= limit.min(page.rows.len() as u64);
        after = page.rows.last().map(|r| r.id.clone());
        for mut row in page.rows {
            row.values.iter_mut().for_each(|(name, value)| times::show(&args.collection, name, value));
            if !json {
                shown.push(row);
            } else if line(&listed(&row)).is_err() {
                return Ok(0);
            }
        }
        if !full {
            break;
        }
    }
    if !json {
        let _ = text(&rows_text(&args.collection, args.sort.as_deref(), &shown));
    }
    Ok(0)
}

/// A listed record, in the words of `get`.
fn listed(row: &RowView) -> Json {
    json!({
        "id": row.id,
        "key": row.key,
        "fields": row.values,
        "titles": row.titles,
        "state": row.state,
        "fields_pending": row.pending,
    })
}

fn rows_text(collection: &str, sort: Option<&str>, rows: &[RowView]) -> String {
    let c = schema::by_name(collection);
    let title = c.map_or("", |c| c.title);
    let sorted = sort.map(|s| s.trim_start_matches('-')).filter(|s| *s != title);
    let indexed = c.into_iter().flat_map(|c| c.fields).filter(|f| f.index && f.name != title).map(|f| f.name);
    let mut names: Vec<&str> = sorted.into_iter().collect();
    for name in indexed {
        if !names.contains(&name) && names.len() < COLUMNS_MAX {
            names.push(name);
        }
    }
    let value = |row: &RowView, name: &str| match row.titles.get(name) {
        Some(title) => cell(&Json::from(title.as_str())),
        None => cell(row.values.get(name).unwrap_or(&Json::Null)),
    };
    let cells = |row: &RowView| {
        let mut cells = vec![row.key.clone().unwrap_or_else(|| row.id.clone()), value(row, title)];
        cells.extend(names.iter().map(|n| value(row, n)));
        cells.push(row.state.clone());
        cells
    };
    let header: Vec<&str> = ["record", title].into_iter().chain(names.iter().copied()).chain(["state"]).collect();
    table(&header, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// `get`.
pub async fn get(args: RecordArgs, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let reply = laptop.call("get", json!({"collection": args.collection, "id": args.id})).await?;
    let mut record: Record = shaped("get", reply)?;
    for field in &mut record.fields {
        times::show(&args.collection, &field.name, &mut field.value);
        times::show(&args.collection, &field.name, &mut field.confirmed);
    }
    show(json, &one(&record), || record_text(&record))
}

/// Whether a field's state says that an edit of it is not confirmed.
fn is_pending(state: &str) -> bool {
    matches!(state, "pending" | "sending")
}

fn one(record: &Record) -> Json {
    let values: Map<String, Json> = record.fields.iter().map(|f| (f.name.clone(), f.value.clone())).collect();
    let titles: Map<String, Json> =
        record.fields.iter().filter_map(|f| Some((f.name.clone(), f.title.clone()?.into()))).collect();
    let pending: Vec<&str> = record.fields.iter().filter(|f| is_pending(&f.state)).map(|f| f.name.as_str()).collect();
    let states: Map<String, Json> =
        record.fields.iter().filter(|f| f.state != "saved").map(|f| (f.name.clone(), f.state.clone().into())).collect();
    json!({
        "id": record.id,
        "key": record.key,
        "collection": record.collection,
        "title": record.title,
        "owner": record.owner,
        "fields": values,
        "titles": titles,
        "state": record.state,
        "fields_pending": pending,
        "field_states": states,
        "seq": record.seq,
    })
}

fn record_text(record: &Record) -> String {
    let head = [
        ("record", record.id.clone()),
        ("key", record.key.clone().unwrap_or_else(|| "–".to_owned())),
        ("state", record.state.clone()),
        ("commit", record.seq.map_or_else(|| "not on central yet".to_owned(), |s| s.to_string())),
    ];
    let fields = record.fields.iter().map(|f| {
        let value = f.title.as_deref().map_or_else(|| cell(&f.value), |t| cell(&Json::from(t)));
        let note = match f.state.as_str() {
            "saved" => String::new(),
            state => format!("  ({state}; on central: {})", cell(&f.confirmed)),
        };
        (f.name.as_str(), format!("{value}{note}"))
    });
    format!("{}\n{}\n\n{}", record.title, pairs(head), pairs(fields))
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
