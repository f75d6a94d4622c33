//! The automatic-resolution rate, as RELIABILITY §7 defines it.
//!
//! An event is one record that both sides changed since their common base, with results that differ. Each is played
//! through the production merge; what became of it is read from central's records, items and decisions alone. Beside it
//! stand the simple ways to merge, on the same events.

mod baseline;
mod generate;
mod judge;
mod policies;
mod report;

pub use baseline::Method;
pub use generate::{Rates, generate};
pub use policies::Policies;
pub use report::{Report, Row, report};

use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// A flattened record.
pub type Flat = Map<String, Json>;

/// One recorded event.
#[derive(Clone, Debug, Deserialize)]
pub struct Event {
    /// The record before both; `None` = absent.
    pub base: Option<Flat>,
    /// One side's.
    pub ours: Option<Flat>,
    /// The other side's.
    pub theirs: Option<Flat>,
}

/// What kind of event it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// No field was changed by both to different values.
    Disjoint,
    /// At least one was.
    SameField,
    /// One side deleted the record, the other changed it.
    EditDelete,
    /// Both created it.
    AddAdd,
}

impl Class {
    /// All classes, in table order.
    pub const ALL: [Class; 4] = [Class::Disjoint, Class::SameField, Class::EditDelete, Class::AddAdd];

    /// Its word in reports and policies files.
    pub fn name(self) -> &'static str {
        match self {
            Class::Disjoint => "disjoint",
            Class::SameField => "same_field",
            Class::EditDelete => "edit_delete",
            Class::AddAdd => "add_add",
        }
    }
}

/// A value of a side; absent and null are the same.
pub fn value(side: &Option<Flat>, path: &str) -> Json {
    side.as_ref().and_then(|s| s.get(path)).cloned().unwrap_or_default()
}

impl Event {
    /// Every path any version holds.
    pub fn paths(&self) -> Vec<String> {
        let sides = [&self.base, &self.ours, &self.theirs];
        let all: std::collections::BTreeSet<String> =
            sides.into_iter().flatten().flat_map(|s| s.keys().cloned()).collect();
        all.into_iter().collect()
    }

    /// Whether both sides changed the path, to different values.
    pub fn clashes(&self, path: &str) -> bool {
        let (base, ours, theirs) = (value(&self.base, path), value(&self.ours, path), value(&self.theirs, path));
        ours != base && theirs != base && ours != theirs
    }

    /// Its class.
    pub fn class(&self) -> Class {
        if self.base.is_none() {
            return Class::AddAdd;
        }
        if self.ours.is_none() || self.theirs.is_none() {
            return Class::EditDelete;
        }
        if self.paths().iter().any(|p| self.clashes(p)) { Class::SameField } else { Class::Disjoint }
    }
}

/// Reads events, one a line. Errors name the line.
pub fn parse(text: &str) -> Result<Vec<Event>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(at, line)| serde_json::from_str(line).map_err(|e| format!("line {}: {e}", at + 1))).collect()
}
