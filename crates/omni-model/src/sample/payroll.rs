//! The fifteen payroll sectors.

use super::draft::Draft;
use super::rng::Rng;
use super::words;
use crate::ids::RecordId;
use crate::records::Row;
use crate::schema::admin_portal::SECTOR;
use crate::schema::payroll_os::PAYROLL_SECTOR;

/// One payroll sector.
pub(super) struct PayrollFacts {
    pub(super) key: &'static str,
    icon: &'static str,
    name: &'static str,
    pub(super) status: &'static str,
    /// Core, sub and atom pages.
    pub(super) pages: [usize; 3],
    gift_nodes: i64,
    claw_nodes: i64,
    /// Keys of the sectors it pays for, separated by spaces. Mining has none: the link stays empty on purpose.
    pub(super) sectors: &'static str,
}

const fn payroll(
    key: &'static str,
    [icon, name, status]: [&'static str; 3],
    pages: [usize; 3],
    [gift_nodes, claw_nodes]: [i64; 2],
    sectors: &'static str,
) -> PayrollFacts {
    PayrollFacts { key, icon, name, status, pages, gift_nodes, claw_nodes, sectors }
}

/// The payroll sectors.
#[rustfmt::skip]
pub(super) const PAYROLL_SECTORS: [PayrollFacts; 15] = [
    payroll("payroll-core", ["💰", "Payroll Core Systems", "completed"], [150, 850, 1_200], [347, 12], "payroll-mining"),
    payroll("retail-vendor-trade", ["🛍️", "Retail, Vendor & Trade", "active"], [183, 1_098, 2_380], [456, 8], "trade"),
    payroll("ai-logic-grid", ["🧠", "AI, Logic & Grid Systems", "active"], [188, 752, 1_700], [298, 15], "ai-logic"),
    payroll("creative-design", ["✒️", "Creative & Design Systems", "building"], [142, 710, 1_600], [234, 6],
        "creative"),
    payroll("finance-token-yield", ["₿", "Finance & Token Yield", "active"], [136, 680, 1_500], [289, 18], "banking"),
    payroll("webless-tech-nodes", ["⚙️", "Webless Tech & Nodes", "building"], [103, 515, 1_200], [167, 4], "webless"),
    payroll("logistics-packaging", ["📦", "Logistics & Packaging", "active"], [111, 444, 1_100], [198, 7],
        "logistics packaging"),
    payroll("food-soil-farming", ["🥦", "Food, Soil & Farming", "building"], [83, 332, 800], [145, 3],
        "fsf agriculture"),
    payroll("youth-education", ["🧒", "Youth & Education", "active"], [66, 330, 750], [167, 2], "education-youth"),
    payroll("health-hygiene", ["🧴", "Health & Hygiene", "active"], [93, 372, 900], [189, 5], "health"),
    payroll("aura-ritual-culture", ["🪷", "Aura, Ritual & Culture", "building"], [74, 296, 710], [134, 1], "ritual"),
    payroll("housing-infrastructure", ["🏛️", "Housing & Infrastructure", "active"], [91, 364, 880], [176, 9],
        "housing"),
    payroll("nft-ip-ownership", ["🪪", "NFT, IP, Ownership Grid", "building"], [58, 232, 560], [98, 14],
        "nft education-ip"),
    payroll("motion-media-sonic", ["🌐", "Motion, Media, Sonic", "active"], [78, 312, 720], [156, 11], "media"),
    payroll("mining-material-yields", ["⛏️", "Mining & Material Yields", "completed"], [97, 435, 1_200], [234, 6], ""),
];

/// The payroll sectors.
pub(super) fn make(seed: u64) -> Vec<Row> {
    let mut rng = Rng::stream(seed, "payroll");
    PAYROLL_SECTORS
        .iter()
        .map(|facts| {
            let [core, sub, atom] = facts.pages.map(|n| n as i64);
            let sectors = facts.sectors.split_whitespace().map(|key| RecordId::from_key(SECTOR.name, key).to_string());
            Draft::new(&PAYROLL_SECTOR, facts.key.to_owned())
                .text("name", facts.name)
                .text("icon", facts.icon)
                .set("sectors", sectors)
                .text("status", facts.status)
                .int("declared_core_pages", core)
                .int("declared_sub_pages", sub)
                .int("declared_atom_pages", atom)
                .int("gift_nodes", facts.gift_nodes)
                .int("claw_nodes", facts.claw_nodes)
                .maybe_text("notes", rng.chance(50).then(|| words::note(&mut rng)))
                .done()
        })
        .collect()
}
