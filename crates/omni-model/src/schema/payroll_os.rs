//! VaultMeshPayrollOS: payroll sectors and their built pages.

use crate::collection::{Collection, DeleteRule, OwnerRule, Rule};
use crate::field::FieldType::Text;
use crate::field::{Field, FieldType::*, Policy, Policy::*};
use crate::ids::CollectionId;
use crate::schema::rules;

/// States of a payroll sector.
pub const PAYROLL_STATUS: &[&str] = &["active", "building", "completed"];
/// Level of a page.
pub const PAGE_LEVEL: &[&str] = &["core", "sub", "atom"];
/// Kinds of core brand pages.
pub const CORE_PAGES: &[&str] = &["main", "dashboard", "pricing", "pulse", "contract-gen", "node-reports"];
/// Kinds of sub-brand pages.
pub const SUB_PAGES: &[&str] =
    &["main", "pricing", "giftnode-rewards", "clawnode-violations", "payslip", "compliance-report"];
/// Kinds of atom pages: roles and contract layer.
pub const ATOM_PAGES: &[&str] = &[
    "operator",
    "fieldagent",
    "driller",
    "educator",
    "developer",
    "medic",
    "creative",
    "smart-contract-master",
    "clause-matrix",
    "giftnode-map",
    "vault-redeem",
];
/// Every kind of page.
pub const PAGE_KIND: &[&str] = &[
    "main",
    "dashboard",
    "pricing",
    "pulse",
    "contract-gen",
    "node-reports",
    "giftnode-rewards",
    "clawnode-violations",
    "payslip",
    "compliance-report",
    "operator",
    "fieldagent",
    "driller",
    "educator",
    "developer",
    "medic",
    "creative",
    "smart-contract-master",
    "clause-matrix",
    "giftnode-map",
    "vault-redeem",
];
/// State of a page's build.
pub const BUILD_STATUS: &[&str] = &["pending", "built", "failed"];

/// A payroll sector.
pub static PAYROLL_SECTOR: Collection = Collection {
    id: CollectionId(9),
    name: "payroll_sector",
    label: "Payroll sector",
    plural: "Payroll sectors",
    component: "VaultMeshPayrollOS",
    title: "name",
    owner: OwnerRule::Itself,
    delete: DeleteRule::EditWins,
    rules: &[Rule { name: "counts", check: rules::payroll_counts }],
    no_circle: None,
    event: "payroll_sync",
    fields: &[
        Field::new(1, "name", "Name", Text, Latest).required().search().index(),
        Field::new(2, "icon", "Icon", Text, Latest),
        Field::new(3, "sectors", "Sectors", RefSet("sector"), Set),
        Field::new(4, "status", "Status", Enum(PAYROLL_STATUS), Latest).index(),
        Field::new(5, "declared_core_pages", "Core pages (declared)", Int, Latest).declared(),
        Field::new(6, "declared_sub_pages", "Sub pages (declared)", Int, Latest).declared(),
        Field::new(7, "declared_atom_pages", "Atom pages (declared)", Int, Latest).declared(),
        Field::new(8, "gift_nodes", "Gift nodes", Int, Latest),
        Field::new(9, "claw_nodes", "Claw nodes", Int, Latest),
        Field::new(10, "notes", "Notes", LongText, Policy::Text),
    ],
};

/// One page of a payroll sector.
pub static PAYROLL_PAGE: Collection = Collection {
    id: CollectionId(10),
    name: "payroll_page",
    label: "Payroll page",
    plural: "Payroll pages",
    component: "VaultMeshPayrollOS",
    title: "name",
    owner: OwnerRule::Inherit("payroll_sector"),
    delete: DeleteRule::EditWins,
    rules: &[],
    no_circle: None,
    event: "payroll_sync",
    fields: &[
        Field::new(1, "name", "Name", Text, Latest).required().search(),
        Field::new(2, "payroll_sector", "Payroll sector", Ref("payroll_sector"), Latest).required().index(),
        Field::new(3, "level", "Level", Enum(PAGE_LEVEL), Latest).required(),
        Field::new(4, "kind", "Kind", Enum(PAGE_KIND), Latest).required(),
        Field::new(5, "status", "Build", Enum(BUILD_STATUS), Latest),
        Field::new(6, "output_hash", "Output hash", Text, Latest),
        Field::new(7, "built_at", "Built at", Time, Max),
        Field::new(8, "builds", "Builds", Int, Counter),
    ],
};
