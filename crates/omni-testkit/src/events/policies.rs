//! Which path has which policy: a table committed before the run and named in the report.

use serde::Deserialize;
use std::collections::BTreeMap;

/// A policies file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policies {
    /// Its name.
    pub name: String,
    /// Where the events come from.
    #[serde(default)]
    pub source: String,
    /// How the table came about.
    pub declared: String,
    /// The collection's delete rule.
    pub delete: String,
    /// Paths of the protected class.
    pub protected: Vec<String>,
    /// Policy of every other path.
    pub default: String,
    /// Paths with a policy of their own.
    pub fields: BTreeMap<String, Entry>,
    /// Events of each class in the whole source, by which rates are weighted.
    #[serde(default)]
    pub all: BTreeMap<String, u64>,
}

/// One path's policy.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The policy.
    pub policy: String,
    /// Why, from the meaning of the field.
    pub why: String,
}

impl Policies {
    /// The policy of a path.
    pub fn of(&self, path: &str) -> &str {
        if self.protected.iter().any(|p| p == path) {
            return "Protected";
        }
        self.fields.get(path).map_or(self.default.as_str(), |entry| entry.policy.as_str())
    }

    /// Reads a policies file.
    pub fn parse(text: &str) -> Result<Policies, String> {
        serde_json::from_str(text).map_err(|e| format!("the policies cannot be read: {e}"))
    }
}
