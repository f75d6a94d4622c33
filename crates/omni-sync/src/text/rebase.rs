//! Moving edits from the text they were made on to another one.

use super::diff::diff;
use omni_model::TextEdit;

/// A place of a text and what stands there instead. Splices of one text are in order and never touch.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Splice {
    start: usize,
    end: usize,
    insert: String,
}

/// Part of a text under edit: what is left of it, or what was typed.
#[derive(Clone, Debug)]
enum Piece {
    Left { start: usize, end: usize },
    Typed(Vec<char>),
}

impl Piece {
    fn len(&self) -> usize {
        match self {
            Piece::Left { start, end } => end - start,
            Piece::Typed(chars) => chars.len(),
        }
    }

    fn cut(self, at: usize) -> (Piece, Piece) {
        match self {
            Piece::Left { start, end } => {
                (Piece::Left { start, end: start + at }, Piece::Left { start: start + at, end })
            }
            Piece::Typed(mut chars) => {
                let rest = chars.split_off(at);
                (Piece::Typed(chars), Piece::Typed(rest))
            }
        }
    }
}

/// Edits made on `from`, moved so that they apply on `to`: what they delete goes as far as it still stands there, what
/// they type comes at the same place, behind what `to` has put there. `None` if an edit lies outside `from`.
pub fn rebase(edits: &[TextEdit], from: &str, to: &str) -> Option<Vec<TextEdit>> {
    let mine = splices(from.chars().count(), edits)?;
    let theirs = splices(from.chars().count(), &diff(from, to))?;
    let mut out = Moved::default();
    for splice in mine {
        if !splice.insert.is_empty() {
            out.push(moved(splice.start, &theirs), 0, &splice.insert);
        }
        standing(splice.start, splice.end, &theirs, &mut |at, len| out.push(at, len, ""));
    }
    Some(out.edits)
}

/// What edits, one after another, come to on the text they begin with, `len` characters long.
fn splices(len: usize, edits: &[TextEdit]) -> Option<Vec<Splice>> {
    let mut pieces = vec![Piece::Left { start: 0, end: len }];
    for edit in edits {
        let first = boundary(&mut pieces, edit.at as usize)?;
        let end = boundary(&mut pieces, edit.at.checked_add(edit.delete)? as usize)?;
        pieces.splice(first..end, [Piece::Typed(edit.insert.chars().collect())]);
    }
    let mut out: Vec<Splice> = Vec::new();
    let mut open = Splice { start: 0, end: 0, insert: String::new() };
    for piece in pieces.into_iter().chain([Piece::Left { start: len, end: len }]) {
        match piece {
            Piece::Typed(chars) => open.insert.extend(chars),
            Piece::Left { start, end } => {
                let after = Splice { start: end, end, insert: String::new() };
                if start == open.start && open.insert.is_empty() {
                    open = after;
                } else if start < end || start == len {
                    open.end = start;
                    out.push(std::mem::replace(&mut open, after));
                }
            }
        }
    }
    Some(out)
}

/// The number of the piece that begins at a position, cutting one if need be.
fn boundary(pieces: &mut Vec<Piece>, at: usize) -> Option<usize> {
    let mut left = at;
    for i in 0..pieces.len() {
        if left == 0 {
            return Some(i);
        }
        let len = pieces[i].len();
        if left < len {
            let (head, tail) = pieces[i].clone().cut(left);
            pieces.splice(i..=i, [head, tail]);
            return Some(i + 1);
        }
        left -= len;
    }
    (left == 0).then_some(pieces.len())
}

/// Where a position of the old text is in the new one; behind what was typed there.
fn moved(at: usize, theirs: &[Splice]) -> usize {
    let mut shift = 0isize;
    for s in theirs.iter().take_while(|s| s.start <= at) {
        let typed = s.insert.chars().count() as isize;
        if s.start == at && s.end > at {
            break;
        }
        if at < s.end {
            return (s.start as isize + shift + typed) as usize;
        }
        shift += typed - (s.end - s.start) as isize;
    }
    (at as isize + shift) as usize
}

/// The parts of a range of the old text that still stand in the new one, as place and length there.
fn standing(start: usize, end: usize, theirs: &[Splice], found: &mut dyn FnMut(usize, usize)) {
    let (mut at, mut shift) = (start, 0isize);
    for s in theirs {
        if s.start >= end {
            break;
        }
        if s.start > at {
            found((at as isize + shift) as usize, s.start - at);
        }
        at = at.max(s.end);
        shift += s.insert.chars().count() as isize - (s.end - s.start) as isize;
    }
    if at < end {
        found((at as isize + shift) as usize, end - at);
    }
}

/// Edits collected at places of the unedited text, made into edits one after another.
#[derive(Default)]
struct Moved {
    edits: Vec<TextEdit>,
    shift: isize,
}

impl Moved {
    fn push(&mut self, at: usize, delete: usize, insert: &str) {
        let at = (at as isize + self.shift) as usize;
        self.shift += insert.chars().count() as isize - delete as isize;
        // Typing and the deletion right behind it are one edit.
        if let Some(last) = self.edits.last_mut()
            && last.delete == 0
            && insert.is_empty()
            && last.at as usize + last.insert.chars().count() == at
        {
            last.delete = delete as u32;
            return;
        }
        self.edits.push(TextEdit { at: at as u32, delete: delete as u32, insert: insert.to_owned() });
    }
}
