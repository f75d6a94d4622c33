//! The 29 sectors.

use super::draft::Draft;
use super::rng::{Deck, Rng};
use super::sector_facts::SECTORS;
use super::words;
use crate::records::Row;
use crate::schema::admin_portal::{SECTOR, TIERS};
use crate::schema::omni_sync::REGIONS;

/// The sectors in display order. Fees follow the tier; the declared figures are typed-in constants like the real ones.
pub(super) fn make(seed: u64) -> Vec<Row> {
    let mut rng = Rng::stream(seed, "sectors");
    let (mut tiers, mut regions, mut tags) = (Deck::even(TIERS), Deck::even(REGIONS), Deck::even(words::TAGS));
    let mut rows = Vec::with_capacity(SECTORS.len());
    for (facts, position) in SECTORS.iter().zip(1..) {
        let tier = tiers.deal(&mut rng);
        let base = match tier {
            "A+" => 96,
            "A" => 72,
            "B+" => 48,
            _ => 30,
        };
        let monthly = base + rng.range(-6, 14);
        let tag_count = rng.below(4);
        rows.push(
            Draft::new(&SECTOR, facts.key.to_owned())
                .text("name", facts.name)
                .text("icon", facts.icon)
                .text("category", facts.category)
                .text("status", facts.status)
                .text("tier", tier)
                .int("monthly_fee", monthly * 100)
                // A year costs ten to eleven months.
                .int("annual_fee", monthly * rng.range(100, 110) * 10)
                .text("region", regions.deal(&mut rng))
                .int("declared_brands", facts.declared)
                .int("declared_signal", rng.range(820, 989))
                .int("declared_compliance", rng.range(880, 995))
                .int("declared_revenue", rng.range(80, 6_000) * 1_000_000 * 100)
                .int("declared_growth", rng.range(-25, 480))
                .int("position", position)
                .set("tags", tags.hand(&mut rng, tag_count))
                .int("reviews", rng.range(0, 24))
                .maybe_text("notes", rng.chance(50).then(|| words::note(&mut rng)))
                .done(),
        );
    }
    rows
}
