//! The pages of the payroll sectors: six for each core brand and subnode, eleven roles and contracts below them.

use super::payroll::{PAYROLL_SECTORS, PayrollFacts};
use super::rng::{Deck, Rng};
use super::sector_facts::SECTORS;
use super::{DAY_MS, Size, TODAY_MS, draft::Draft, words};
use crate::ids::RecordId;
use crate::records::Row;
use crate::schema::admin_portal::SECTOR;
use crate::schema::payroll_os::{ATOM_PAGES, CORE_PAGES, PAYROLL_PAGE, SUB_PAGES};

/// What a payroll sector without a sector names its pages after.
const MINING_THEMES: &str = "Seam Gallery Pithead Ore Drift Quarryman Shaft Tailings Smelter";

/// The pages of these payroll sectors.
pub(super) fn make(seed: u64, size: Size, payroll: &[Row], brands: &[Row]) -> Vec<Row> {
    let mut maker = Maker {
        rng: Rng::stream(seed, "payroll pages"),
        active: Deck::new(&[("built", 38), ("pending", 1), ("failed", 1)]),
        building: Deck::new(&[("built", 12), ("pending", 6), ("failed", 1)]),
        rows: Vec::new(),
    };
    for ((facts, row), first_kind) in PAYROLL_SECTORS.iter().zip(payroll).zip(0..) {
        let [core, sub, atom] = facts.pages;
        let levels = [
            ("core", CORE_PAGES, size.pick(core, 1)),
            ("sub", SUB_PAGES, size.pick(sub, 1)),
            ("atom", ATOM_PAGES, size.pick(atom, 2)),
        ];
        for (level, kinds, count) in levels {
            let subjects = maker.subjects(facts, brands, level, count.div_ceil(kinds.len()));
            for n in 0..count {
                // Each payroll sector starts with another kind: so a small sample has every kind too.
                let kind = kinds[(n + first_kind) % kinds.len()];
                maker.page(facts, row, level, n + 1, kind, &subjects[n / kinds.len()]);
            }
        }
    }
    maker.rows
}

struct Maker {
    rng: Rng,
    active: Deck<&'static str>,
    building: Deck<&'static str>,
    rows: Vec<Row>,
}

impl Maker {
    /// Whom pages are about: brands of the linked sectors as far as they go, then names of their trade.
    fn subjects(&mut self, facts: &PayrollFacts, brands: &[Row], level: &str, count: usize) -> Vec<String> {
        let kind = if level == "core" { "core" } else { "subnode" };
        let owners: Vec<RecordId> =
            facts.sectors.split_whitespace().map(|key| RecordId::from_key(SECTOR.name, key)).collect();
        let mut names: Vec<String> = brands
            .iter()
            .filter(|b| owners.contains(&b.owner) && b.named("kind").as_text() == Some(kind))
            .filter_map(|b| b.named("name").as_text())
            .take(count)
            .map(str::to_owned)
            .collect();
        let linked = SECTORS.iter().find(|s| facts.sectors.split_whitespace().any(|key| key == s.key));
        let themes: Vec<&str> = linked.map_or(MINING_THEMES, |s| s.themes).split(' ').collect();
        while names.len() < count {
            let name = words::fresh_brand(&mut self.rng, &themes, &names);
            names.push(name);
        }
        names
    }

    fn page(&mut self, facts: &PayrollFacts, sector: &Row, level: &str, number: usize, kind: &str, subject: &str) {
        let rng = &mut self.rng;
        let status = match facts.status {
            "completed" => "built",
            "building" => self.building.deal(rng),
            _ => self.active.deal(rng),
        };
        // Successful builds. A page that waits for its first one has neither output nor time.
        let builds = if status == "built" { rng.range(1, 14) } else { rng.range(0, 2) };
        let hash = || -> String { (0..4).map(|_| format!("{:016x}", rng.bits())).collect() };
        let output_hash = (builds > 0).then(hash);
        let built_at = (builds > 0).then(|| TODAY_MS - rng.range(0, 240 * DAY_MS / 1_000) * 1_000);
        self.rows.push(
            Draft::new(&PAYROLL_PAGE, format!("{}-{level}-{number:04}", facts.key))
                .under("payroll_sector", sector)
                .text("name", format!("{subject}: {}", kind.replace('-', " ")))
                .text("level", level)
                .text("kind", kind)
                .text("status", status)
                .maybe_text("output_hash", output_hash)
                .maybe_int("built_at", built_at)
                .int("builds", builds)
                .done(),
        );
    }
}
