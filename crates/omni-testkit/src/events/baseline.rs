//! The simple ways to merge, for comparison: theirs arrives last.

use super::{Class, Event, value};

/// A way to merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The row that arrives last replaces the other.
    RowLww,
    /// The field value that arrives last replaces the other; a delete is a write of every field.
    FieldLww,
    /// Lines `path: value` in path order, merged as texts: touching changes are a conflict.
    Textual,
    /// Field by field against the base: a field both changed differently, or delete against edit, is a conflict.
    ThreeWay,
    /// A map of last-writer-wins registers in which an update outlives a delete.
    CrdtMap,
}

impl Method {
    /// All of them, in table order.
    pub const ALL: [Method; 5] = [Method::RowLww, Method::FieldLww, Method::Textual, Method::ThreeWay, Method::CrdtMap];

    /// Its word in the report.
    pub fn name(self) -> &'static str {
        match self {
            Method::RowLww => "row_lww",
            Method::FieldLww => "field_lww",
            Method::Textual => "textual_three_way",
            Method::ThreeWay => "plain_three_way",
            Method::CrdtMap => "crdt_map",
        }
    }

    /// Whether it asks nobody.
    pub fn is_automatic(self, event: &Event) -> bool {
        match self {
            Method::RowLww | Method::FieldLww | Method::CrdtMap => true,
            Method::ThreeWay => match event.class() {
                Class::EditDelete => false,
                _ => !event.paths().iter().any(|p| event.clashes(p)),
            },
            Method::Textual => event.class() == Class::Disjoint && !touches(event),
        }
    }

    /// Values one side wrote that stand nowhere afterwards.
    pub fn lost(self, event: &Event) -> usize {
        let paths = event.paths();
        let wrote = |path: &&String| value(&event.ours, path) != value(&event.base, path);
        let clash = || paths.iter().filter(|p| event.clashes(p)).count();
        match self {
            // Everything ours changed that theirs does not happen to hold too.
            Method::RowLww => {
                paths.iter().filter(wrote).filter(|p| value(&event.ours, p) != value(&event.theirs, p)).count()
            }
            Method::FieldLww => match (&event.ours, &event.theirs) {
                (Some(_), None) => paths.iter().filter(wrote).count(),
                // The delete came first and the edit brings back only what it wrote: the delete is lost.
                (None, Some(_)) => 1,
                _ => clash(),
            },
            Method::CrdtMap => match event.class() {
                Class::EditDelete => 1,
                _ => clash(),
            },
            Method::Textual | Method::ThreeWay => 0,
        }
    }
}

/// Whether changes of both sides touch in the list of lines.
fn touches(event: &Event) -> bool {
    let changed = |side: &Option<super::Flat>, path: &String| value(side, path) != value(&event.base, path);
    let sides: Vec<(bool, bool)> =
        event.paths().iter().map(|p| (changed(&event.ours, p), changed(&event.theirs, p))).collect();
    let same = |p: &String| value(&event.ours, p) == value(&event.theirs, p);
    let both = event.paths().iter().zip(&sides).any(|(p, (a, b))| *a && *b && !same(p));
    both || sides.windows(2).any(|w| (w[0].0 && w[1].1) || (w[0].1 && w[1].0))
}
