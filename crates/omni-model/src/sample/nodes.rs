//! Nodes, the three apps and what flows between them.

use super::draft::Draft;
use super::words;
use crate::ids::RecordId;
use crate::records::Row;
use crate::schema::command_center::{APP, APP_DEPENDENCY, NODE};
use crate::value::Value;

/// Key, region, kind and mode. Whether a node is online follows from its beats, of which the sample has none.
const NODES: &[[&str; 4]] = &[
    ["americas-1", "Americas", "ground", "auto"],
    ["europe-1", "Europe", "ground", "auto"],
    ["asia-1", "Asia", "ground", "auto"],
    ["africa-1", "Africa", "ground", "auto"],
    ["oceania-1", "Oceania", "ground", "maintenance"],
    ["arctic-1", "Arctic", "ground", "auto"],
    ["orbital-1", "Orbit", "satellite", "auto"],
    ["quantum-1", "Laboratory", "ground", "standby"],
];

/// The eight nodes.
pub(super) fn make() -> Vec<Row> {
    NODES
        .iter()
        .map(|[key, region, kind, mode]| {
            Draft::new(&NODE, (*key).to_owned())
                .text("name", *key)
                .text("kind", *kind)
                .text("region", *region)
                .text("mode", *mode)
                .text("notes", format!("Sample node for {region}; it beats when a real one takes its place."))
                .done()
        })
        .collect()
}

/// Key, name, role, address and state. The addresses are of the reserved kind that leads nowhere.
const APPS: &[(&str, &str, &str, Option<&str>, &str)] = &[
    ("fruitful", "Fruitful", "primary", Some("https://fruitful.example"), "active"),
    ("banimal", "Banimal", "specialized", Some("https://banimal.example"), "active"),
    ("samfox", "Samfox", "specialized", None, "paused"),
];

/// What flows from a component of the primary app to another.
struct Flow {
    from: &'static str,
    app: &'static str,
    to: &'static str,
    data: [&'static str; 2],
    frequency: &'static str,
    criticality: &'static str,
}

const fn flow(
    from: &'static str,
    [app, to]: [&'static str; 2],
    data: [&'static str; 2],
    [frequency, criticality]: [&'static str; 2],
) -> Flow {
    Flow { from, app, to, data, frequency, criticality }
}

const FLOWS: [Flow; 6] = [
    flow("SeedwaveAdminPortal", ["banimal", "BrandRegistry"], ["brand metrics", "sector status"], ["realtime", "high"]),
    flow("SeedwaveOmniSync", ["samfox", "ScrollRepository"], ["scrolls", "deployments"], ["hourly", "medium"]),
    flow("AssetRegistry", ["samfox", "RepositoryMirror"], ["manifest", "hashes"], ["hourly", "medium"]),
    flow(
        "TreatyMeshController",
        ["banimal", "ComplianceEngine"],
        ["treaties", "compliance logs"],
        ["realtime", "high"],
    ),
    flow("SectorGrid", ["samfox", "SectorAnalytics"], ["sectors", "relations"], ["daily", "low"]),
    flow("VaultMeshPayroll", ["banimal", "FinancialCompliance"], ["payroll", "finance"], ["daily", "high"]),
];

/// The apps, then what flows between them.
pub(super) fn apps() -> Vec<Row> {
    let apps = APPS.iter().map(|(key, name, role, url, status)| {
        Draft::new(&APP, (*key).to_owned())
            .text("name", *name)
            .text("role", *role)
            .maybe_text("base_url", *url)
            .text("status", *status)
            .text("notes", format!("Sample entry: {name} need not be online for anything here to work."))
            .done()
    });
    let app = |key: &str| Value::Id(RecordId::from_key(APP.name, key));
    let flows = FLOWS.iter().map(|flow| {
        Draft::new(&APP_DEPENDENCY, format!("{}:{}", words::slug(flow.from), words::slug(flow.to)))
            .text("name", format!("{} → {}", flow.from, flow.to))
            .put("source_app", app("fruitful"))
            .put("target_app", app(flow.app))
            .text("source_component", flow.from)
            .text("target_component", flow.to)
            .set("data", flow.data)
            .text("frequency", flow.frequency)
            .text("criticality", flow.criticality)
            .done()
    });
    apps.chain(flows).collect()
}
