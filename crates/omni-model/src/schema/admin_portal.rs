//! SeedwaveAdminPortal: sectors and brands.

use crate::collection::{Collection, DeleteRule, OwnerRule};
use crate::field::{App, Field, FieldType, Policy};
use crate::ids::CollectionId;

/// Index tiers of a sector.
pub const TIERS: &[&str] = &["A+", "A", "B+", "B"];
/// States an operator sets; *Sync* is derived from changes on their way.
pub const SECTOR_STATUS: &[&str] = &["Active", "Monitoring"];

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
    rules: &[],
    event: "sector_update",
    fields: &[
        Field::new(1, "name", "Name", FieldType::Text, Policy::Authority).authority(App::Fruitful).required().search(),
        Field::new(2, "icon", "Icon", FieldType::Text, Policy::Latest),
        Field::new(3, "status", "Status", FieldType::Enum(SECTOR_STATUS), Policy::Latest).index(),
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
    rules: &[],
    event: "brand_change",
    fields: &[
        Field::new(1, "name", "Name", FieldType::Text, Policy::Latest).required().search().index(),
        Field::new(2, "sector", "Sector", FieldType::Ref("sector"), Policy::Latest).index(),
    ],
};
