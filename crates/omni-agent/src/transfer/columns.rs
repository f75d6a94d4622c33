//! What each column of a file means: a field, the key, the id, or nothing this collection knows.

use crate::error::Result;
use omni_model::{Collection, Field};
use omni_protocol::WireError;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a column gives.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Field(&'static Field),
    Key,
    Id,
}

impl Target {
    pub fn name(self) -> &'static str {
        match self {
            Target::Field(f) => f.name,
            Target::Key => "key",
            Target::Id => "id",
        }
    }
}

/// How surely a column means its target: `--map`, its own name, its label, a link's `_id`, another spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Mapped,
    Name,
    Label,
    Link,
    Spelling,
}

/// The customer's spelling of fields in files of their own: collection, column, field.
const SPELLINGS: &[(&str, &str, &str)] = &[
    ("sector", "order", "position"),
    ("sector", "declared_brand_count", "declared_brands"),
    ("sector", "signal_strength_pct", "declared_signal"),
    ("sector", "compliance_score_pct", "declared_compliance"),
    ("sector", "revenue_usd", "declared_revenue"),
    ("sector", "growth_rate_pct", "declared_growth"),
    ("sector", "faa_index.payout_tier", "tier"),
    ("sector", "faa_index.monthly_fee_usd", "monthly_fee"),
    ("sector", "faa_index.annual_fee_usd", "annual_fee"),
    ("sector", "faa_index.region", "region"),
    ("brand", "ordinal", "position"),
    ("brand", "payout_tier", "tier"),
    ("scroll", "master_license_fee_usd", "master_fee"),
    ("treaty", "treaty_id", "name"),
    ("treaty", "clauses", "declared_clauses"),
    ("treaty", "contracts", "declared_contracts"),
    ("treaty", "completion_pct", "declared_completion"),
    ("payroll_sector", "core_pages", "declared_core_pages"),
    ("payroll_sector", "sub_pages", "declared_sub_pages"),
    ("payroll_sector", "atom_pages", "declared_atom_pages"),
    ("node", "status", "mode"),
    ("app_dependency", "data_types", "data"),
    ("app_dependency", "sync_frequency", "frequency"),
];

#[derive(Debug)]
struct Column {
    name: String,
    uses: Vec<(Target, Rank)>,
    used: bool,
    filled: bool,
}

/// The columns met so far.
#[derive(Debug)]
pub(super) struct Columns<'m> {
    collection: &'static Collection,
    map: &'m BTreeMap<String, String>,
    known: Vec<Column>,
    by_name: HashMap<String, usize>,
}

impl<'m> Columns<'m> {
    /// None yet. `map` names columns by field.
    ///
    /// Errors: `unknown_field`.
    pub fn new(collection: &'static Collection, map: &'m BTreeMap<String, String>) -> Result<Columns<'m>> {
        match map.keys().find(|f| !matches!(f.as_str(), "key" | "id") && collection.field(f).is_none()) {
            Some(stray) => {
                let message = format!("{} have no field “{stray}”.", collection.plural);
                Err(WireError::new("unknown_field", message))
            }
            None => Ok(Columns { collection, map, known: Vec::new(), by_name: HashMap::new() }),
        }
    }

    /// The column's place, found or made.
    pub fn place(&mut self, name: &str) -> usize {
        if let Some(place) = self.by_name.get(name) {
            return *place;
        }
        let place = self.known.len();
        self.known.push(Column { name: name.to_owned(), uses: self.uses(name), used: false, filled: false });
        self.by_name.insert(name.to_owned(), place);
        place
    }

    /// What the column may mean.
    pub fn uses_of(&self, place: usize) -> &[(Target, Rank)] {
        &self.known[place].uses
    }

    /// The column holds something somewhere.
    pub fn filled(&mut self, place: usize) {
        self.known[place].filled = true;
    }

    /// A value was taken from the column.
    pub fn used(&mut self, place: usize) {
        self.known[place].used = true;
    }

    fn uses(&self, name: &str) -> Vec<(Target, Rank)> {
        let plain = plain(name);
        let mut out = Vec::new();
        for (field, _) in self.map.iter().filter(|(_, column)| self::plain(column) == plain) {
            out.extend(self.target(field).map(|t| (t, Rank::Mapped)));
        }
        let auto = self.automatic(&plain).filter(|(t, _)| !self.map.contains_key(t.name()));
        out.extend(auto);
        out
    }

    fn target(&self, name: &str) -> Option<Target> {
        match self.collection.field(name) {
            Some(f) => Some(Target::Field(f)),
            None if name == "key" => Some(Target::Key),
            None if name == "id" => Some(Target::Id),
            None => None,
        }
    }

    fn automatic(&self, plain: &str) -> Option<(Target, Rank)> {
        if let Some(target) = self.target(plain) {
            return Some((target, Rank::Name));
        }
        if let Some(f) = self.collection.fields.iter().find(|f| self::plain(f.label) == plain) {
            return Some((Target::Field(f), Rank::Label));
        }
        let link = plain.strip_suffix("_ids").or_else(|| plain.strip_suffix("_id"));
        if let Some(f) = link.and_then(|l| self.collection.field(l)).filter(|f| f.target().is_some()) {
            return Some((Target::Field(f), Rank::Link));
        }
        let spelled = SPELLINGS.iter().find(|(c, column, _)| *c == self.collection.name && *column == plain);
        spelled.and_then(|(_, _, field)| self.target(field)).map(|t| (t, Rank::Spelling))
    }

    /// Every named column was there, and one that tells the rows apart.
    ///
    /// Errors: `unknown_column`, `no_key`.
    pub fn check(&self, rows_are_named: bool) -> Result<()> {
        let all: BTreeSet<String> = self.known.iter().map(|c| plain(&c.name)).collect();
        if let Some((field, column)) = self.map.iter().find(|(_, column)| !all.contains(&plain(column))) {
            let message = format!("The file has no column “{column}” for “{field}”.");
            return Err(WireError::new("unknown_column", message));
        }
        let identifies = |c: &Column| c.uses.iter().any(|(t, _)| matches!(t, Target::Key | Target::Id));
        if rows_are_named || self.known.is_empty() || self.known.iter().any(identifies) {
            return Ok(());
        }
        let message = "No column “key” or “id” tells the rows apart, so a second import would make every record \
                       again. Name one, like --map key=name.";
        Err(WireError::new("no_key", message))
    }

    /// Which columns were matched by another name, and which were not used.
    pub fn notes(&self) -> Vec<String> {
        let mut matched = Vec::new();
        for column in self.known.iter().filter(|c| c.used) {
            let other =
                |(t, rank): &&(Target, Rank)| *rank >= Rank::Link && !column.name.is_empty() && t.name() != "id";
            matched.extend(column.uses.iter().filter(other).map(|(t, _)| format!("{} as {}", column.name, t.name())));
        }
        let unused: Vec<&str> =
            self.known.iter().filter(|c| c.filled && !c.used && !c.name.is_empty()).map(|c| c.name.as_str()).collect();
        let line = |what: &str, names: &[String]| (!names.is_empty()).then(|| format!("{what}: {}.", names.join(", ")));
        let unused: Vec<String> = unused.into_iter().map(str::to_owned).collect();
        [line("Columns matched by another name", &matched), line("Columns not imported", &unused)]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// A column's name without regard to case, spaces and hyphens.
fn plain(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '-'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use omni_model::schema;

    fn meaning(collection: &str, map: &[(&str, &str)], column: &str) -> Vec<(&'static str, Rank)> {
        let map = map.iter().map(|(f, c)| ((*f).to_owned(), (*c).to_owned())).collect();
        let mut columns = Columns::new(schema::by_name(collection).unwrap(), &map).unwrap();
        let place = columns.place(column);
        columns.uses_of(place).iter().map(|(t, r)| (t.name(), *r)).collect()
    }

    #[test]
    fn columns_are_matched_by_every_name_they_go_by() {
        assert_eq!(meaning("brand", &[], "name"), [("name", Rank::Name)]);
        assert_eq!(meaning("brand", &[], " VaultMesh ID "), [("vault_mesh_id", Rank::Label)]);
        assert_eq!(meaning("brand", &[], "sector_id"), [("sector", Rank::Link)]);
        assert_eq!(meaning("brand", &[], "ordinal"), [("position", Rank::Spelling)]);
        assert_eq!(meaning("brand", &[], "id"), [("id", Rank::Name)]);
        assert_eq!(meaning("brand", &[], "name_id"), []);
        assert_eq!(meaning("brand", &[("name", "id")], "id"), [("name", Rank::Mapped), ("id", Rank::Name)]);
        assert_eq!(meaning("brand", &[("name", "title")], "name"), []);
        assert_eq!(meaning("payroll_sector", &[], "sector_ids"), []);
    }

    #[test]
    fn every_spelling_names_a_field() {
        for (collection, _, field) in SPELLINGS {
            assert!(schema::by_name(collection).is_some_and(|c| c.field(field).is_some()), "{collection}.{field}");
        }
    }
}
