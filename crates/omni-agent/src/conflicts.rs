//! Settling conflict items: from what a person takes to a resolution, saved like any edit.

use crate::edits::{NotSaved, save_in_intent, write};
use crate::error::{Result, internal};
use crate::{clock, ids};
use omni_model::{Collection, Field, FieldId, Op, Policy, Resolution, Value, schema};
use omni_protocol::change::NORMAL;
use omni_protocol::feed::PARKED;
use omni_protocol::rpc::{ChangeMade, ItemFailure, ResolveArgs, ResolveManyArgs, ResolvedMany};
use omni_protocol::{ConflictId, ConflictItem, WireError};
use omni_store::{ItemFilter, Store, StoreError, WriteTx};
use omni_sync::replica::overlay::confirmed_row;
use omni_sync::replica::{Intent, ReplicaTx, take_for_reissue};
use omni_sync::text::merge3;
use std::collections::BTreeMap;

/// Items settled by one call at most.
const MANY_MAX: usize = 1_000;

/// Which items a list shows. Errors: `usage`.
pub fn filter(word: Option<&str>) -> Result<ItemFilter> {
    match word.unwrap_or("open") {
        "open" => Ok(ItemFilter::Open),
        "auto" => Ok(ItemFilter::Auto),
        "person" => Ok(ItemFilter::Person),
        "all" => Ok(ItemFilter::All),
        other => Err(crate::error::usage(format!("“{other}” is none of: open, auto, person, all."))),
    }
}

/// Settles one item.
///
/// Errors: `not_found`, `stale` (it changed since it was shown), `bad_operation` (this side cannot be taken here), and what
/// the model refuses.
pub async fn resolve(store: &Store, args: ResolveArgs) -> Result<ChangeMade> {
    write(store, move |tx| resolve_in(tx, &args)).await
}

/// Settles many, each on its own: one that cannot be settled does not hold up the others.
pub async fn resolve_many(store: &Store, args: ResolveManyArgs) -> Result<ResolvedMany> {
    if args.ids.len() > MANY_MAX {
        return Err(crate::error::usage(format!("At most {MANY_MAX} conflicts are settled at once.")));
    }
    let (mut done, mut failed) = (0, Vec::new());
    for id in args.ids {
        let one =
            ResolveArgs { id: id.clone(), take: args.take.clone(), field: None, values: BTreeMap::new(), seq: None };
        match resolve(store, one).await {
            Ok(_) => done += 1,
            Err(error) => failed.push(ItemFailure { id, error }),
        }
    }
    Ok(ResolvedMany { done, failed })
}

fn resolve_in(tx: &mut WriteTx<'_>, args: &ResolveArgs) -> std::result::Result<ChangeMade, NotSaved> {
    let missing = || WireError::new("not_found", format!("No conflict “{}” is here.", args.id));
    let id: ConflictId = args.id.parse().map_err(|_| missing())?;
    let (_, item) = tx.conflict(id).map_err(StoreError::from)?.ok_or_else(missing)?;
    if args.seq.is_some_and(|seen| seen != item.seq) {
        return Err(stale().into());
    }
    if item.rule == PARKED && args.take == "mine" {
        send_again(tx, &item)?;
    }
    let choice = choice(tx, &item, args)?;
    let meta = tx.meta().map_err(StoreError::from)?;
    let (collection, record) = (item.collection, item.record);
    let op = Op::Resolve { collection, record, item: id, saw: meta.position.seq, choice };
    let intent = Intent {
        id: ids::change_id(),
        time: clock::edit_time(),
        command: 0,
        args: Vec::new(),
        ops: vec![op],
        priority: NORMAL,
        group: None,
    };
    save_in_intent(tx, intent, record)
}

fn stale() -> WireError {
    WireError::new("stale", "This conflict changed since you looked. Look again, then decide.")
}

fn bad(message: impl Into<String>) -> WireError {
    WireError::new("bad_operation", message.into())
}

/// A parked command is saved again as its author's; the item is put aside by the resolution that follows it.
fn send_again(tx: &mut WriteTx<'_>, item: &ConflictItem) -> std::result::Result<(), NotSaved> {
    let side = item.mine.first().ok_or_else(|| internal("Settling a conflict", "no side"))?;
    let here = tx.outbox_get(side.change).map_err(StoreError::from)?.is_some();
    if !here {
        return Err(bad("Only the laptop that made this change can send it again. Here you can put it aside.").into());
    }
    let change = take_for_reissue(tx, side.change)?;
    let command = schema::command_by_id(change.command);
    let ops = match command {
        Some(command) => {
            let args = change.args.iter().cloned().collect();
            crate::edits::planned(tx, command, &args)?
        }
        None => change.ops,
    };
    let intent = Intent {
        id: ids::change_id(),
        time: clock::edit_time(),
        command: change.command,
        args: change.args,
        ops,
        priority: change.priority,
        group: None,
    };
    save_in_intent(tx, intent, item.record).map(drop)
}

/// What shall hold, from the side a person takes.
fn choice(tx: &WriteTx<'_>, item: &ConflictItem, args: &ResolveArgs) -> std::result::Result<Resolution, NotSaved> {
    let c = schema::by_id(item.collection).ok_or_else(|| bad("This version does not know the record's kind."))?;
    if item.rule == PARKED {
        return match args.take.as_str() {
            "mine" | "theirs" => Ok(Resolution::Stand),
            _ => Err(bad("A waiting change is sent again (mine) or put aside (theirs).").into()),
        };
    }
    let first = item.mine.first();
    if args.take == "theirs" && args.field.is_none() {
        return Ok(Resolution::Stand);
    }
    if args.take == "mine" && first.is_some_and(|s| s.delete) {
        return Ok(Resolution::Delete);
    }
    let fields: Vec<(usize, &Field)> = fields_of(c, item, args)?;
    let mut values = Vec::with_capacity(fields.len());
    for (place, field) in fields {
        values.push((field.id, value(tx, item, args, place, field)?));
    }
    if values.is_empty() {
        return Err(bad("There is no value to take here; take mine or theirs.").into());
    }
    Ok(Resolution::Values(values))
}

/// The fields of the item that the decision sets, with their places in it.
fn fields_of<'c>(
    c: &'c Collection,
    item: &ConflictItem,
    args: &ResolveArgs,
) -> std::result::Result<Vec<(usize, &'c Field)>, NotSaved> {
    let known = |(place, id): (usize, &FieldId)| c.field_by_id(*id).map(|f| (place, f));
    let all: Vec<(usize, &Field)> = item.fields.iter().enumerate().filter_map(known).collect();
    let Some(name) = &args.field else { return Ok(all) };
    let group = all.iter().find(|(_, f)| f.name == name).and_then(|(_, f)| f.group);
    let one: Vec<_> =
        all.into_iter().filter(|(_, f)| f.name == name || (group.is_some() && f.group == group)).collect();
    match one.is_empty() {
        true => Err(WireError::new("unknown_field", format!("This conflict is not about “{name}”.")).into()),
        false => Ok(one),
    }
}

fn value(
    tx: &WriteTx<'_>,
    item: &ConflictItem,
    args: &ResolveArgs,
    place: usize,
    field: &Field,
) -> std::result::Result<Value, NotSaved> {
    let theirs = || item.theirs.get(place).cloned().unwrap_or_default();
    let mine = || item.mine.first().and_then(|s| s.values.get(place)).cloned().unwrap_or_default();
    let relative = item.rule == "Set" && field.policy == Policy::Set;
    match args.take.as_str() {
        "mine" if relative => without(tx, item, field, &theirs()),
        "mine" => Ok(mine()),
        "theirs" => Ok(theirs()),
        "base" => item.base.get(place).cloned().ok_or_else(|| bad("What stood before both is not known.").into()),
        "both" => both(field, item.base.get(place), &mine(), &theirs()).map_err(NotSaved::from),
        "values" => match args.values.get(field.name) {
            Some(json) => field.from_json(json).map_err(|e| WireError::new("invalid", e.to_string()).into()),
            None => Ok(theirs()),
        },
        other => Err(crate::error::usage(format!("“{other}” is none of: mine, theirs, base, both, values.")).into()),
    }
}

/// A removal that lost to an addition: the set without the item.
fn without(
    tx: &WriteTx<'_>,
    item: &ConflictItem,
    field: &Field,
    winner: &Value,
) -> std::result::Result<Value, NotSaved> {
    let row = confirmed_row(tx, item.collection, item.record).map_err(StoreError::from)?;
    let mut now = row.map(|r| r.get(field.id).as_set().unwrap_or_default()).unwrap_or_default();
    let gone = winner.as_set().unwrap_or_default();
    now.retain(|item| !gone.contains(item));
    Ok(Value::Set(now))
}

/// Both values in one, where the type has room for both.
fn both(field: &Field, base: Option<&Value>, mine: &Value, theirs: &Value) -> Result<Value> {
    if field.is_set() {
        let mut all = theirs.as_set().unwrap_or_default();
        all.extend(mine.as_set().unwrap_or_default());
        return Ok(Value::Set(all));
    }
    if field.policy != Policy::Text {
        return Err(bad(format!("{} holds one value: take mine, theirs or another.", field.label)));
    }
    let of = |v: &Value| v.as_text().unwrap_or_default().to_owned();
    let (mine, theirs) = (of(mine), of(theirs));
    let base = base.map(of).unwrap_or_default();
    let text = merge3(&base, &mine, &theirs).unwrap_or_else(|_| format!("{theirs}\n\n{mine}"));
    field.check(&Value::text(&text)).map_err(|e| WireError::new("invalid", e.to_string()))?;
    Ok(Value::text(text))
}

/// Items of this copy that an own decision, not confirmed yet, is about to settle.
pub fn being_settled(tx: &omni_store::ReadTx<'_>, item: &ConflictItem) -> std::result::Result<bool, StoreError> {
    let waiting = tx.changes_of(item.collection, item.record)?;
    Ok(waiting.iter().any(|entry| {
        entry.state.in_overlay()
            && entry.change.ops.iter().any(|op| matches!(op, Op::Resolve { item: id, .. } if *id == item.id))
    }))
}
