//! SeedwaveOmniSync: scrolls and their deployments by region.

use crate::collection::{Collection, DeleteRule, OwnerRule, Rule};
use crate::field::FieldType::Text;
use crate::field::{App, Field, FieldType::*, Policy, Policy::*};
use crate::ids::CollectionId;
use crate::schema::rules;

/// What a scroll licenses.
pub const SCROLL_TYPE: &[&str] =
    &["tokenized", "identity", "security", "infrastructure", "content", "analytics", "commerce", "governance"];
/// States of a scroll.
pub const SCROLL_STATUS: &[&str] = &["pending", "activating", "active", "deployed", "maintenance"];
/// From each state, where it may go.
pub const SCROLL_TRANSITIONS: &[(&str, &[&str])] = &[
    ("pending", &["activating", "maintenance"]),
    ("activating", &["active", "maintenance"]),
    ("active", &["deployed", "maintenance"]),
    ("deployed", &["active", "maintenance"]),
    ("maintenance", &["pending", "activating", "active", "deployed"]),
];
/// How royalties are split.
pub const SPLIT_MODE: &[&str] = &["standard", "premium", "enterprise", "custom"];
/// Regions of a deployment.
pub const REGIONS: &[&str] = &["North America", "Europe", "Asia-Pacific", "Latin America", "Africa", "Global"];
/// Features of a scroll.
pub const FEATURES: &[&str] =
    &["Real-time Processing", "Blockchain Verification", "AI Integration", "Global Deployment"];
/// Categories of a scroll.
pub const SCROLL_CATEGORY: &[&str] = &["quantum", "blockchain", "ai-intelligence", "neural-networks"];
/// Priorities of a scroll.
pub const PRIORITY: &[&str] = &["high", "medium", "low"];
/// Wanted state of a deployment.
pub const DEPLOYMENT_STATUS: &[&str] = &["requested", "active", "paused", "withdrawn"];

/// A licence scroll of a brand.
pub static SCROLL: Collection = Collection {
    id: CollectionId(3),
    name: "scroll",
    label: "Scroll",
    plural: "Scrolls",
    component: "SeedwaveOmniSync",
    title: "name",
    owner: OwnerRule::Inherit("brand"),
    delete: DeleteRule::EditWins,
    rules: &[Rule { name: "fees", check: rules::scroll_fees }],
    no_circle: None,
    event: "scroll_change",
    fields: &[
        Field::new(1, "name", "Name", Text, Latest).required().search().index(),
        Field::new(2, "brand", "Brand", Ref("brand"), Latest).required().index(),
        Field::new(3, "type", "Type", Enum(SCROLL_TYPE), Latest).index(),
        Field::new(4, "status", "Status", Enum(SCROLL_STATUS), Transition(SCROLL_TRANSITIONS)).index(),
        Field::new(5, "priority", "Priority", Enum(PRIORITY), Latest),
        Field::new(6, "category", "Category", Enum(SCROLL_CATEGORY), Authority).authority(App::Fruitful),
        Field::new(7, "master_fee", "Master fee", Money, Protected).money(),
        Field::new(8, "fee_local", "Monthly fee, local", Money, Protected).money().group("fees"),
        Field::new(9, "fee_regional", "Monthly fee, regional", Money, Protected).money().group("fees"),
        Field::new(10, "fee_global", "Monthly fee, global", Money, Protected).money().group("fees"),
        Field::new(11, "royalty", "Royalty %", Decimal(1), Protected).money(),
        Field::new(12, "split_mode", "Split", Enum(SPLIT_MODE), Latest),
        Field::new(13, "vault_id", "Vault id", Text, Latest),
        Field::new(14, "regions", "Regions", EnumSet(REGIONS), Set),
        Field::new(15, "features", "Features", EnumSet(FEATURES), Set),
        Field::new(16, "family", "Family", Text, Latest),
        Field::new(17, "activates_at", "Activates at", Time, Latest),
        Field::new(18, "notes", "Notes", LongText, Policy::Text),
    ],
};

/// One scroll in one region.
pub static DEPLOYMENT: Collection = Collection {
    id: CollectionId(4),
    name: "deployment",
    label: "Deployment",
    plural: "Deployments",
    component: "SeedwaveOmniSync",
    title: "region",
    owner: OwnerRule::Inherit("scroll"),
    delete: DeleteRule::EditWins,
    rules: &[],
    no_circle: None,
    event: "scroll_deployment",
    fields: &[
        Field::new(1, "scroll", "Scroll", Ref("scroll"), Latest).required().index(),
        Field::new(2, "region", "Region", Enum(REGIONS), Latest).required().search().index(),
        Field::new(3, "status", "Status", Enum(DEPLOYMENT_STATUS), Latest).required().index(),
        Field::new(4, "monthly_fee", "Monthly fee", Money, Protected).money(),
        Field::new(5, "since", "In force since", Time, Latest),
        Field::new(6, "version", "Version", Int, Max),
    ],
};
