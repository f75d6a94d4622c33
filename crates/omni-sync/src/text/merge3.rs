//! Three-way merge of texts: for an edit made on a text older than what central's text engine keeps.

use super::hunks::{Hunk, hunks, words};

/// Both sides changed the same place, differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap;

/// `base` with the changes of both sides, by words. An equal change of both is made once.
///
/// Errors: `Overlap`; then a person has to choose.
pub fn merge3(base: &str, mine: &str, theirs: &str) -> Result<String, Overlap> {
    let (b, m, t) = (words(base), words(mine), words(theirs));
    let (of_mine, of_theirs) = (hunks(&b, &m), hunks(&b, &t));
    let (mut out, mut at) = (String::with_capacity(mine.len().max(theirs.len())), 0);
    let (mut i, mut j) = (0, 0);
    while let Some((hunk, new, both)) = next(&of_mine, &of_theirs, (i, j), &m, &t)? {
        out.extend(b[at..hunk.old.start].iter().copied());
        out.extend(new[hunk.new.clone()].iter().copied());
        at = hunk.old.end;
        let from_mine = both || std::ptr::eq(new, m.as_slice());
        i += usize::from(from_mine);
        j += usize::from(both || !from_mine);
    }
    out.extend(b[at..].iter().copied());
    Ok(out)
}

type Next<'a, 'w> = Option<(&'a Hunk, &'a [&'w str], bool)>;

/// The next change in the base's order, the words it takes from, and whether both sides made it.
fn next<'a, 'w>(
    of_mine: &'a [Hunk],
    of_theirs: &'a [Hunk],
    (i, j): (usize, usize),
    m: &'a [&'w str],
    t: &'a [&'w str],
) -> Result<Next<'a, 'w>, Overlap> {
    match (of_mine.get(i), of_theirs.get(j)) {
        (None, None) => Ok(None),
        (Some(x), None) => Ok(Some((x, m, false))),
        (None, Some(y)) => Ok(Some((y, t, false))),
        (Some(x), Some(y)) if x.old == y.old && m[x.new.clone()] == t[y.new.clone()] => Ok(Some((x, m, true))),
        (Some(x), Some(y)) if meet(x, y) => Err(Overlap),
        (Some(x), Some(y)) if x.old.start < y.old.start => Ok(Some((x, m, false))),
        (Some(_), Some(y)) => Ok(Some((y, t, false))),
    }
}

/// Ranges share a word, or one puts words in at the edge of the other.
fn meet(x: &Hunk, y: &Hunk) -> bool {
    match x.old.is_empty() || y.old.is_empty() {
        true => x.old.start <= y.old.end && y.old.start <= x.old.end,
        false => x.old.start < y.old.end && y.old.start < x.old.end,
    }
}
