//! The eight treaties and what rests on what.

use super::Size;
use super::draft::Draft;
use super::rng::{Deck, Rng};
use crate::records::Row;
use crate::schema::treaty_mesh::{TREATY, TREATY_DEPENDENCY};
use crate::value::Value;

/// One treaty.
pub(super) struct TreatyFacts {
    /// Its public id.
    pub(super) key: &'static str,
    name: &'static str,
    /// Its sector as declared, and the sector's key where there is one.
    label: &'static str,
    sector: Option<&'static str>,
    pub(super) status: &'static str,
    clauses: usize,
    contracts: usize,
    /// Declared completion, in tenths of a percent.
    completion: i64,
}

impl TreatyFacts {
    /// How many clauses the sample holds.
    pub(super) fn clauses(&self, size: Size) -> usize {
        size.pick(self.clauses, self.clauses / 400 + 4)
    }

    /// How many of its clauses are bound: the declared share, except that nothing of a pending treaty is.
    pub(super) fn bound(&self, clauses: usize) -> usize {
        if self.status == "pending" {
            return 0;
        }
        (clauses * self.completion as usize + 500) / 1_000
    }

    /// How many contracts the sample holds.
    pub(super) fn contracts(&self, size: Size) -> usize {
        size.pick(self.contracts, self.contracts / 400 + 3)
    }
}

const fn treaty(
    key: &'static str,
    [name, label, status]: [&'static str; 3],
    sector: Option<&'static str>,
    [clauses, contracts]: [usize; 2],
    completion: i64,
) -> TreatyFacts {
    TreatyFacts { key, name, label, sector, status, clauses, contracts, completion }
}

/// The treaties. The creative one is pending here, where the real one binds, so that every state can be seen.
#[rustfmt::skip]
pub(super) const TREATIES: [TreatyFacts; 8] = [
    treaty("FAA-TREATY-OMNI-4321-A13XN", ["Omni Master Treaty", "MASTER", "immutable"], None, [2_847, 1_456], 1_000),
    treaty("FAA-TREATY-MINING-A13XN-001", ["Mining Treaty", "Mining", "immutable"], None, [847, 289], 1_000),
    treaty("FAA-TREATY-PAYROLL-A13XN-002", ["Payroll Treaty", "Payroll", "binding"],
        Some("payroll-mining"), [1_934, 756], 894),
    treaty("FAA-TREATY-RETAIL-A13XN-003", ["Retail Treaty", "Retail", "immutable"], Some("trade"), [1_245, 523], 1_000),
    treaty("FAA-TREATY-AI-A13XN-004", ["AI and Logic Treaty", "AI-Logic", "extending"],
        Some("ai-logic"), [1_678, 834], 947),
    treaty("FAA-TREATY-FINANCE-A13XN-005", ["Finance Treaty", "Finance", "immutable"],
        Some("banking"), [2_156, 967], 1_000),
    treaty("FAA-TREATY-CREATIVE-A13XN-006", ["Creative Treaty", "Creative", "pending"],
        Some("creative"), [734, 412], 873),
    treaty("FAA-TREATY-LOGISTICS-A13XN-007", ["Logistics Treaty", "Logistics", "immutable"],
        Some("logistics"), [1_123, 567], 1_000),
];

/// Desks, not people: the sample holds no personal data.
const REVIEWERS: &[&str] =
    &["Legal desk", "Compliance office", "Treasury", "Sector stewards", "Audit desk", "Licensing", "Archive"];

/// The treaties.
pub(super) fn make(seed: u64, sectors: &[Row]) -> Vec<Row> {
    let mut rng = Rng::stream(seed, "treaties");
    let mut reviewers = Deck::even(REVIEWERS);
    let mut rows = Vec::with_capacity(TREATIES.len());
    for facts in &TREATIES {
        let sector = sectors.iter().find(|s| s.key.as_deref() == facts.sector && facts.sector.is_some());
        let reviewer_count = 2 + rng.below(3);
        rows.push(
            Draft::new(&TREATY, facts.key.to_owned())
                .text("name", facts.name)
                .put("sector", sector.map_or(Value::Null, |s| Value::Id(s.id)))
                .text("sector_label", facts.label)
                .text("status", facts.status)
                .int("declared_clauses", facts.clauses as i64)
                .int("declared_contracts", facts.contracts as i64)
                .int("declared_completion", facts.completion)
                .int("version", rng.range(1, 12))
                .set("reviewers", reviewers.hand(&mut rng, reviewer_count))
                .text(
                    "notes",
                    format!("Sample treaty. Declared figures for {} are typed in, not counted.", facts.label),
                )
                .done(),
        );
    }
    rows
}

/// Who rests on whom, by the treaties' labels. No circles.
const DEPENDENCIES: &[(&str, &str, &str, &str)] = &[
    ("Mining", "extends", "MASTER", "Takes over the definitions and adds those of extraction and assay."),
    ("Payroll", "extends", "MASTER", "Takes over the definitions and adds those of pay and reward."),
    ("Retail", "extends", "MASTER", "Takes over the definitions and adds those of listing and sale."),
    ("AI-Logic", "extends", "MASTER", "Takes over the definitions and adds those of models and their use."),
    ("Finance", "extends", "MASTER", "Takes over the definitions and adds those of settlement and reserves."),
    ("Creative", "extends", "MASTER", "Takes over the definitions and adds those of works and credits."),
    ("Logistics", "extends", "MASTER", "Takes over the definitions and adds those of carriage and storage."),
    ("Payroll", "references", "Finance", "Payment dates follow the settlement calendar."),
    ("Mining", "references", "Logistics", "Carriage of extracted material."),
    ("Retail", "references", "Logistics", "Delivery and returns."),
    ("Creative", "references", "AI-Logic", "Works made with the help of models."),
    ("Retail", "supersedes", "Creative", "Credits on packaging, until the creative treaty binds."),
];

/// The dependencies between these treaties.
pub(super) fn dependencies(treaties: &[Row]) -> Vec<Row> {
    let labelled = |label: &str| treaties.iter().find(|t| t.named("sector_label").as_text() == Some(label));
    let key = |row: &Row| row.key.clone().unwrap_or_default();
    let mut rows = Vec::with_capacity(DEPENDENCIES.len());
    for (from, kind, to, notes) in DEPENDENCIES {
        let (Some(from), Some(to)) = (labelled(from), labelled(to)) else { continue };
        let draft = Draft::new(&TREATY_DEPENDENCY, format!("{}:{}", key(from), key(to)));
        rows.push(
            draft
                .under("treaty", from)
                .put("depends_on", Value::Id(to.id))
                .text("kind", *kind)
                .text("notes", *notes)
                .done(),
        );
    }
    rows
}
