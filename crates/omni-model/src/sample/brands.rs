//! The brands: cores with their subnodes, sector by sector, each core before what hangs below it.

use super::draft::Draft;
use super::rng::{Deck, Rng};
use super::sector_facts::{SECTORS, SectorFacts};
use super::{DAY_MS, Size, TODAY_MS, words};
use crate::ids::RecordId;
use crate::records::Row;
use crate::schema::admin_portal::{BRAND, BRAND_STATUS, BRAND_TYPE};
use crate::schema::omni_sync::REGIONS;
use crate::value::Value;
use std::collections::BTreeSet;

/// The first VaultMesh number: above every real one.
const VAULT_MESH_FROM: i64 = 40_001;

/// Brands of all sectors.
pub(super) fn make(seed: u64, size: Size, sectors: &[Row]) -> Vec<Row> {
    let mut maker = Maker {
        rng: Rng::stream(seed, "brands"),
        rows: Vec::new(),
        keys: BTreeSet::new(),
        vault_mesh: VAULT_MESH_FROM,
        types: Deck::new(&BRAND_TYPE.iter().copied().zip([4, 3, 6, 3, 2, 1]).collect::<Vec<_>>()),
        status: Deck::new(&BRAND_STATUS.iter().copied().zip([8, 4, 5, 3, 2]).collect::<Vec<_>>()),
        origins: Deck::new(&[("sample", 27), ("operator", 2), ("source", 1)]),
        repeats: Deck::new(&[(false, 239), (true, 1)]),
        regions: Deck::even(REGIONS),
        tags: Deck::even(words::TAGS),
    };
    for (facts, sector) in SECTORS.iter().zip(sectors) {
        let [cores, subnodes, generated] = match size {
            Size::Full => facts.brands,
            Size::Small if facts.brands[2] > 0 => [1, 0, 1],
            Size::Small => [1, 1, 0],
        };
        maker.sector(facts, sector, cores, subnodes, generated);
    }
    maker.rows
}

struct Maker {
    rng: Rng,
    rows: Vec<Row>,
    keys: BTreeSet<String>,
    vault_mesh: i64,
    types: Deck<&'static str>,
    status: Deck<&'static str>,
    origins: Deck<&'static str>,
    repeats: Deck<bool>,
    regions: Deck<&'static str>,
    tags: Deck<&'static str>,
}

/// What tells one brand from the next; the rest is drawn.
struct Identity<'a> {
    key: String,
    name: String,
    sector: &'a Row,
    parent: Option<RecordId>,
    position: i64,
    generated: bool,
    duplicate: bool,
}

impl Maker {
    fn sector(&mut self, facts: &SectorFacts, sector: &Row, cores: usize, subnodes: usize, generated: usize) {
        let themes: Vec<&str> = facts.themes.split(' ').collect();
        let mut names: Vec<String> = Vec::with_capacity(cores);
        for below in self.spread(cores, subnodes, generated) {
            let (name, duplicate) = self.core_name(&themes, &names);
            let key = self.key(format!("{}-{}", facts.key, words::slug(&name)));
            let core = Identity {
                key: key.clone(),
                name: name.clone(),
                sector,
                parent: None,
                position: names.len() as i64 + 1,
                generated: false,
                duplicate,
            };
            let id = self.brand(core);
            self.subnodes(&key, &name, id, sector, &below);
            names.push(name);
        }
    }

    /// Which subnodes each core gets, and which of those are generated: uneven, but nobody goes without while there are
    /// enough.
    fn spread(&mut self, cores: usize, subnodes: usize, generated: usize) -> Vec<Vec<bool>> {
        let mut kinds: Vec<bool> = (0..subnodes + generated).map(|i| i < generated).collect();
        self.rng.shuffle(&mut kinds);
        let mut families = vec![Vec::new(); cores];
        for (i, kind) in kinds.into_iter().enumerate() {
            let family = if i < cores { i } else { self.rng.below(cores) };
            families[family].push(kind);
        }
        families
    }

    fn subnodes(&mut self, core_key: &str, core_name: &str, core: RecordId, sector: &Row, generated: &[bool]) {
        let mut endings = Deck::even(words::SUBNODES);
        for (&generated, position) in generated.iter().zip(1..) {
            let ending = endings.deal(&mut self.rng);
            let mark = if self.rng.chance(15) { "™" } else { "" };
            let subnode = Identity {
                key: self.key(format!("{core_key}-{}", words::slug(ending))),
                name: format!("{core_name} {ending}{mark}"),
                sector,
                parent: Some(core),
                position,
                generated,
                duplicate: false,
            };
            self.brand(subnode);
        }
    }

    /// A name no core of the sector has yet; a few repeat one on purpose, as they do in real lists.
    fn core_name(&mut self, themes: &[&str], taken: &[String]) -> (String, bool) {
        if self.repeats.deal(&mut self.rng) && !taken.is_empty() {
            return (taken[self.rng.below(taken.len())].clone(), true);
        }
        (words::fresh_brand(&mut self.rng, themes, taken), false)
    }

    fn key(&mut self, wanted: String) -> String {
        let mut key = wanted.clone();
        let mut n = 2;
        while !self.keys.insert(key.clone()) {
            key = format!("{wanted}-{n}");
            n += 1;
        }
        key
    }

    fn brand(&mut self, brand: Identity) -> RecordId {
        let rng = &mut self.rng;
        let kind = if brand.parent.is_some() { "subnode" } else { "core" };
        let origin = if brand.generated { "generated" } else { self.origins.deal(rng) };
        self.vault_mesh += rng.range(1, 3);
        let reviews = rng.range(0, 12) * i64::from(rng.chance(60));
        let known_days = rng.range(30, 2_900);
        let reviewed = TODAY_MS - rng.range(0, known_days) * DAY_MS;
        // Figures of a brand are empty until somebody enters them.
        let entered = !brand.generated && rng.chance(35);
        let (market_count, tag_count) = (rng.below(4) * usize::from(entered), rng.below(3));
        let row = Draft::new(&BRAND, brand.key)
            .under("sector", brand.sector)
            .text("name", brand.name)
            .text("kind", kind)
            .put("parent", brand.parent.map_or(Value::Null, Value::Id))
            .int("position", brand.position)
            .maybe_text("vault_mesh_id", (!brand.generated).then(|| self.vault_mesh.to_string()))
            .put("tier", brand.sector.named("tier").clone())
            .text("origin", origin)
            .flag("duplicate_name", brand.duplicate)
            .text("type", self.types.deal(rng))
            .text("status", self.status.deal(rng))
            .maybe_int("revenue", entered.then(|| rng.range(1_000_000, 50_999_999) * 100))
            .maybe_int("employees", entered.then(|| rng.range(10, 5_009)))
            .set("markets", self.regions.hand(rng, market_count))
            .set("tags", self.tags.hand(rng, tag_count))
            .int("reviews", reviews)
            .maybe_int("last_review", (reviews > 0).then_some(reviewed))
            .int("first_seen", TODAY_MS - known_days * DAY_MS)
            .maybe_text("notes", rng.chance(5).then(|| words::note(rng)))
            .done();
        let id = row.id;
        self.rows.push(row);
        id
    }
}
