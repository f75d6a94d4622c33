//! TreatyMeshController: treaties, clauses, contracts, dependencies.

use crate::collection::{Collection, DeleteRule, NoCircle, OwnerRule, Rule};
use crate::field::FieldType::Text;
use crate::field::{Field, FieldType::*, Policy, Policy::*};
use crate::ids::CollectionId;
use crate::schema::rules;

/// States of a treaty.
pub const TREATY_STATUS: &[&str] = &["pending", "extending", "binding", "immutable"];
/// States of an approval.
pub const APPROVAL: &[&str] = &["pending", "approved", "rejected", "executed"];
/// Reward tiers of a contract.
pub const REWARD_TIER: &[&str] = &["TIER-RED", "TIER-PLATINUM"];

/// A treaty whose clauses bind sectors.
pub static TREATY: Collection = Collection {
    id: CollectionId(5),
    name: "treaty",
    label: "Treaty",
    plural: "Treaties",
    component: "TreatyMeshController",
    title: "name",
    owner: OwnerRule::Itself,
    delete: DeleteRule::CommittedStands,
    rules: &[],
    no_circle: None,
    event: "treaty_binding",
    fields: &[
        Field::new(1, "name", "Name", Text, Latest).required().search().index(),
        Field::new(2, "sector", "Sector", Ref("sector"), Latest).index(),
        Field::new(3, "sector_label", "Sector as declared", Text, Latest).declared(),
        Field::new(4, "status", "Status", Enum(TREATY_STATUS), Protected).index(),
        Field::new(5, "declared_clauses", "Clauses (declared)", Int, Latest).declared(),
        Field::new(6, "declared_contracts", "Contracts (declared)", Int, Latest).declared(),
        Field::new(7, "declared_completion", "Completion % (declared)", Decimal(1), Latest).declared(),
        Field::new(8, "version", "Version", Int, Protected),
        Field::new(9, "reviewers", "Reviewers", TextSet, Set),
        Field::new(10, "notes", "Notes", LongText, Policy::Text),
    ],
};

/// One clause of a treaty.
pub static CLAUSE: Collection = Collection {
    id: CollectionId(6),
    name: "clause",
    label: "Clause",
    plural: "Clauses",
    component: "TreatyMeshController",
    title: "heading",
    owner: OwnerRule::Inherit("treaty"),
    delete: DeleteRule::CommittedStands,
    rules: &[],
    no_circle: None,
    event: "treaty_binding",
    fields: &[
        Field::new(1, "treaty", "Treaty", Ref("treaty"), Protected).required().index(),
        Field::new(2, "number", "Number", Int, Latest).index(),
        Field::new(3, "heading", "Heading", Text, Latest).required().search(),
        Field::new(4, "text", "Text", LongText, Policy::Text).search().frozen_by("bound"),
        Field::new(5, "bound", "Bound", Bool, Protected),
        Field::new(6, "position", "Position", Decimal(6), Order),
    ],
};

/// A contract under a treaty.
pub static CONTRACT: Collection = Collection {
    id: CollectionId(7),
    name: "contract",
    label: "Contract",
    plural: "Contracts",
    component: "TreatyMeshController",
    title: "name",
    owner: OwnerRule::Inherit("treaty"),
    delete: DeleteRule::CommittedStands,
    rules: &[Rule { name: "span", check: rules::contract_span }],
    no_circle: None,
    event: "treaty_binding",
    fields: &[
        Field::new(1, "name", "Name", Text, Latest).required().search().index(),
        Field::new(2, "treaty", "Treaty", Ref("treaty"), Protected).required().index(),
        Field::new(3, "party_a", "First party", Text, Latest).search(),
        Field::new(4, "party_b", "Second party", Text, Latest).search(),
        Field::new(5, "amount", "Amount", Money, Protected).money().group("price"),
        Field::new(6, "currency", "Currency", Enum(&["USD", "ECR"]), Protected).money().group("price"),
        Field::new(7, "starts_at", "Starts", Time, Protected).group("span"),
        Field::new(8, "ends_at", "Ends", Time, Protected).group("span"),
        Field::new(9, "approval", "Approval", Enum(APPROVAL), Protected).index(),
        Field::new(10, "reward_tier", "Reward tier", Enum(REWARD_TIER), Latest),
    ],
};

/// One treaty rests on another.
pub static TREATY_DEPENDENCY: Collection = Collection {
    id: CollectionId(8),
    name: "treaty_dependency",
    label: "Treaty dependency",
    plural: "Treaty dependencies",
    component: "TreatyMeshController",
    title: "kind",
    owner: OwnerRule::Inherit("treaty"),
    delete: DeleteRule::EditWins,
    rules: &[Rule { name: "ends", check: rules::dependency_ends }],
    no_circle: Some(NoCircle::Edge { from: "treaty", to: "depends_on" }),
    event: "treaty_binding",
    fields: &[
        Field::new(1, "treaty", "Treaty", Ref("treaty"), Latest).required().index(),
        Field::new(2, "depends_on", "Rests on", Ref("treaty"), Latest).required().index(),
        Field::new(3, "kind", "Kind", Enum(&["extends", "references", "supersedes"]), Latest).required().search(),
        Field::new(4, "notes", "Notes", LongText, Policy::Text),
    ],
};
