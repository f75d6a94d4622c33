//! A case's schema as a catalog of one collection, and the case's names as ids.

use super::format::{Case, OpText, Schema};
use omni_model::{
    Args, Catalog, Collection, CollectionId, Command, DeleteRule, Field, FieldId, FieldType, Offline, Op, OwnerRule,
    Policy, RecordId, Records, Refusal, Value,
};
use omni_protocol::{ChangeId, DeviceId, ReplicaId};
use serde_json::{Map, Value as Json};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// The one collection of a case. Not a number of the product's: central asks the product's table for compartments.
pub const KIND: CollectionId = CollectionId(9_000);
/// The one command of a case: checks its preconditions and makes no operations of its own.
pub const COMMAND: u16 = 1;
/// The refusal of a precondition that does not hold.
pub const PRECONDITION: &str = "precondition";
/// Numbers of cases are kept as millionths.
const PLACES: u8 = 6;

/// The collection a case plays on.
#[derive(Clone, Copy, Debug)]
pub struct World {
    /// Serves the collection and the command.
    pub catalog: &'static Catalog,
    /// The collection.
    pub collection: &'static Collection,
}

impl World {
    /// The world of a case. Worlds live as long as the process: equal ones are shared.
    pub fn of(case: &Case) -> Result<World, String> {
        thread_local! {
            static KNOWN: RefCell<HashMap<String, World>> = RefCell::default();
        }
        let types = types(case);
        let key = format!("{:?}{types:?}", case.schema);
        if let Some(world) = KNOWN.with(|known| known.borrow().get(&key).copied()) {
            return Ok(world);
        }
        let world = build(&case.schema, &types)?;
        KNOWN.with(|known| known.borrow_mut().insert(key, world));
        Ok(world)
    }

    /// The field of this name.
    pub fn field(&self, name: &str) -> Result<&'static Field, String> {
        self.collection.field(name).ok_or_else(|| format!("there is no field {name}"))
    }

    /// The fields of a field's name (itself), or of a merge group's.
    pub fn unit(&self, name: &str) -> Result<Vec<&'static Field>, String> {
        let group: Vec<&Field> = self.collection.fields.iter().filter(|f| f.group == Some(name)).collect();
        if group.is_empty() { self.field(name).map(|f| vec![f]) } else { Ok(group) }
    }

    /// A value of the case as the field holds it.
    pub fn value(&self, field: &Field, json: &Json) -> Result<Value, String> {
        match (json, field.ty) {
            (Json::Null, _) => Ok(Value::Null),
            (Json::Number(n), FieldType::Decimal(_)) => field.parse(&n.to_string()).map_err(|e| e.to_string()),
            (Json::Bool(b), FieldType::Bool) => Ok(Value::Bool(*b)),
            (Json::String(s), _) => Ok(Value::text(s)),
            (Json::Array(items), FieldType::TextSet) => {
                let items: Option<Vec<&str>> = items.iter().map(Json::as_str).collect();
                items.map(Value::set).ok_or_else(|| format!("{}: only texts stand in a set", field.name))
            }
            _ => Err(format!("{}: {json} does not fit", field.name)),
        }
    }

    /// The value as a case writes it.
    pub fn json(&self, value: &Value) -> Json {
        match value {
            Value::Null | Value::Raw(_) => Json::Null,
            Value::Bool(b) => Json::Bool(*b),
            Value::Int(n) => {
                let unit = 10_i64.pow(u32::from(PLACES));
                if n % unit == 0 { Json::from(n / unit) } else { Json::from(*n as f64 / unit as f64) }
            }
            Value::Text(s) => Json::from(s.as_str()),
            Value::Id(id) => Json::from(id.to_string()),
            Value::Set(items) => items.iter().map(|i| Json::from(i.as_str())).collect(),
        }
    }

    /// The name of a field.
    pub fn name(&self, id: FieldId) -> String {
        self.collection.field_by_id(id).map_or_else(|| format!("field {}", id.0), |f| f.name.to_owned())
    }
}

/// A record's id. Ids sort like the names do, as the order of equal indexes follows from ids.
pub fn record_id(name: &str) -> RecordId {
    let mut bytes = [0_u8; 16];
    let n = name.len().min(16);
    bytes[..n].copy_from_slice(&name.as_bytes()[..n]);
    if name.len() > 16 {
        bytes[8..].copy_from_slice(&named("record", name).as_bytes()[8..]);
    }
    RecordId(Uuid::from_bytes(bytes))
}

/// A change's id.
pub fn change_id(name: &str) -> ChangeId {
    ChangeId(named("change", name))
}

/// A replica's id.
pub fn replica_id(name: &str) -> ReplicaId {
    ReplicaId(named("replica", name))
}

/// The device of a replica.
pub fn device_id(name: &str) -> DeviceId {
    DeviceId(named("device", name))
}

fn named(kind: &str, name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{kind} {name}").as_bytes())
}

/// What each field holds, by its policy and the values found.
fn types(case: &Case) -> BTreeMap<String, FieldType> {
    let mut found: BTreeMap<&str, FieldType> = BTreeMap::new();
    let mut note = |name: &'_ str, value: &Json| {
        if let (Some((name, _)), Some(ty)) = (case.schema.fields.get_key_value(name), type_of(value)) {
            found.entry(name).or_insert(ty);
        }
    };
    for (name, value) in case.base.record.iter().chain(case.base.others.values()).flatten() {
        note(name, value);
    }
    for op in case.commits.iter().chain(&case.incoming).flat_map(|c| &c.ops) {
        match op {
            OpText::Set { field, value, .. } => note(field, value),
            OpText::Insert { values, .. } => values.iter().for_each(|(name, value)| note(name, value)),
            OpText::Resolve { value: Json::Object(values), .. } => {
                values.iter().for_each(|(name, value)| note(name, value));
            }
            OpText::Resolve { field, value, .. } => note(field, value),
            _ => {}
        }
    }
    let ty = |name: &String, policy: &String| match policy.as_str() {
        "Counter" | "Max" | "Min" | "Order" => FieldType::Decimal(PLACES),
        "Set" => FieldType::TextSet,
        "Text" => FieldType::LongText,
        _ => found.get(name.as_str()).copied().unwrap_or(FieldType::Text),
    };
    case.schema.fields.iter().map(|(name, policy)| (name.clone(), ty(name, policy))).collect()
}

fn type_of(value: &Json) -> Option<FieldType> {
    match value {
        Json::Null | Json::Object(_) => None,
        Json::Number(_) => Some(FieldType::Decimal(PLACES)),
        Json::Bool(_) => Some(FieldType::Bool),
        Json::Array(_) => Some(FieldType::TextSet),
        Json::String(_) => Some(FieldType::Text),
    }
}

fn build(schema: &Schema, types: &BTreeMap<String, FieldType>) -> Result<World, String> {
    let group_of = |field: &str| schema.groups.iter().find(|(_, fields)| fields.iter().any(|f| f == field));
    let mut fields = Vec::new();
    for (at, (name, policy)) in schema.fields.iter().enumerate() {
        let id = u16::try_from(at + 1).map_err(|e| e.to_string())?;
        let mut field = Field::new(id, leak(name), leak(name), types[name], policy_of(schema, name, policy)?);
        field.group = group_of(name).map(|(group, _)| leak(group));
        field.unique = schema.unique.contains(name);
        fields.push(field);
    }
    let delete = match schema.delete.as_str() {
        "edit wins" => DeleteRule::EditWins,
        "committed stands" => DeleteRule::CommittedStands,
        other => return Err(format!("there is no delete rule “{other}”")),
    };
    let title = fields.first().map_or("", |f| f.name);
    let collection: &'static Collection = Box::leak(Box::new(Collection {
        id: KIND,
        name: "case",
        label: "Case",
        plural: "Cases",
        component: "cases",
        fields: Box::leak(fields.into_boxed_slice()),
        title,
        owner: OwnerRule::Global,
        delete,
        rules: &[],
        no_circle: None,
        event: "case",
    }));
    let collections = Box::leak(vec![collection].into_boxed_slice());
    let catalog = Box::leak(Box::new(Catalog { collections, commands: COMMANDS }));
    Ok(World { catalog, collection })
}

fn policy_of(schema: &Schema, field: &str, policy: &str) -> Result<Policy, String> {
    Ok(match policy {
        "Latest" => Policy::Latest,
        "Authority" => Policy::Authority,
        "Counter" => Policy::Counter,
        "Set" => Policy::Set,
        "Max" => Policy::Max,
        "Min" => Policy::Min,
        "Order" => Policy::Order,
        "Text" => Policy::Text,
        "Protected" => Policy::Protected,
        "Transition" => {
            let table = schema.transitions.get(field).ok_or_else(|| format!("{field} has no table of transitions"))?;
            let rows = table.iter().map(|(from, to)| {
                let to: Vec<&'static str> = to.iter().map(|s| leak(s)).collect();
                (leak(from), &*Box::leak(to.into_boxed_slice()))
            });
            Policy::Transition(Box::leak(rows.collect::<Vec<_>>().into_boxed_slice()))
        }
        other => return Err(format!("there is no policy {other}")),
    })
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

static COMMANDS: &[Command] = &[Command {
    id: COMMAND,
    name: "case.do",
    version: 1,
    label: "Do",
    args: &[],
    offline: Offline::Yes,
    plan: check_preconditions,
}];

/// One precondition as arguments of the command: its number → record, field and value.
pub fn precondition_arg(at: usize, record: RecordId, field: FieldId, value: &Value) -> (String, String) {
    let hex: String = value.to_wire().iter().map(|b| format!("{b:02x}")).collect();
    (format!("pre{at}"), format!("{record} {} {hex}", field.0))
}

fn check_preconditions(records: &dyn Records, args: &Args) -> Result<Vec<Op>, Refusal> {
    for text in args.0.values() {
        let mut words = text.split(' ');
        let record = words.next().and_then(|w| Uuid::parse_str(w).ok()).map(RecordId);
        let field = words.next().and_then(|w| w.parse().ok()).map(FieldId);
        let (Some(record), Some(field), Some(wanted)) = (record, field, words.next()) else {
            return Err(Refusal::new("usage", "A precondition cannot be read."));
        };
        let found = records.get(KIND, record).map(|row| row.get(field).clone()).unwrap_or_default();
        let found: String = found.to_wire().iter().map(|b| format!("{b:02x}")).collect();
        if found != wanted {
            return Err(Refusal::new(PRECONDITION, "What the command relied on no longer holds."));
        }
    }
    Ok(Vec::new())
}

/// Values by field of one record of the case.
pub fn values_of(world: &World, map: &Map<String, Json>) -> Result<Vec<(FieldId, Value)>, String> {
    map.iter()
        .map(|(name, json)| {
            let field = world.field(name)?;
            Ok((field.id, world.value(field, json)?))
        })
        .collect()
}
