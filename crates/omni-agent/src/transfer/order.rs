//! Parents first: rows that refer to rows further down in the same file are saved after them.

use super::draft::Draft;
use omni_model::{Collection, FieldId, RecordId, Value};
use std::collections::HashMap;

/// The records a value links to.
pub(super) fn links(value: &Value) -> Vec<RecordId> {
    match value {
        Value::Id(id) => vec![*id],
        Value::Set(items) => items.iter().filter_map(|i| uuid::Uuid::parse_str(i).ok().map(RecordId)).collect(),
        _ => Vec::new(),
    }
}

/// The places of the drafts in an order in which every row stands behind those it refers to, else in file order. Rows
/// that refer to each other in a circle have no such order; they are left as they stand.
pub(super) fn parents_first(c: &Collection, drafts: &[Draft]) -> Vec<usize> {
    let own: Vec<FieldId> = c.fields.iter().filter(|f| f.target() == Some(c.name)).map(|f| f.id).collect();
    if own.is_empty() {
        return (0..drafts.len()).collect();
    }
    let places: HashMap<RecordId, usize> = drafts.iter().enumerate().map(|(n, d)| (d.record, n)).collect();
    let parents = |place: usize| -> Vec<usize> {
        let values = drafts[place].content().values;
        let linked = values.iter().filter(|(f, _)| own.contains(f)).flat_map(|(_, v)| links(v));
        linked.filter_map(|id| places.get(&id).copied()).collect()
    };
    by_depth(drafts.len(), parents)
}

#[derive(Clone, Copy, PartialEq)]
enum Visit {
    New,
    Open,
    Done,
}

fn by_depth(count: usize, parents: impl Fn(usize) -> Vec<usize>) -> Vec<usize> {
    let mut state = vec![Visit::New; count];
    let (mut out, mut stack) = (Vec::with_capacity(count), Vec::new());
    for start in 0..count {
        stack.push(start);
        while let Some(&place) = stack.last() {
            if state[place] == Visit::New {
                state[place] = Visit::Open;
                stack.extend(parents(place).into_iter().filter(|p| state[*p] == Visit::New));
                continue;
            }
            stack.pop();
            if state[place] == Visit::Open {
                state[place] = Visit::Done;
                out.push(place);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_first_and_circles_end() {
        let edges = [vec![2], vec![], vec![3, 1], vec![], vec![5], vec![4], vec![6]];
        let order = by_depth(7, |n| edges[n].clone());
        assert_eq!(order, [1, 3, 2, 0, 5, 4, 6]);
        let deep = by_depth(200_000, |n| if n + 1 < 200_000 { vec![n + 1] } else { Vec::new() });
        assert_eq!((deep[0], deep[199_999]), (199_999, 0));
    }
}
