//! Command Center: nodes; and the three apps with what flows between them.

use crate::collection::{Collection, DeleteRule, OwnerRule};
use crate::field::FieldType::Text;
use crate::field::{App, Field, FieldType::*, Policy, Policy::*};
use crate::ids::CollectionId;

/// What operators set on a node; *online* needs a fresh beat.
pub const NODE_MODE: &[&str] = &["auto", "maintenance", "standby"];
/// How often data flows.
pub const FREQUENCY: &[&str] = &["realtime", "hourly", "daily"];
/// How critical a flow is.
pub const CRITICALITY: &[&str] = &["high", "medium", "low"];

/// A node of the network.
pub static NODE: Collection = Collection {
    id: CollectionId(11),
    name: "node",
    label: "Node",
    plural: "Nodes",
    component: "CommandCenter",
    title: "name",
    owner: OwnerRule::Global,
    delete: DeleteRule::EditWins,
    rules: &[],
    no_circle: None,
    event: "system_health",
    fields: &[
        Field::new(1, "name", "Name", Text, Latest).required().search().index(),
        Field::new(2, "kind", "Kind", Enum(&["ground", "satellite"]), Latest),
        Field::new(3, "region", "Region", Text, Latest),
        Field::new(4, "mode", "Mode", Enum(NODE_MODE), Authority).authority(App::Fruitful),
        Field::new(5, "last_beat", "Last beat", Time, Max),
        Field::new(6, "first_beat", "First beat", Time, Min),
        Field::new(7, "beats", "Beats", Int, Counter),
        Field::new(8, "notes", "Notes", LongText, Policy::Text),
    ],
};

/// One of the three apps.
pub static APP: Collection = Collection {
    id: CollectionId(12),
    name: "app",
    label: "App",
    plural: "Apps",
    component: "GlobalConfig",
    title: "name",
    owner: OwnerRule::Global,
    delete: DeleteRule::EditWins,
    rules: &[],
    no_circle: None,
    event: "system_health",
    fields: &[
        Field::new(1, "name", "Name", Text, Authority).authority(App::Fruitful).required().unique().search(),
        Field::new(2, "role", "Role", Text, Latest),
        Field::new(3, "base_url", "Base URL", Text, Latest),
        Field::new(4, "status", "Status", Enum(&["active", "paused"]), Latest),
        Field::new(5, "notes", "Notes", LongText, Policy::Text),
    ],
};

/// Data that flows from one component to another.
pub static APP_DEPENDENCY: Collection = Collection {
    id: CollectionId(13),
    name: "app_dependency",
    label: "App dependency",
    plural: "App dependencies",
    component: "GlobalConfig",
    title: "name",
    owner: OwnerRule::Global,
    delete: DeleteRule::EditWins,
    rules: &[],
    no_circle: None,
    event: "system_health",
    fields: &[
        Field::new(1, "name", "Name", Text, Latest).required().search(),
        Field::new(2, "source_app", "From app", Ref("app"), Latest).required().index(),
        Field::new(3, "target_app", "To app", Ref("app"), Latest).required().index(),
        Field::new(4, "source_component", "From component", Text, Latest),
        Field::new(5, "target_component", "To component", Text, Latest),
        Field::new(6, "data", "Data", TextSet, Set),
        Field::new(7, "frequency", "How often", Enum(FREQUENCY), Latest),
        Field::new(8, "criticality", "Critical", Enum(CRITICALITY), Latest),
    ],
};
