//! Texts against what merging must keep: what somebody typed stands in one piece, and nothing goes that nobody deleted.

use super::coverage::Reached;
use super::driver::Sim;
use super::host::Hosts;
use omni_model::{FieldId, Op, RecordId, TextEdit, Value};
use omni_protocol::{ChangeId, ConflictItem, Decided};

impl<H: Hosts> Sim<H> {
    /// Each edit of a text in a commit, against the text before it. Called before the commit's own writes are noted.
    pub(super) fn check_texts(&mut self, change: ChangeId, items: &[&ConflictItem]) {
        let Some(saved) = self.ledger.saved.get(&change) else { return };
        let mut typed: Vec<(RecordId, FieldId, Vec<TextEdit>)> = Vec::new();
        for op in &saved.ops {
            if let Op::Text { record, field, edits, .. } = op {
                typed.push((*record, *field, edits.clone()));
            }
        }
        for (record, field, edits) in typed {
            // Several operations on one text may delete what an earlier one typed.
            let [edit] = edits.as_slice() else { continue };
            let waits = |item: &&&ConflictItem| {
                item.decided == Decided::Open && item.record == record && item.fields.contains(&field)
            };
            let standing = self.ledger.writers.get(&(record, field)).map(|(_, _, value)| value.clone());
            let (Some(row), None) = (self.ledger.rows.get(&record), items.iter().find(waits)) else { continue };
            let before = text_of(standing.as_ref());
            let after = text_of(row.get(&field));
            if let Some(why) = lost(&before, &after, edit) {
                return self.fail(format!("{change} {why} in field {} of {record}: {before:?} to {after:?}", field.0));
            }
            if self.knew_standing(change, (record, field)) == Some(false) {
                self.coverage.hit(Reached::TextMerged);
                // What its author did not know, its author cannot have meant to delete or to write into.
                let theirs = self.typed_last((record, field)).filter(|theirs| before.contains(theirs.as_str()));
                if let Some(torn) = theirs.filter(|theirs| !after.contains(theirs.as_str())) {
                    return self.fail(format!("{change} tore {torn:?} apart: {before:?} to {after:?}"));
                }
            }
        }
    }

    /// What the standing writer of a text typed in one piece.
    pub(super) fn typed_last(&self, key: (RecordId, FieldId)) -> Option<String> {
        let (writer, _, _) = self.ledger.writers.get(&key)?;
        let mut typed = self.ledger.saved.get(writer)?.ops.iter().filter_map(|op| match op {
            Op::Text { record, field, edits, .. } if (*record, *field) == key => Some(edits),
            _ => None,
        });
        match (typed.next().map(Vec::as_slice), typed.next()) {
            (Some([edit]), None) => Some(edit.insert.clone()),
            _ => None,
        }
    }

    fn knew_standing(&self, change: ChangeId, key: (RecordId, FieldId)) -> Option<bool> {
        let (other, seq, _) = self.ledger.writers.get(&key)?;
        let (mine, theirs) = (self.ledger.saved.get(&change)?, self.ledger.saved.get(other)?);
        self.ledger.knew(mine, (*other, theirs), *seq)
    }
}

fn text_of(value: Option<&Value>) -> String {
    value.and_then(Value::as_text).unwrap_or_default().to_owned()
}

/// What an edit did to a text that no merge may do.
fn lost(before: &str, after: &str, edit: &TextEdit) -> Option<String> {
    let chars = |text: &str| text.chars().count();
    if !after.contains(&edit.insert) {
        return Some(format!("tore {:?} apart", edit.insert));
    }
    // The same text, sent under another id too, stands once.
    if after == before {
        return None;
    }
    // Others may have deleted some of what this edit deletes, so a text can shrink by less, never by more.
    let most = chars(before) + chars(&edit.insert);
    let least = most.saturating_sub(edit.delete as usize);
    (!(least..=most).contains(&chars(after))).then(|| format!("left {} characters", chars(after)))
}
