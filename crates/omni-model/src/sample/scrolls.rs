//! Licence scrolls and their regional deployments.

use super::draft::Draft;
use super::rng::{Deck, Rng};
use super::{DAY_MS, Size, TODAY_MS, words};
use crate::records::Row;
use crate::schema::omni_sync::{
    DEPLOYMENT, FEATURES, PRIORITY, REGIONS, SCROLL, SCROLL_CATEGORY, SCROLL_TYPE, SPLIT_MODE,
};

const FAMILIES: &[&str] = &[
    "Harbour",
    "Lantern",
    "Keystone",
    "Meridian",
    "Tessera",
    "Cadence",
    "Daybook",
    "Northlight",
    "Orchard",
    "Palisade",
    "Quarry",
    "Rivulet",
    "Sextant",
    "Trellis",
    "Umbra",
    "Waymark",
];
/// How many scrolls there are.
const FULL: usize = 7_038;
const SMALL: usize = 54;
/// In how many regions a scroll is deployed. Its 18 cards divide both counts of scrolls, so that every seed deals whole
/// rounds and makes the same number of deployments.
const SPREAD: &[(usize, usize)] = &[(1, 7), (2, 5), (3, 3), (4, 1), (5, 1), (6, 1)];

/// The scrolls, in the order of the brands they belong to for the most part, and the deployments in the same order.
pub(super) fn make(seed: u64, size: Size, brands: &[Row]) -> (Vec<Row>, Vec<Row>) {
    let count = size.pick(FULL, SMALL);
    let mut rng = Rng::stream(seed, "scrolls");
    let mut maker = Maker::new();
    let mut deployer = Deployer::new(seed);
    let (mut scrolls, mut deployments) = (Vec::with_capacity(count), Vec::with_capacity(3 * count));
    for i in 0..count {
        // A brand may hold several scrolls, and so another none.
        let brand = if rng.chance(12) { &brands[rng.below(brands.len())] } else { &brands[i] };
        let deployed = maker.spread.deal(&mut rng);
        // Licensed for one region more now and then: there is something left to deploy.
        let licensed = deployed + usize::from(rng.chance(30));
        let regions = maker.regions.hand(&mut rng, licensed);
        let scroll = maker.scroll(&mut rng, i + 1, brand, &regions);
        deployments.extend(regions.iter().take(deployed).map(|region| deployer.deployment(&scroll, region)));
        scrolls.push(scroll);
    }
    (scrolls, deployments)
}

struct Maker {
    status: Deck<&'static str>,
    types: Deck<&'static str>,
    split: Deck<&'static str>,
    priority: Deck<&'static str>,
    category: Deck<&'static str>,
    families: Deck<&'static str>,
    features: Deck<&'static str>,
    regions: Deck<&'static str>,
    spread: Deck<usize>,
}

impl Maker {
    fn new() -> Maker {
        Maker {
            status: Deck::new(&[("pending", 2), ("activating", 1), ("active", 4), ("deployed", 9), ("maintenance", 2)]),
            types: Deck::even(SCROLL_TYPE),
            split: Deck::even(SPLIT_MODE),
            priority: Deck::even(PRIORITY),
            category: Deck::even(SCROLL_CATEGORY),
            families: Deck::even(FAMILIES),
            features: Deck::even(FEATURES),
            regions: Deck::new(&REGIONS.iter().copied().zip([5, 5, 4, 3, 2, 2]).collect::<Vec<_>>()),
            spread: Deck::new(SPREAD),
        }
    }

    fn scroll(&mut self, rng: &mut Rng, number: usize, brand: &Row, regions: &[&str]) -> Row {
        let family = self.families.deal(rng);
        let status = self.status.deal(rng);
        let days = if planned(status) { rng.range(3, 1_100) } else { -rng.range(5, 1_400) };
        let mut fees = [rng.range(50, 549), rng.range(200, 2_199), rng.range(500, 5_499)];
        fees.sort_unstable();
        let feature_count = rng.below(FEATURES.len() + 1);
        let name = brand.named("name").as_text().unwrap_or_default();
        Draft::new(&SCROLL, format!("scroll-{number:04}"))
            .under("brand", brand)
            .text("name", format!("{name} {family} Scroll"))
            .text("type", self.types.deal(rng))
            .text("status", status)
            .text("priority", self.priority.deal(rng))
            .text("category", self.category.deal(rng))
            .int("master_fee", rng.range(5_000, 54_999) * 100)
            .int("fee_local", fees[0] * 100)
            .int("fee_regional", fees[1] * 100)
            .int("fee_global", fees[2] * 100)
            .int("royalty", rng.range(10, 68) * 5)
            .text("split_mode", self.split.deal(rng))
            .text("vault_id", format!("vault-{number:06}"))
            .set("regions", regions.iter().copied())
            .set("features", self.features.hand(rng, feature_count))
            .text("family", family)
            .int("activates_at", TODAY_MS + days * DAY_MS)
            .maybe_text("notes", rng.chance(4).then(|| words::note(rng)))
            .done()
    }
}

/// Still on its way: it activates in the future.
fn planned(status: &str) -> bool {
    matches!(status, "pending" | "activating")
}

/// Makes deployments with the keys and fees the command `scroll.deploy` gives them.
struct Deployer {
    rng: Rng,
    running: Deck<&'static str>,
    resting: Deck<&'static str>,
}

impl Deployer {
    fn new(seed: u64) -> Deployer {
        Deployer {
            rng: Rng::stream(seed, "deployments"),
            running: Deck::new(&[("active", 12), ("requested", 1), ("paused", 1), ("withdrawn", 1)]),
            resting: Deck::new(&[("paused", 3), ("active", 2), ("withdrawn", 1)]),
        }
    }

    fn deployment(&mut self, scroll: &Row, region: &str) -> Row {
        let rng = &mut self.rng;
        let status = match scroll.named("status").as_text().unwrap_or_default() {
            s if planned(s) => "requested",
            "maintenance" => self.resting.deal(rng),
            _ => self.running.deal(rng),
        };
        let fee = match region {
            "Global" => "fee_global",
            "Africa" | "Latin America" => "fee_local",
            _ => "fee_regional",
        };
        // In force since some day after the scroll was activated; a request is not in force yet.
        let activated = scroll.named("activates_at").as_int().unwrap_or(TODAY_MS);
        let days = (TODAY_MS - activated) / DAY_MS;
        let since = (status != "requested").then(|| activated + rng.range(0, days) * DAY_MS);
        let version = if status == "requested" { 1 } else { rng.range(1, 9) };
        Draft::new(&DEPLOYMENT, format!("{}:{region}", scroll.key.as_deref().unwrap_or_default()))
            .under("scroll", scroll)
            .text("region", region)
            .text("status", status)
            .put("monthly_fee", scroll.named(fee).clone())
            .maybe_int("since", since)
            .int("version", version)
            .done()
    }
}
