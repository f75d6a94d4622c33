//! Pins the wire numbers of collections and fields. They stand in stored changes on every laptop: a number that moves
//! makes all of them mean something else.

use omni_model::schema::{COLLECTIONS, by_id};
use std::collections::BTreeSet;

/// What every released version agreed on. New lines are added; what stands there is never changed, nor its number used
/// again.
const PINNED: &str = include_str!("wire_ids.txt");

/// The same of this version, by number: the order of display may change.
fn actual() -> String {
    let mut out = String::new();
    let mut collections = COLLECTIONS.to_vec();
    collections.sort_by_key(|c| c.id);
    for c in collections {
        out.push_str(&format!("{} {}\n", c.id.0, c.name));
        let mut fields: Vec<_> = c.fields.iter().collect();
        fields.sort_by_key(|f| f.id);
        for f in fields {
            out.push_str(&format!("{}.{} {}.{}\n", c.id.0, f.id.0, c.name, f.name));
        }
    }
    out
}

#[test]
fn collection_and_field_ids_are_what_they_always_were() {
    let actual = actual();
    let (was, is): (BTreeSet<&str>, BTreeSet<&str>) = (PINNED.lines().collect(), actual.lines().collect());
    let moved: Vec<_> = was.difference(&is).collect();
    assert!(moved.is_empty(), "renumbered, renamed or removed, which breaks every stored change: {moved:#?}");
    let new: Vec<_> = is.difference(&was).collect();
    assert!(new.is_empty(), "new: add these lines to tests/wire_ids.txt so that they are pinned too: {new:#?}");
}

#[test]
fn no_number_serves_twice_and_none_is_reserved() {
    let mut collections = BTreeSet::new();
    for c in COLLECTIONS {
        assert!(c.id.0 > 0 && collections.insert(c.id), "collection number {} of {}", c.id.0, c.name);
        let mut fields = BTreeSet::new();
        for f in c.fields {
            assert!(f.id.0 > 0 && fields.insert(f.id), "field number {} of {}.{}", f.id.0, c.name, f.name);
        }
    }
}

#[test]
fn looking_up_by_number_finds_the_same_as_looking_up_by_name() {
    for c in COLLECTIONS {
        assert_eq!(by_id(c.id).map(|found| found.name), Some(c.name));
        for f in c.fields {
            assert_eq!(c.field_by_id(f.id).map(|found| found.name), Some(f.name));
            assert_eq!(c.field(f.name).map(|found| found.id), Some(f.id));
        }
    }
}
