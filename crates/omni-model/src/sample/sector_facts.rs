//! What the sample knows of the 29 sectors: their names and counts, and the words its invented brands are named with.

/// One sector.
pub(super) struct SectorFacts {
    pub(super) key: &'static str,
    pub(super) icon: &'static str,
    pub(super) name: &'static str,
    pub(super) category: &'static str,
    pub(super) status: &'static str,
    /// Brands somebody declared; the records differ from it on purpose.
    pub(super) declared: i64,
    /// Core brands, named subnodes and generated subnodes.
    pub(super) brands: [usize; 3],
    /// Words of the trade, separated by spaces.
    pub(super) themes: &'static str,
}

const fn sector(
    key: &'static str,
    [icon, name, category, status]: [&'static str; 4],
    declared: i64,
    brands: [usize; 3],
    themes: &'static str,
) -> SectorFacts {
    SectorFacts { key, icon, name, category, status, declared, brands, themes }
}

const ACTIVE: &str = "Active";
const MONITORING: &str = "Monitoring";

/// The sectors in display order. *Sync* is derived and never stored, so sectors declared as Sync stand as Active.
#[rustfmt::skip]
pub(super) const SECTORS: [SectorFacts; 29] = [
    sector("agriculture", ["🌱", "Agriculture & Biotech", "Primary", ACTIVE], 247, [84, 190, 0],
        "Furrow Tillage Sapling Germ Orchard Pollen Pasture Heirloom Rootstock"),
    sector("fsf", ["🥦", "Food, Soil & Farming", "Primary", ACTIVE], 189, [83, 332, 0],
        "Loam Humus Barley Acre Pantry Granary Clover Dairy Thresher"),
    sector("banking", ["🏦", "Banking & Finance", "Financial", ACTIVE], 456, [136, 136, 366],
        "Tiller Sterling Ducat Counting Surety Annuity Guilder Bourse Remit"),
    sector("creative", ["🖋️", "Creative Tech", "Technology", MONITORING], 312, [10, 30, 0],
        "Easel Pigment Nib Atelier Sketch Glyph"),
    sector("logistics", ["📦", "Logistics & Packaging", "Operations", ACTIVE], 298, [101, 364, 30],
        "Drayage Pallet Wharf Haulage Quay Manifest Axle Depot Tarpaulin"),
    sector("education-ip", ["📚", "Education & IP", "Knowledge", ACTIVE], 234, [66, 330, 0],
        "Lectern Syllabus Primer Folio Tutor Patent Seminar Rostrum"),
    sector("fashion", ["✂", "Fashion & Identity", "Consumer", ACTIVE], 178, [138, 198, 286],
        "Selvedge Twill Bobbin Hem Tailor Velvet Loom Garment Placket"),
    sector("gaming", ["🎮", "Gaming & Simulation", "Entertainment", ACTIVE], 367, [10, 30, 0],
        "Joust Rook Sprite Dungeon Gambit Parlour"),
    sector("health", ["🧠", "Health & Hygiene", "Healthcare", ACTIVE], 423, [93, 372, 0],
        "Poultice Tonic Lather Clinic Suture Apothecary Infirm Remedy Salve"),
    sector("housing", ["🏗️", "Housing & Infrastructure", "Infrastructure", ACTIVE], 345, [91, 364, 0],
        "Lintel Gable Mortar Girder Rafter Cornice Culvert Tenement Ashlar"),
    sector("justice", ["⚖", "Justice & Ethics", "Governance", MONITORING], 156, [10, 30, 0],
        "Plaint Assize Tribunal Equity Docket Advocate"),
    sector("knowledge", ["📖", "Knowledge & Archives", "Knowledge", ACTIVE], 289, [10, 30, 0],
        "Codex Annal Scriptorium Vellum Index Catalogue"),
    sector("micromesh", ["☰", "Micro-Mesh Logistics", "Operations", ACTIVE], 145, [10, 30, 0],
        "Courier Parcel Satchel Waypoint Relay Errand"),
    sector("media", ["🎬", "Motion, Media & Sonic", "Entertainment", ACTIVE], 398, [78, 312, 0],
        "Celluloid Footage Reverb Matinee Cutaway Projector Timbre Foley"),
    sector("nutrition", ["✿", "Nutrition & Food Chain", "Primary", ACTIVE], 267, [20, 80, 0],
        "Broth Porridge Legume Ferment Kernel Saffron"),
    sector("ai-logic", ["🧠", "AI, Logic & Grid", "Technology", ACTIVE], 578, [188, 632, 60],
        "Syllogism Tensor Axiom Lemma Inference Heuristic Corollary Predicate Theorem Abacus"),
    sector("packaging", ["📦", "Packaging & Materials", "Operations", ACTIVE], 234, [10, 30, 0],
        "Carton Twine Corrugate Stave Wrapper Cooper"),
    sector("quantum", ["✴️", "Quantum Protocols", "Technology", MONITORING], 89, [20, 80, 0],
        "Spinor Lattice Muon Photon Parity Isotope"),
    sector("ritual", ["☯", "Ritual & Culture", "Social", ACTIVE], 123, [20, 80, 0],
        "Censer Procession Solstice Hearth Vigil Garland"),
    sector("saas", ["🔑", "SaaS & Licensing", "Technology", ACTIVE], 445, [20, 80, 0],
        "Tenant Seatbook Keyring Entitlement Renewal Console"),
    sector("trade", ["🧺", "Trade Systems", "Commercial", ACTIVE], 356, [10, 30, 0],
        "Barter Bazaar Mercer Stall Tally Chandler"),
    sector("utilities", ["🔋", "Utilities & Energy", "Infrastructure", ACTIVE], 198, [10, 30, 0],
        "Turbine Sluice Kiln Dynamo Penstock Boiler"),
    sector("voice", ["🎙️", "Voice & Audio", "Entertainment", MONITORING], 167, [10, 30, 0],
        "Larynx Cantor Phoneme Whisper Diction Chorus"),
    sector("webless", ["📡", "Webless Tech & Nodes", "Technology", ACTIVE], 145, [103, 515, 0],
        "Semaphore Mast Heliograph Carrier Antenna Repeater Pylon Aerial Telegraph"),
    sector("nft", ["🔁", "NFT & Ownership", "Digital", ACTIVE], 234, [20, 80, 0],
        "Deed Provenance Hallmark Escutcheon Signet Charter"),
    sector("education-youth", ["🎓", "Education & Youth", "Knowledge", ACTIVE], 298, [10, 30, 0],
        "Chalk Satchelry Crayon Playground Recess Mentor"),
    sector("zerowaste", ["♻️", "Zero Waste", "Environmental", MONITORING], 178, [20, 80, 0],
        "Compost Salvage Reclaim Mulch Refill Tatter"),
    sector("professional", ["🧾", "Professional Services", "Business", ACTIVE], 389, [50, 300, 0],
        "Retainer Counsel Actuary Notary Auditor Surveyor Brief Chambers"),
    sector("payroll-mining", ["🪙", "Payroll Mining & Accounting", "Financial", ACTIVE], 267, [10, 30, 0],
        "Stipend Payday Wage Abacist Reckoner Pension"),
];
