//! From stored records and queue entries to what the UI and the command line show.

use crate::clock::rfc3339;
use omni_model::{Collection, Expected, Field, FieldId, Op, Policy, Resolution, Row, Value, schema};
use omni_protocol::feed::PARKED;
use omni_protocol::rpc::{
    CollectionInfo, CommandInfo, ConflictField, ConflictRow, ConflictSide, FieldInfo, FieldView, GroupInfo, QueueField,
    QueueRow, RecentChange, Record, RowView,
};
use omni_protocol::{ConflictItem, Decided, DeviceId, DirectoryEntry, Effect, WireError};
use omni_store::{CommitLine, ListRow, QueueLine, QueueState, ReadTx, RecordDetail, RowState, StoreError};
use omni_sync::replica::OutboxState;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

type Stored<T> = Result<T, StoreError>;

/// The word of a policy.
fn policy_word(policy: Policy) -> String {
    let mut out = String::new();
    for (place, letter) in format!("{policy:?}").chars().enumerate() {
        if letter.is_uppercase() && place > 0 {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// A collection with its fields.
pub fn collection_info(c: &Collection) -> CollectionInfo {
    CollectionInfo {
        name: c.name.into(),
        label: c.label.into(),
        plural: c.plural.into(),
        component: c.component.into(),
        title: c.title.into(),
        delete: match c.delete {
            omni_model::DeleteRule::EditWins => "edit wins",
            omni_model::DeleteRule::CommittedStands => "committed stands",
        }
        .into(),
        fields: c.fields.iter().map(field_info).collect(),
    }
}

fn field_info(f: &Field) -> FieldInfo {
    let words: &[&str] = match f.ty {
        omni_model::FieldType::Enum(words) | omni_model::FieldType::EnumSet(words) => words,
        _ => &[],
    };
    FieldInfo {
        name: f.name.into(),
        label: f.label.into(),
        ty: f.type_name().into(),
        policy: policy_word(f.policy),
        compartment: format!("{:?}", f.compartment).to_lowercase(),
        authority: f.authority.map(|a| format!("{a:?}").to_lowercase()),
        group: f.group.map(str::to_owned),
        words: words.iter().map(|w| (*w).to_owned()).collect(),
        target: f.target().map(str::to_owned),
        scale: f.scale(),
        required: f.required,
        unique: f.unique,
        declared: f.declared,
        indexed: f.index,
    }
}

/// Every domain command.
pub fn command_infos() -> Vec<CommandInfo> {
    let arg = |a: &omni_model::command::Arg| omni_protocol::rpc::ArgInfo {
        name: a.name.into(),
        help: a.help.into(),
        required: a.required,
    };
    let info = |c: &omni_model::Command| CommandInfo {
        name: c.name.into(),
        label: c.label.into(),
        offline: c.offline.name().into(),
        args: c.args.iter().map(arg).collect(),
    };
    schema::COMMANDS.iter().map(info).collect()
}

/// Values of a row as JSON, by field name; every field stands there.
fn values(c: &Collection, row: &Row) -> BTreeMap<String, Json> {
    c.fields.iter().map(|f| (f.name.to_owned(), f.to_json(row.get(f.id)))).collect()
}

fn name_of(c: &Collection, f: FieldId) -> String {
    c.field_by_id(f).map_or_else(|| if f == FieldId::RECORD { "*".into() } else { f.0.to_string() }, |f| f.name.into())
}

fn named_titles(c: &Collection, titles: &BTreeMap<FieldId, String>) -> BTreeMap<String, String> {
    titles.iter().map(|(f, t)| (name_of(c, *f), t.clone())).collect()
}

/// One row of a list.
pub fn row_view(c: &Collection, listed: &ListRow) -> RowView {
    RowView {
        id: listed.row.id.to_string(),
        key: listed.row.key.clone(),
        values: values(c, &listed.row),
        titles: named_titles(c, &listed.titles),
        state: listed.state.name().into(),
        pending: listed.pending.iter().map(|f| name_of(c, *f)).collect(),
    }
}

/// The title of a row; its key or id where it has none.
fn title_of(c: &Collection, row: &Row) -> String {
    let title = c.field(c.title).and_then(|f| row.get(f.id).as_text());
    title.map(str::to_owned).or_else(|| row.key.clone()).unwrap_or_else(|| row.id.to_string())
}

/// One record in full.
pub fn record(c: &Collection, detail: &RecordDetail, recent: Vec<RecentChange>) -> Record {
    let row = &detail.stored.row;
    Record {
        collection: c.name.into(),
        id: row.id.to_string(),
        key: row.key.clone(),
        title: title_of(c, row),
        owner: (row.owner != omni_model::RecordId::GLOBAL).then(|| row.owner.to_string()),
        seq: detail.stored.seq,
        state: detail.state.name().into(),
        fields: c.fields.iter().map(|f| field_view(detail, f)).collect(),
        recent,
    }
}

fn field_view(detail: &RecordDetail, f: &Field) -> FieldView {
    let row = &detail.stored.row;
    let status = detail.fields.get(&f.id);
    // A record that only exists here has no confirmed values.
    let confirmed = match &detail.confirmed {
        Some(layer) => layer.as_ref().map_or(&Value::Null, |r| r.get(f.id)),
        None => row.get(f.id),
    };
    FieldView {
        name: f.name.into(),
        value: f.to_json(row.get(f.id)),
        title: detail.titles.get(&f.id).cloned(),
        state: status.map_or(RowState::Saved, |s| s.state).name().into(),
        confirmed: f.to_json(confirmed),
        saved_at: status.and_then(|s| s.saved_ms).map(rfc3339),
    }
}

/// One waiting change.
pub fn queue_row(tx: &ReadTx<'_>, line: &QueueLine) -> Stored<QueueRow> {
    let change = &line.entry.change;
    let first = change.ops.first().map(Op::record);
    let collection = first.and_then(|(c, _)| schema::by_id(c));
    let can_take = matches!(line.entry.state, OutboxState::Unsealed | OutboxState::Rejected | OutboxState::Held)
        && !(line.entry.state == OutboxState::Unsealed && line.entry.attempts > 0);
    Ok(QueueRow {
        change: change.id.to_string(),
        state: line.state.name().into(),
        priority: change.priority,
        collection: collection.map_or_else(String::new, |c| c.name.into()),
        record: first.map_or_else(String::new, |(_, id)| id.to_string()),
        title: line.title.clone().or_else(|| inserted_title(&change.ops)).unwrap_or_default(),
        summary: summary(&change.ops, change.command),
        fields: queue_fields(tx, &change.ops, &change.was)?,
        saved_at: rfc3339(change.time.wall_ms),
        attempts: line.entry.attempts,
        // The connection is retried as a whole (see `Status::next_try_s`): no change waits for a time of its own.
        next_attempt: None,
        error: queue_error(line),
        group: change.group.map(|g| GroupInfo { id: g.id.to_string(), index: g.index.into(), count: g.count.into() }),
        can_edit: can_take && change.command == 0 && has_values(&change.ops),
        can_discard: can_take,
    })
}

fn has_values(ops: &[Op]) -> bool {
    ops.iter().any(|op| matches!(op, Op::Set { .. } | Op::Insert { .. }))
}

/// The title a record gets by the change that makes it: it may be gone from the lists (refused).
fn inserted_title(ops: &[Op]) -> Option<String> {
    let Some(Op::Insert { collection, values, .. }) = ops.first() else { return None };
    let c = schema::by_id(*collection)?;
    let title = c.field(c.title)?;
    values.iter().find(|(f, _)| *f == title.id).and_then(|(_, v)| v.as_text()).map(str::to_owned)
}

fn queue_error(line: &QueueLine) -> Option<WireError> {
    let outcome = line.entry.outcome.as_ref();
    let told = outcome.and_then(|o| o.code.clone().zip(o.message.clone()));
    match (line.state, told) {
        (QueueState::Rejected | QueueState::Held, Some((code, message))) => Some(WireError::new(&code, message)),
        (QueueState::Rejected, None) => Some(WireError::new("rejected", "Central did not accept this change.")),
        (QueueState::Held, None) => {
            Some(WireError::new("held", "It waits for another change of this laptop that was not accepted."))
        }
        (QueueState::Blocked, _) => {
            let message = "What it changes is not here any more. Central will say what becomes of it.";
            Some(WireError::new("blocked", message))
        }
        _ => None,
    }
}

/// What a change does, in words.
pub fn summary(ops: &[Op], command: u16) -> String {
    if let Some(command) = schema::command_by_id(command) {
        return command.label.to_owned();
    }
    let records: BTreeSet<_> = ops.iter().map(Op::record).collect();
    let Some(op) = ops.first() else { return "Nothing".into() };
    let Some(c) = schema::by_id(op.record().0) else { return "Change of an unknown kind".into() };
    let label = c.label.to_lowercase();
    match op {
        Op::Insert { .. } => format!("Create {label}"),
        Op::Delete { .. } => format!("Delete {label}"),
        Op::Resolve { .. } => format!("Settle a conflict of this {label}"),
        Op::Undo { .. } => format!("Take back a change of this {label}"),
        _ if records.len() > 1 => format!("Change {} records", records.len()),
        _ => {
            let fields: BTreeSet<FieldId> = ops.iter().flat_map(Op::fields).collect();
            let mut labels = fields.iter().filter_map(|f| c.field_by_id(*f)).map(|f| f.label);
            match (labels.next(), fields.len()) {
                (Some(one), 1) => format!("Change {}", one.to_lowercase()),
                (Some(one), n) => format!("Change {} and {} more", one.to_lowercase(), n - 1),
                (None, _) => format!("Change {label}"),
            }
        }
    }
}

fn queue_fields(tx: &ReadTx<'_>, ops: &[Op], was: &[Value]) -> Stored<Vec<QueueField>> {
    let mut out: Vec<QueueField> = Vec::new();
    for (place, op) in ops.iter().enumerate() {
        let (cid, id) = op.record();
        let Some(c) = schema::by_id(cid) else { continue };
        let confirmed = |f: &Field| -> Stored<Value> {
            let layer = match tx.confirmed(cid, id)? {
                Some(layer) => layer,
                None => tx.row(cid, id)?.map(|s| s.row),
            };
            Ok(layer.map(|r| r.get(f.id).clone()).unwrap_or_default())
        };
        let mut push = |f: &Field, before: Json, after: Json| {
            out.push(QueueField { name: f.name.into(), before, after });
        };
        match op {
            Op::Set { field, value, .. } => {
                if let Some(f) = c.field_by_id(*field) {
                    let before = match was.get(place) {
                        Some(v) => f.to_json(v),
                        None => f.to_json(&confirmed(f)?),
                    };
                    push(f, before, f.to_json(value));
                }
            }
            Op::Insert { values, .. } => {
                for (field, value) in values {
                    if let Some(f) = c.field_by_id(*field) {
                        push(f, Json::Null, f.to_json(value));
                    }
                }
            }
            Op::Add { field, by, .. } => {
                if let Some(f) = c.field_by_id(*field) {
                    let sign = if *by < 0 { "" } else { "+" };
                    push(f, f.to_json(&confirmed(f)?), Json::from(format!("{sign}{}", f.to_text(&Value::Int(*by)))));
                }
            }
            Op::Include { field, item, .. } | Op::Exclude { field, item, .. } => {
                if let Some(f) = c.field_by_id(*field) {
                    let sign = if matches!(op, Op::Include { .. }) { "+" } else { "−" };
                    push(f, f.to_json(&confirmed(f)?), Json::from(format!("{sign} {item}")));
                }
            }
            Op::Text { field, edits, .. } => {
                if let Some(f) = c.field_by_id(*field) {
                    let before = was.get(place).cloned().unwrap_or_default();
                    let text = before.as_text().unwrap_or_default();
                    let after = omni_sync::text::apply(text, edits).map_or(Json::Null, Json::from);
                    push(f, f.to_json(&before), after);
                }
            }
            Op::Resolve { choice: Resolution::Values(values), .. }
            | Op::Undo { expects: Expected::Values(values), .. } => {
                for (field, value) in values {
                    if let Some(f) = c.field_by_id(*field) {
                        push(f, f.to_json(&confirmed(f)?), f.to_json(value));
                    }
                }
            }
            Op::Resolve { .. } | Op::Undo { .. } | Op::Delete { .. } => {}
        }
    }
    Ok(out)
}

/// One item. `own` says whether a device is this laptop.
pub fn conflict_row(tx: &ReadTx<'_>, item: &ConflictItem, own: &dyn Fn(DeviceId) -> bool) -> Stored<ConflictRow> {
    let c = schema::by_id(item.collection);
    let title = tx.title(item.collection, item.record)?.unwrap_or_else(|| item.record.to_string());
    let side = item.mine.first();
    let who = |device: Option<DeviceId>| device.map(|d| tx.device(d)).transpose().map(Option::flatten);
    let (first, theirs) = (who(side.map(|s| s.device))?, who(item.theirs_device)?);
    let settled = who(item.settled.as_ref().map(|s| s.device))?;
    let mut fields = Vec::new();
    for place in 0..item.fields.len().max(1) {
        fields.push(conflict_field(tx, item, c, place, first.as_ref())?);
    }
    let kind = match (item.rule.as_str(), side.is_some_and(|s| s.delete), item.fields.is_empty()) {
        (PARKED, ..) => "change",
        (_, true, _) | (_, _, true) => "record",
        _ if item.rule == "edit wins" || item.rule == "committed stands" => "record",
        _ => "field",
    };
    Ok(ConflictRow {
        id: item.id.to_string(),
        kind: kind.into(),
        decided: decided_word(item).into(),
        rule: item.rule.clone(),
        seq: item.seq,
        delete: side.is_some_and(|s| s.delete),
        own: side.is_some_and(|s| own(s.device)),
        typed_at: side.filter(|s| s.typed_ms > 0).map(|s| rfc3339(s.typed_ms)),
        theirs_by: theirs.as_ref().map(|d| d.operator.clone()),
        theirs_device: theirs.map(|d| d.name),
        theirs_at: (item.theirs_ms > 0).then(|| rfc3339(item.theirs_ms)),
        settled_by: settled.map(|d| d.operator),
        settled_at: item.settled.as_ref().map(|s| rfc3339(s.at_ms)),
        can_resolve: c.is_some() && !crate::conflicts::being_settled(tx, item)?,
        change: (kind == "change").then(|| side.map(|s| s.change.to_string())).flatten(),
        collection: c.map_or_else(String::new, |c| c.name.into()),
        record: item.record.to_string(),
        title,
        fields,
    })
}

fn decided_word(item: &ConflictItem) -> &'static str {
    match item.decided {
        Decided::Auto => "auto",
        Decided::Open => "open",
        Decided::Person => "person",
    }
}

/// One field of an item; `*` where the item is about the record or a whole change.
fn conflict_field(
    tx: &ReadTx<'_>,
    item: &ConflictItem,
    c: Option<&'static Collection>,
    place: usize,
    first: Option<&DirectoryEntry>,
) -> Stored<ConflictField> {
    let field = item.fields.get(place).and_then(|f| c.and_then(|c| c.field_by_id(*f)));
    let json = |all: &[Value]| field.zip(all.get(place)).map_or(Json::Null, |(f, v)| f.to_json(v));
    let side = item.mine.first();
    let mut also = Vec::new();
    for later in item.mine.iter().skip(1) {
        let who = tx.device(later.device)?;
        also.push(ConflictSide {
            value: json(&later.values),
            by: who.as_ref().map(|d| d.operator.clone()),
            device: who.map(|d| d.name),
            at: Some(rfc3339(later.arrived_ms)),
        });
    }
    Ok(ConflictField {
        name: field.map_or_else(|| "*".to_owned(), |f| f.name.to_owned()),
        label: field.map_or_else(|| c.map_or("Record", |c| c.label).to_owned(), |f| f.label.to_owned()),
        ty: field.map_or("record", |f| f.type_name()).to_owned(),
        also,
        settled: item.settled.as_ref().map_or(Json::Null, |s| json(&s.values)),
        base: json(&item.base),
        mine: side.map_or(Json::Null, |s| json(&s.values)),
        theirs: json(&item.theirs),
        by: first.map(|d| d.operator.clone()),
        device: first.map(|d| d.name.clone()),
        at: side.map(|s| rfc3339(s.arrived_ms)),
        rule: item.rule.clone(),
        decided: decided_word(item).into(),
        winner: (item.decided == Decided::Auto).then(|| "theirs".to_owned()),
    })
}

/// One commit.
pub fn recent_change(tx: &ReadTx<'_>, line: &CommitLine) -> Stored<RecentChange> {
    let first = line.effects.first().map(|(_, e)| e.record());
    let collection = first.and_then(|(c, _)| schema::by_id(c));
    let records: BTreeSet<_> = line.effects.iter().map(|(_, e)| e.record()).collect();
    let fields: BTreeSet<FieldId> = line
        .effects
        .iter()
        .filter(|(_, e)| Some(e.record()) == first)
        .flat_map(|(_, e)| match e {
            Effect::Create { fields, .. } | Effect::Put { fields, .. } => fields.iter().map(|(f, _)| *f).collect(),
            _ => Vec::new(),
        })
        .collect();
    let title = match first {
        Some((c, id)) => tx.title(c, id)?,
        None => None,
    };
    Ok(RecentChange {
        seq: Some(line.seq),
        change: line.info.change.to_string(),
        collection: collection.map_or_else(String::new, |c| c.name.into()),
        record: first.map_or_else(String::new, |(_, id)| id.to_string()),
        title,
        fields: fields.iter().filter_map(|f| collection.map(|c| name_of(c, *f))).collect(),
        records: records.len() as u64,
        by: line.by.as_ref().map(|d| d.operator.clone()),
        device: line.by.as_ref().map(|d| d.name.clone()),
        at: Some(rfc3339(line.info.at_ms)),
        command: schema::command_by_id(line.info.command).map_or("edit", |c| c.name).into(),
    })
}
