//! The words of each treaty's trade: what its clauses and contracts speak of.

/// The vocabulary of one treaty, in the order of `treaties::TREATIES`.
pub(super) struct Lexicon {
    /// What the treaty regulates; no article.
    pub(super) activity: &'static [&'static str],
    /// Things counted, in the plural.
    pub(super) goods: &'static [&'static str],
    /// Things written down, in the singular.
    pub(super) record: &'static [&'static str],
    /// What may go wrong; no article.
    pub(super) risk: &'static [&'static str],
    /// Kinds of contract, followed by “agreement”.
    pub(super) contract: &'static [&'static str],
    /// What the other party of a contract does, as the end of its name.
    pub(super) trade: &'static [&'static str],
}

/// One vocabulary a treaty.
#[rustfmt::skip]
pub(super) const LEXICONS: [Lexicon; 8] = [
    Lexicon {
        activity: &["portfolio governance", "licensing across sectors", "treaty supervision",
            "the keeping of the register",
            "cross-sector coordination", "scroll deployment"],
        goods: &["scrolls", "brand records", "deployment notices", "sector returns", "treaty annexes", "licence tiers",
            "replica reports"],
        record: &["master register", "sector return", "deployment record", "licence statement", "clause ledger",
            "authority roll"],
        risk: &["divergence between replicas", "double licensing", "loss of provenance", "conflicting authority",
            "unrecorded deployment"],
        contract: &["Licence", "Framework", "Stewardship", "Registry service", "Coordination", "Escrow"],
        trade: &["Holdings", "Stewards", "Registry", "Licensing", "Trustees", "Associates"],
    },
    Lexicon {
        activity: &["extraction", "assaying", "ore haulage", "site restoration", "tailings management", "blasting"],
        goods: &["assay lots", "core samples", "concentrate shipments", "drill logs", "stockpile parcels",
            "ore tickets"],
        record: &["assay certificate", "weighbridge ticket", "shift log", "tailings report", "site survey",
            "yield statement"],
        risk: &["contamination of a lot", "subsidence", "under-weighing", "loss of traceability",
            "flooding of a level"],
        contract: &["Offtake", "Haulage", "Drilling", "Assay service", "Site access", "Equipment lease"],
        trade: &["Quarries", "Drilling", "Assayers", "Minerals", "Haulage", "Smelting"],
    },
    Lexicon {
        activity: &["payroll processing", "time recording", "reward calculation", "benefit administration",
            "pension reporting", "shift planning"],
        goods: &["payslips", "time sheets", "reward vouchers", "payment runs", "overtime claims", "expense claims"],
        record: &["payment file", "attendance record", "reward statement", "payslip archive", "rate table",
            "deduction schedule"],
        risk: &["duplicate payment", "an overtime anomaly", "rate variance", "late remittance",
            "misclassification of staff"],
        contract: &["Payroll service", "Reward plan", "Staffing", "Benefits", "Time system", "Pension administration"],
        trade: &["Payroll", "Staffing", "Benefits", "Workforce", "Bureau", "Pensions"],
    },
    Lexicon {
        activity: &["retail listing", "point-of-sale settlement", "vendor onboarding", "returns handling",
            "price labelling", "promotion"],
        goods: &["shelf listings", "vendor invoices", "return parcels", "price labels", "gift vouchers", "till rolls"],
        record: &["vendor statement", "stock count", "price list", "returns log", "promotion plan", "till report"],
        risk: &["mispricing", "stock loss", "counterfeit supply", "a disputed chargeback", "listing without licence"],
        contract: &["Vendor", "Supply", "Consignment", "Shop lease", "Promotion", "Returns handling"],
        trade: &["Stores", "Wholesale", "Traders", "Outfitters", "Provisions", "Merchants"],
    },
    Lexicon {
        activity: &["model training", "inference hosting", "dataset curation", "model evaluation", "grid scheduling",
            "rule authoring"],
        goods: &["model releases", "training sets", "evaluation reports", "inference quotas", "rule sets",
            "prompt archives"],
        record: &["model card", "evaluation log", "training manifest", "quota statement", "incident report",
            "dataset licence"],
        risk: &["silent model drift", "leakage of training data", "an unexplained decision", "quota exhaustion",
            "biased evaluation"],
        contract: &["Model licence", "Dataset", "Compute", "Evaluation", "Hosting", "Research"],
        trade: &["Analytics", "Compute", "Research", "Datasets", "Logic", "Instruments"],
    },
    Lexicon {
        activity: &["settlement", "treasury management", "yield distribution", "custody", "currency conversion",
            "reserve keeping"],
        goods: &["settlement files", "custody receipts", "yield statements", "payment orders", "reserve certificates",
            "conversion notes"],
        record: &["settlement report", "reserve ledger", "custody statement", "reconciliation sheet", "rate fixing",
            "counterparty list"],
        risk: &["settlement failure", "a shortfall in reserves", "a stale conversion rate", "counterparty default",
            "unreconciled balances"],
        contract: &["Custody", "Settlement", "Credit line", "Yield", "Clearing", "Treasury service"],
        trade: &["Bank", "Clearing", "Custody", "Capital", "Brokers", "Mutual"],
    },
    Lexicon {
        activity: &["design work", "editorial production", "image licensing", "performance recording",
            "archiving of works",
            "credit attribution"],
        goods: &["design files", "master recordings", "image rights", "proofs", "credit lists", "typefaces"],
        record: &["credit list", "rights ledger", "commission brief", "proof approval", "usage report",
            "works catalogue"],
        risk: &["missing attribution", "use beyond the licensed media", "loss of a master", "an unapproved adaptation",
            "late delivery of proofs"],
        contract: &["Commission", "Image licence", "Recording", "Publishing", "Design service", "Exhibition"],
        trade: &["Studios", "Press", "Gallery", "Type Foundry", "Pictures", "Ateliers"],
    },
    Lexicon {
        activity: &["carriage", "warehousing", "customs clearance", "packing", "route planning", "cold-chain storage"],
        goods: &["consignments", "pallets", "waybills", "customs entries", "return crates", "temperature logs"],
        record: &["waybill", "manifest", "gate log", "delivery receipt", "temperature record", "storage statement"],
        risk: &["loss in transit", "a broken cold chain", "late clearance", "misrouting", "damage in storage"],
        contract: &["Carriage", "Warehousing", "Customs", "Packing", "Fleet lease", "Last-mile"],
        trade: &["Freight", "Carriers", "Warehousing", "Forwarding", "Packers", "Shipping"],
    },
];
