//! The domain commands. Each plan checks its preconditions and makes its operations from nothing but its arguments and
//! the records it is shown, so that laptop and central come to the same result.

use crate::Collection;
use crate::command::{Arg, Args, Command, Offline, Refusal, existing};
use crate::ids::{FieldId, RecordId};
use crate::op::Op;
use crate::records::{Records, Row};
use crate::schema::{self, omni_sync};
use crate::value::Value;

const fn arg(name: &'static str, help: &'static str) -> Arg {
    Arg { name, help, required: true }
}

/// Every command. Wire numbers are append-only.
pub static COMMANDS: &[Command] = &[
    Command {
        id: 1,
        name: "sector.set_status",
        version: 1,
        label: "Set a sector's status",
        args: &[arg("sector", "Sector id or key"), arg("status", "Active or Monitoring")],
        offline: Offline::Yes,
        plan: |records, args| set_word(records, args, "sector", "status"),
    },
    Command {
        id: 2,
        name: "brand.set_status",
        version: 1,
        label: "Set a brand's status",
        args: &[arg("brand", "Brand id or key"), arg("status", "New status")],
        offline: Offline::Yes,
        plan: |records, args| set_word(records, args, "brand", "status"),
    },
    Command {
        id: 3,
        name: "brand.move",
        version: 1,
        label: "Move a brand with its subnodes to another sector",
        args: &[arg("brand", "Core brand id or key"), arg("sector", "Target sector id or key")],
        offline: Offline::Yes,
        plan: move_brand,
    },
    Command {
        id: 4,
        name: "scroll.deploy",
        version: 1,
        label: "Deploy a scroll in a region",
        args: &[arg("scroll", "Scroll id or key"), arg("region", "One of the scroll's regions")],
        offline: Offline::Yes,
        plan: deploy,
    },
    Command {
        id: 5,
        name: "scroll.withdraw",
        version: 1,
        label: "Withdraw a scroll from a region",
        args: &[arg("scroll", "Scroll id or key"), arg("region", "Region it is deployed in")],
        offline: Offline::Yes,
        plan: withdraw,
    },
    Command {
        id: 6,
        name: "scroll.set_status",
        version: 1,
        label: "Move a scroll to its next state",
        args: &[arg("scroll", "Scroll id or key"), arg("status", "New status")],
        offline: Offline::Yes,
        plan: scroll_status,
    },
    Command {
        id: 7,
        name: "node.set_mode",
        version: 1,
        label: "Set a node's mode",
        args: &[arg("node", "Node id or key"), arg("mode", "auto, maintenance or standby")],
        offline: Offline::Yes,
        plan: |records, args| set_word(records, args, "node", "mode"),
    },
    Command {
        id: 8,
        name: "treaty.bind_clause",
        version: 1,
        label: "Bind a clause",
        args: &[arg("clause", "Clause id or key")],
        offline: Offline::No,
        plan: bind_clause,
    },
    Command {
        id: 9,
        name: "payroll.request_build",
        version: 1,
        label: "Ask for a page to be built again",
        args: &[arg("page", "Payroll page id or key")],
        offline: Offline::Queued,
        plan: request_build,
    },
];

fn collection(name: &str) -> Result<&'static Collection, Refusal> {
    schema::by_name(name).ok_or_else(|| Refusal::new("unknown_collection", format!("There is no collection “{name}”.")))
}

fn field(c: &Collection, name: &str) -> Result<FieldId, Refusal> {
    c.field(name).map(|f| f.id).ok_or_else(|| Refusal::new("unknown_field", format!("There is no field “{name}”.")))
}

fn set(row: &Row, name: &str, value: Value) -> Result<Op, Refusal> {
    let c = schema::by_id(row.collection).ok_or_else(|| Refusal::new("unknown_collection", "Unknown collection."))?;
    Ok(Op::Set { collection: row.collection, record: row.id, field: field(c, name)?, value })
}

/// Sets one enum field of the record named by the argument of the collection's name.
fn set_word(records: &dyn Records, args: &Args, kind: &str, name: &str) -> Result<Vec<Op>, Refusal> {
    let row = existing(records, kind, args, kind)?;
    let definition = collection(kind)?.field(name).ok_or_else(|| Refusal::new("unknown_field", "Unknown field."))?;
    let value = definition.parse(args.required(name)?).map_err(|e| Refusal::new("invalid", e.to_string()))?;
    Ok(vec![set(&row, name, value)?])
}

fn move_brand(records: &dyn Records, args: &Args) -> Result<Vec<Op>, Refusal> {
    let brand = existing(records, "brand", args, "brand")?;
    let sector = existing(records, "sector", args, "sector")?;
    if brand.named("kind").as_text() != Some("core") {
        return Err(Refusal::new("not_core", "Only a core brand can be moved; its subnodes come along."));
    }
    let brands = collection("brand")?;
    let mut family: Vec<RecordId> = records.linked(brands.id, field(brands, "parent")?, brand.id);
    family.insert(0, brand.id);
    let target = field(brands, "sector")?;
    let op = |record| Op::Set { collection: brands.id, record, field: target, value: Value::Id(sector.id) };
    Ok(family.into_iter().map(op).collect())
}

/// The deployment record of a scroll in a region: its key follows from both, so deploying twice is one record.
fn deployment_of(scroll: &Row, region: &str) -> (RecordId, String) {
    let key = format!("{}:{region}", scroll.key.clone().unwrap_or_else(|| scroll.id.to_string()));
    (RecordId::from_key("deployment", &key), key)
}

fn deploy(records: &dyn Records, args: &Args) -> Result<Vec<Op>, Refusal> {
    let scroll = existing(records, "scroll", args, "scroll")?;
    let region = args.required("region")?;
    if !scroll.named("regions").as_set().is_some_and(|r| r.contains(region)) {
        return Err(Refusal::new("region", format!("This scroll is not licensed for “{region}”.")));
    }
    let deployments = collection("deployment")?;
    let (id, key) = deployment_of(&scroll, region);
    if let Some(row) = records.get(deployments.id, id) {
        return Ok(vec![set(&row, "status", Value::text("requested"))?]);
    }
    let fee = match region {
        "Global" => "fee_global",
        "Africa" | "Latin America" => "fee_local",
        _ => "fee_regional",
    };
    let mut values = vec![
        (field(deployments, "scroll")?, Value::Id(scroll.id)),
        (field(deployments, "region")?, Value::text(region)),
        (field(deployments, "status")?, Value::text("requested")),
        (field(deployments, "version")?, Value::Int(1)),
    ];
    if let Some(fee) = scroll.named(fee).as_int() {
        values.push((field(deployments, "monthly_fee")?, Value::Int(fee)));
    }
    Ok(vec![Op::Insert { collection: deployments.id, record: id, key: Some(key), values }])
}

fn withdraw(records: &dyn Records, args: &Args) -> Result<Vec<Op>, Refusal> {
    let scroll = existing(records, "scroll", args, "scroll")?;
    let region = args.required("region")?;
    let (id, _) = deployment_of(&scroll, region);
    let row = records
        .get(collection("deployment")?.id, id)
        .ok_or_else(|| Refusal::new("not_found", format!("This scroll is not deployed in “{region}”.")))?;
    Ok(vec![set(&row, "status", Value::text("withdrawn"))?])
}

fn scroll_status(records: &dyn Records, args: &Args) -> Result<Vec<Op>, Refusal> {
    let scroll = existing(records, "scroll", args, "scroll")?;
    let wanted = args.required("status")?;
    let now = scroll.named("status").as_text().unwrap_or("pending");
    let allowed = omni_sync::SCROLL_TRANSITIONS.iter().find(|(from, _)| *from == now).map_or(&[][..], |(_, to)| *to);
    if !allowed.contains(&wanted) {
        let list = allowed.join(", ");
        return Err(Refusal::new("transition", format!("A scroll that is {now} can become: {list}.")));
    }
    Ok(vec![set(&scroll, "status", Value::text(wanted))?])
}

fn bind_clause(records: &dyn Records, args: &Args) -> Result<Vec<Op>, Refusal> {
    let clause = existing(records, "clause", args, "clause")?;
    if clause.named("text").is_null() {
        return Err(Refusal::new("empty_clause", "A clause without text cannot be bound."));
    }
    if clause.named("bound") == &Value::Bool(true) {
        return Err(Refusal::new("bound", "This clause is bound already."));
    }
    Ok(vec![set(&clause, "bound", Value::Bool(true))?])
}

fn request_build(records: &dyn Records, args: &Args) -> Result<Vec<Op>, Refusal> {
    let page = existing(records, "payroll_page", args, "page")?;
    Ok(vec![set(&page, "status", Value::text("pending"))?])
}
