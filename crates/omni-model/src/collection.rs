//! Collections: named sets of fields with an owner rule, a delete rule and record rules.

use crate::field::{Field, FieldError};
use crate::ids::{CollectionId, FieldId};
use crate::records::Row;
use std::collections::BTreeMap;

/// How a record's owner follows from its fields. The owner decides the scope and so who may read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerRule {
    /// Belongs to everybody.
    Global,
    /// Is an owner itself: a sector, a payroll sector, a treaty.
    Itself,
    /// The owner of the record this link field points to; global while the link is empty.
    Inherit(&'static str),
}

/// What happens when a delete meets an edit it did not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteRule {
    /// The record is restored with the edit; the delete is kept as an automatic, undoable decision.
    EditWins,
    /// The committed state stands and the other waits.
    CommittedStands,
}

/// A rule over one record, checked on the laptop and again on central after merging.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Stable name, shown in the refusal.
    pub name: &'static str,
    /// Returns the sentence that says what is wrong.
    pub check: fn(&Row) -> Result<(), String>,
}

/// Links that must never lead back to where they began, however long the way and whoever made which part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCircle {
    /// A link from record to record of the collection.
    Link(&'static str),
    /// Each record leads from what one of its links names to what another names.
    Edge {
        /// The link it leads from.
        from: &'static str,
        /// The link it leads to.
        to: &'static str,
    },
}

/// One kind of record.
#[derive(Clone, Copy, Debug)]
pub struct Collection {
    /// Wire number, never reused.
    pub id: CollectionId,
    /// Name in SQL, JSON and on the command line: snake case, singular.
    pub name: &'static str,
    /// Words for people, singular.
    pub label: &'static str,
    /// Words for people, plural.
    pub plural: &'static str,
    /// The component of the customer's plan it belongs to.
    pub component: &'static str,
    /// Its fields in display order.
    pub fields: &'static [Field],
    /// The field that names a record on screen.
    pub title: &'static str,
    /// How its owner follows.
    pub owner: OwnerRule,
    /// Delete against edit.
    pub delete: DeleteRule,
    /// Rules over one record.
    pub rules: &'static [Rule],
    /// What must have no circle, on laptops and on central after merging.
    pub no_circle: Option<NoCircle>,
    /// The event that says one changed.
    pub event: &'static str,
}

impl Collection {
    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|f| f.name == name)
    }

    /// The field of this wire number.
    pub fn field_by_id(&self, id: FieldId) -> Option<&'static Field> {
        // Ids are dense and start at 1 in almost every collection: try the direct slot first.
        match self.fields.get((id.0 as usize).wrapping_sub(1)) {
            Some(f) if f.id == id => Some(f),
            _ => self.fields.iter().find(|f| f.id == id),
        }
    }

    /// The fields of a merge group.
    pub fn group(&self, group: &'static str) -> impl Iterator<Item = &'static Field> {
        self.fields.iter().filter(move |f| f.group == Some(group))
    }

    /// Every problem of a record: types, required fields, rules. Links and uniqueness are checked by whoever has the
    /// other records.
    pub fn check(&self, row: &Row) -> Vec<FieldError> {
        let mut errors = Vec::new();
        for field in self.fields {
            let value = row.get(field.id);
            if let Err(e) = field.check(value) {
                errors.push(e);
            } else if field.required && value.is_null() {
                errors.push(FieldError { field: field.name.into(), message: "A value is required.".into() });
            }
        }
        for rule in self.rules {
            if let Err(message) = (rule.check)(row) {
                errors.push(FieldError { field: rule.name.into(), message });
            }
        }
        errors
    }

    /// Field names by wire number, for messages.
    pub fn names(&self) -> BTreeMap<FieldId, &'static str> {
        self.fields.iter().map(|f| (f.id, f.name)).collect()
    }
}
