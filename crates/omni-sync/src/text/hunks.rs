//! What differs between two texts, in words.

use std::collections::BTreeMap;
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// Insertions and deletions the exact search looks for at most; its time and memory grow with them.
const DISTANCE_MAX: usize = 600;
/// Set in the numbers of blanks and marks, which stand between words.
const BETWEEN: u32 = 1 << 31;
/// Times a difference too large for the exact search is cut at words both texts hold once.
const CUTS_MAX: usize = 3;

/// Words of one text that stand in place of words of the other. Ranges count words; at most one of them is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// In the old text.
    pub old: Range<usize>,
    /// In the new text.
    pub new: Range<usize>,
}

/// A text in pieces that are never edited inside: words, runs of blanks, single marks (Unicode's word boundaries, so that
/// combining marks, emoji sequences and scripts without blanks stay whole).
pub fn words(text: &str) -> Vec<&str> {
    text.split_word_bounds().collect()
}

/// What differs, in order. Changes with nothing but blanks and marks between them are one: a sentence written anew is a
/// passage, not a change of every second word.
pub fn hunks(old: &[&str], new: &[&str]) -> Vec<Hunk> {
    let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
    for word in old.iter().chain(new) {
        let next = numbers.len() as u32 | if word.chars().any(char::is_alphanumeric) { 0 } else { BETWEEN };
        numbers.entry(word).or_insert(next);
    }
    let number = |words: &[&str]| -> Vec<u32> { words.iter().map(|w| numbers[w]).collect() };
    let (a, b) = (number(old), number(new));
    let mut found = Vec::new();
    search(&a, &b, (0, 0), CUTS_MAX, &mut found);
    joined(found, old)
}

fn joined(found: Vec<Hunk>, old: &[&str]) -> Vec<Hunk> {
    let mut out: Vec<Hunk> = Vec::with_capacity(found.len());
    for hunk in found {
        match out.last_mut() {
            Some(last) if old[last.old.end..hunk.old.start].iter().all(|w| is_gap(w)) => {
                last.old.end = hunk.old.end;
                last.new.end = hunk.new.end;
            }
            _ => out.push(hunk),
        }
    }
    out
}

/// Neither a letter nor a digit in it, and no line ends: changes of two paragraphs stay two.
fn is_gap(word: &str) -> bool {
    !word.chars().any(|c| c.is_alphanumeric() || c == '\n')
}

/// Adds what differs between `a` and `b`, which begin at `at` in the whole texts. Words are found first, and what stands
/// between them where they were found: were blanks worth as much as words, two texts with many blanks in common would be
/// told apart by other words than those put in or taken out, and a word put in would take the blank of the one before it.
fn search(a: &[u32], b: &[u32], at: (usize, usize), cuts: usize, out: &mut Vec<Hunk>) {
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let mut tail = a[head..].iter().rev().zip(b[head..].iter().rev()).take_while(|(x, y)| x == y).count();
    // The blank before the common end may be the one behind the word before: which one it is shows there.
    while tail > 0 && a[a.len() - tail] & BETWEEN != 0 {
        tail -= 1;
    }
    let (a, b, at) = (&a[head..a.len() - tail], &b[head..b.len() - tail], (at.0 + head, at.1 + head));
    if a.is_empty() && b.is_empty() {
        return;
    }
    if a.is_empty() || b.is_empty() {
        return add(out, at, 0..a.len(), 0..b.len());
    }
    let (anchors, cuts) = match kept_words(a, b) {
        Some(kept) => (kept, cuts),
        None if cuts > 0 => (common_once(a, b), cuts - 1),
        None => (Vec::new(), 0),
    };
    if anchors.is_empty() {
        return match shortest(a, b) {
            Some(kept) => add_between(out, at, &kept, a.len(), b.len()),
            None => add(out, at, 0..a.len(), 0..b.len()),
        };
    }
    let mut from = (0, 0);
    for (x, y) in anchors.into_iter().chain([(a.len(), b.len())]) {
        search(&a[from.0..x], &b[from.1..y], (at.0 + from.0, at.1 + from.1), cuts, out);
        from = ((x + 1).min(a.len()), (y + 1).min(b.len()));
    }
}

fn add(out: &mut Vec<Hunk>, at: (usize, usize), old: Range<usize>, new: Range<usize>) {
    let hunk = Hunk { old: at.0 + old.start..at.0 + old.end, new: at.1 + new.start..at.1 + new.end };
    match out.last_mut() {
        Some(last) if last.old.end == hunk.old.start && last.new.end == hunk.new.start => {
            last.old.end = hunk.old.end;
            last.new.end = hunk.new.end;
        }
        _ => out.push(hunk),
    }
}

/// Adds what lies between kept pairs.
fn add_between(out: &mut Vec<Hunk>, at: (usize, usize), kept: &[(usize, usize)], a: usize, b: usize) {
    let mut from = (0, 0);
    for (x, y) in kept.iter().copied().chain([(a, b)]) {
        if x > from.0 || y > from.1 {
            add(out, at, from.0..x, from.1..y);
        }
        from = (x + 1, y + 1);
    }
}

/// The pairs of words a shortest edit of the words alone keeps; `None` if it needs too many steps.
fn kept_words(a: &[u32], b: &[u32]) -> Option<Vec<(usize, usize)>> {
    let words = |all: &[u32]| -> Vec<(usize, u32)> {
        all.iter().copied().enumerate().filter(|(_, number)| number & BETWEEN == 0).collect()
    };
    let numbers = |words: &[(usize, u32)]| -> Vec<u32> { words.iter().map(|(_, number)| *number).collect() };
    let (a, b) = (words(a), words(b));
    let kept = shortest(&numbers(&a), &numbers(&b))?;
    Some(kept.into_iter().map(|(x, y)| (a[x].0, b[y].0)).collect())
}

/// The pairs a shortest edit keeps (Myers' greedy search); `None` if it needs more than `DISTANCE_MAX` steps.
fn shortest(a: &[u32], b: &[u32]) -> Option<Vec<(usize, usize)>> {
    let (n, m) = (a.len() as isize, b.len() as isize);
    let most = DISTANCE_MAX.min(a.len() + b.len()) as isize;
    let place = |k: isize| (k + most + 1) as usize;
    // Furthest place in `a` on each diagonal; one row is kept for each distance, to walk back.
    let mut furthest = vec![0isize; 2 * most as usize + 3];
    let mut rows: Vec<Vec<isize>> = Vec::new();
    for d in 0..=most {
        rows.push(furthest[place(-d - 1)..=place(d + 1)].to_vec());
        for k in (-d..=d).step_by(2) {
            let down = k == -d || (k != d && furthest[place(k - 1)] < furthest[place(k + 1)]);
            let mut x = if down { furthest[place(k + 1)] } else { furthest[place(k - 1)] + 1 };
            // Beyond an edge there is nothing to find, and the search must not read there.
            if x > n || x - k > m {
                furthest[place(k)] = x;
                continue;
            }
            while x < n && x - k < m && a[x as usize] == b[(x - k) as usize] {
                x += 1;
            }
            furthest[place(k)] = x;
            if x == n && x - k == m {
                return Some(walk_back(a, b, &rows, d));
            }
        }
    }
    None
}

fn walk_back(a: &[u32], b: &[u32], rows: &[Vec<isize>], distance: isize) -> Vec<(usize, usize)> {
    let (mut x, mut y) = (a.len() as isize, b.len() as isize);
    let mut kept = Vec::new();
    for d in (0..=distance).rev() {
        let row = |k: isize| rows[d as usize][(k + d + 1) as usize];
        let k = x - y;
        let down = k == -d || (k != d && row(k - 1) < row(k + 1));
        let before = if down { k + 1 } else { k - 1 };
        let (from_x, from_y) = match d {
            0 => (0, 0),
            _ => (row(before), row(before) - before),
        };
        let start = match (d, down) {
            (0, _) => (0, 0),
            (_, true) => (from_x, from_y + 1),
            (_, false) => (from_x + 1, from_y),
        };
        while x > start.0 && y > start.1 {
            x -= 1;
            y -= 1;
            kept.push((x as usize, y as usize));
        }
        (x, y) = (from_x, from_y);
    }
    kept.reverse();
    kept
}

/// Words each side holds exactly once, as the longest run of pairs in the same order on both.
fn common_once(a: &[u32], b: &[u32]) -> Vec<(usize, usize)> {
    let once = |words: &[u32]| {
        let mut places: BTreeMap<u32, Option<usize>> = BTreeMap::new();
        for (i, w) in words.iter().enumerate() {
            places.entry(*w).and_modify(|p| *p = None).or_insert(Some(i));
        }
        places
    };
    let in_b = once(b);
    let mut pairs: Vec<(usize, usize)> =
        once(a).into_iter().filter_map(|(w, i)| Some((i?, (*in_b.get(&w)?)?))).collect();
    pairs.sort_unstable();
    longest_rising(&pairs)
}

/// The longest part of `pairs` (sorted by the first) that also rises in the second.
fn longest_rising(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut tops: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (i, (_, y)) in pairs.iter().enumerate() {
        let pile = tops.partition_point(|top| pairs[*top].1 < *y);
        before.push(pile.checked_sub(1).map(|p| tops[p]));
        match tops.get_mut(pile) {
            Some(top) => *top = i,
            None => tops.push(i),
        }
    }
    let mut out = Vec::with_capacity(tops.len());
    let mut next = tops.last().copied();
    while let Some(i) = next {
        out.push(pairs[i]);
        next = before[i];
    }
    out.reverse();
    out
}
