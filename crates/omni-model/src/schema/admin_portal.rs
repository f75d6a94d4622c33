//! SeedwaveAdminPortal: sectors and brands.

use crate::collection::{Collection, DeleteRule, NoCircle, OwnerRule, Rule};
use crate::field::FieldType::Text;
use crate::field::{App, Field, FieldType::*, Policy, Policy::*};
use crate::ids::CollectionId;
use crate::schema::rules;

/// Index tiers of a sector.
pub const TIERS: &[&str] = &["A+", "A", "B+", "B"];
/// States an operator sets; *Sync* is derived from changes on their way.
pub const SECTOR_STATUS: &[&str] = &["Active", "Monitoring"];
/// Core brand or subnode of one.
pub const BRAND_KIND: &[&str] = &["core", "subnode"];
/// Legal kind of a brand.
pub const BRAND_TYPE: &[&str] = &["Enterprise", "Startup", "SME", "Corporation", "Partnership", "Cooperative"];
/// How a brand is doing.
pub const BRAND_STATUS: &[&str] = &["Active", "Growing", "Stable", "Expanding", "Optimizing"];
/// Where a brand's row came from; generated ones are never counted as named.
pub const BRAND_ORIGIN: &[&str] = &["source", "generated", "sample", "operator"];

/// A sector of the portfolio.
pub static SECTOR: Collection = Collection {
    id: CollectionId(1),
    name: "sector",
    label: "Sector",
    plural: "Sectors",
    component: "SeedwaveAdminPortal",
    title: "name",
    owner: OwnerRule::Itself,
    delete: DeleteRule::EditWins,
    rules: &[Rule { name: "fees", check: rules::fees_not_negative }],
    no_circle: None,
    event: "sector_update",
    fields: &[
        Field::new(1, "name", "Name", Text, Authority).authority(App::Fruitful).required().search().index(),
        Field::new(2, "icon", "Icon", Text, Latest),
        Field::new(3, "category", "Category", Text, Latest).index(),
        Field::new(4, "status", "Status", Enum(SECTOR_STATUS), Latest).index(),
        Field::new(5, "tier", "Index tier", Enum(TIERS), Latest),
        Field::new(6, "monthly_fee", "Monthly fee", Money, Protected).money().group("fees"),
        Field::new(7, "annual_fee", "Annual fee", Money, Protected).money().group("fees"),
        Field::new(8, "region", "Region", Text, Latest),
        Field::new(9, "declared_brands", "Brands (declared)", Int, Latest).declared(),
        Field::new(10, "declared_signal", "Signal % (declared)", Decimal(1), Latest).declared(),
        Field::new(11, "declared_compliance", "Compliance % (declared)", Decimal(1), Latest).declared(),
        Field::new(12, "declared_revenue", "Revenue (declared)", Money, Latest).declared().money(),
        Field::new(13, "declared_growth", "Growth % (declared)", Decimal(1), Latest).declared(),
        Field::new(14, "position", "Position", Int, Latest).index(),
        Field::new(15, "tags", "Tags", TextSet, Set),
        Field::new(16, "reviews", "Reviews", Int, Counter),
        Field::new(17, "notes", "Notes", LongText, Policy::Text),
    ],
};

/// A brand: core or subnode.
pub static BRAND: Collection = Collection {
    id: CollectionId(2),
    name: "brand",
    label: "Brand",
    plural: "Brands",
    component: "SeedwaveAdminPortal",
    title: "name",
    owner: OwnerRule::Inherit("sector"),
    delete: DeleteRule::EditWins,
    rules: &[Rule { name: "parent", check: rules::brand_parent }],
    no_circle: Some(NoCircle::Link("parent")),
    event: "brand_change",
    fields: &[
        Field::new(1, "name", "Name", Text, Latest).required().search().index(),
        Field::new(2, "sector", "Sector", Ref("sector"), Latest).required().index(),
        Field::new(3, "kind", "Kind", Enum(BRAND_KIND), Latest).required().index(),
        Field::new(4, "parent", "Parent brand", Ref("brand"), Latest).index(),
        Field::new(5, "position", "Position", Int, Latest),
        Field::new(6, "vault_mesh_id", "VaultMesh id", Text, Latest).search().index(),
        Field::new(7, "tier", "Sector tier", Enum(TIERS), Latest),
        Field::new(8, "origin", "Origin", Enum(BRAND_ORIGIN), Latest),
        Field::new(9, "duplicate_name", "Name repeats", Bool, Latest),
        Field::new(10, "type", "Type", Enum(BRAND_TYPE), Authority).authority(App::Banimal),
        Field::new(11, "status", "Status", Enum(BRAND_STATUS), Latest).index(),
        Field::new(12, "revenue", "Revenue", Money, Protected).money(),
        Field::new(13, "employees", "Employees", Int, Latest),
        Field::new(14, "markets", "Markets", TextSet, Set),
        Field::new(15, "tags", "Tags", TextSet, Set),
        Field::new(16, "reviews", "Reviews", Int, Counter),
        Field::new(17, "last_review", "Last review", Time, Max),
        Field::new(18, "first_seen", "First seen", Time, Min),
        Field::new(19, "notes", "Notes", LongText, Policy::Text),
    ],
};
