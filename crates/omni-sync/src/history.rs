//! What is told of a record's past, to laptops that do not hold it themselves, and what part of it a reader may see.

use crate::diff::{compartment_of, open};
use crate::meta::{FieldImage, Image};
use minicbor::{Decode, Encode};
use omni_model::{CollectionId, FieldId, RecordId, Row, Value};
use omni_protocol::{CommitInfo, Effect, Grants, Scope};
use std::collections::BTreeMap;

/// One commit's effect on one record.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RecordCommit {
    /// The commit.
    #[n(0)]
    pub seq: u64,
    /// Who made it, when and how.
    #[n(1)]
    pub info: CommitInfo,
    /// What it did to the record; `None` = it only decided or opened a conflict about it.
    #[n(2)]
    pub image: Option<Image>,
    /// The values a created record began with: its image does not repeat them.
    #[n(3)]
    pub began: Vec<(FieldId, Value)>,
    /// The rule of a decision the commit made about the record.
    #[n(4)]
    pub rule: Option<String>,
    /// It left what the reader may see; it was not deleted.
    #[n(5)]
    pub left: bool,
}

/// A page of a record's past: the answer of `GET /v1/history`.
#[derive(Clone, Debug, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct RecordPast {
    /// Newest first.
    #[n(0)]
    pub commits: Vec<RecordCommit>,
    /// There are older ones: ask again before this seq.
    #[n(1)]
    pub before: Option<u64>,
}

/// What one commit did to all records a reader may see: an entry of the answer of `GET /v1/history/commits`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PastCommit {
    /// The commit.
    #[n(0)]
    pub seq: u64,
    /// Who made it, when and how.
    #[n(1)]
    pub info: CommitInfo,
    /// What it did, record by record.
    #[n(2)]
    pub images: Vec<Image>,
}

/// A page of commits: the answer of `GET /v1/history/commits`.
#[derive(Clone, Debug, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct PastCommits {
    /// Newest first.
    #[n(0)]
    pub commits: Vec<PastCommit>,
    /// There are older ones: ask again before this seq.
    #[n(1)]
    pub before: Option<u64>,
}

/// A record at an earlier point: the answer of `GET /v1/as-of`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RecordThen {
    /// The seq it was read at.
    #[n(0)]
    pub seq: u64,
    /// Its owner and values then; `None` = it did not exist, or the reader may not see it.
    #[n(1)]
    pub row: Option<RowThen>,
}

/// A record's content at an earlier point.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RowThen {
    /// Its owner.
    #[n(0)]
    pub owner: RecordId,
    /// Its immutable key.
    #[n(1)]
    pub key: Option<String>,
    /// Its values that the reader may see.
    #[n(2)]
    pub fields: Vec<(FieldId, Value)>,
}

impl RowThen {
    /// As a row.
    pub fn row(self, collection: CollectionId, id: RecordId) -> Row {
        let mut row = Row::new(collection, id);
        (row.owner, row.key) = (self.owner, self.key);
        self.fields.into_iter().for_each(|(f, v)| row.set(f, v));
        row
    }
}

/// What of an image a reader may see. A record that entered what they may read was created for them, one that left it
/// was deleted; values of other compartments and owners are left out. `None` = nothing of it.
pub fn visible_image(image: &Image, grants: &Grants) -> Option<Image> {
    let seen = |owner: Option<RecordId>| owner.filter(|o| grants.reads(open(*o)));
    let (before, after) = (seen(image.owner_before), seen(image.owner_after));
    before.or(after)?;
    let reads = |owner: Option<RecordId>, field: FieldId| {
        owner.is_some_and(|owner| grants.reads(Scope { owner, compartment: compartment_of(image.collection, field) }))
    };
    let field = |f: &FieldImage| {
        let value = |owner, value: &Value| if reads(owner, f.field) { value.clone() } else { Value::Null };
        FieldImage { field: f.field, before: value(before, &f.before), after: value(after, &f.after) }
    };
    // Nothing is told of what a created record was before.
    let fields: Vec<FieldImage> = match before {
        Some(_) => image.fields.iter().map(field).filter(|f| f.before != f.after).collect(),
        None => Vec::new(),
    };
    if before == after && fields.is_empty() {
        return None;
    }
    Some(Image { owner_before: before, owner_after: after, fields, ..image.clone() })
}

/// What of a row a reader may see; `None` = not even that it exists.
pub fn visible_row(row: &Row, grants: &Grants) -> Option<RowThen> {
    if !grants.reads(open(row.owner)) {
        return None;
    }
    let reads = |f: FieldId| grants.reads(Scope { owner: row.owner, compartment: compartment_of(row.collection, f) });
    let fields = row.fields.iter().filter(|(f, _)| reads(**f)).map(|(f, v)| (*f, v.clone())).collect();
    Some(RowThen { owner: row.owner, key: row.key.clone(), fields })
}

/// A record as it was right after a commit, from what it is now and what the commits since did to it, newest first.
pub fn rewound<'i>(now: Option<Row>, since: impl IntoIterator<Item = &'i Image>) -> Option<Row> {
    since.into_iter().fold(now, |row, image| image.rewind(row))
}

/// A commit of a record's past, from the readable effects on the record and its image.
pub fn told<'e>(
    seq: u64,
    info: CommitInfo,
    image: Option<Image>,
    effects: impl IntoIterator<Item = &'e Effect>,
) -> RecordCommit {
    let mut began: BTreeMap<FieldId, Value> = BTreeMap::new();
    let (mut rule, mut created, mut left) = (None, false, false);
    for effect in effects {
        match effect {
            Effect::Create { fields, .. } => {
                created = true;
                began.extend(fields.iter().cloned());
            }
            Effect::Put { fields, .. } => began.extend(fields.iter().cloned()),
            Effect::Leave { .. } => left = true,
            Effect::Conflict(item) => rule = Some(item.rule.clone()),
            Effect::Remove { .. } => {}
        }
    }
    let is_new = image.as_ref().is_some_and(|i| i.owner_before.is_none());
    let began = if is_new { began.into_iter().filter(|(_, v)| !v.is_null()).collect() } else { Vec::new() };
    RecordCommit { seq, info, image, began, rule, left: left && !created }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
