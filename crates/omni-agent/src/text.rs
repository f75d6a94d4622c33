//! Edits inside a text: at a place, or as a whole new text of which only what differs is an edit.

use crate::edits;
use crate::error::{Result, usage};
use omni_model::{Collection, Op, Policy, Row, TextEdit, Value};
use omni_protocol::WireError;
use omni_protocol::rpc::TextArgs;
use omni_sync::text::{apply, fingerprint};

/// One edit of one text.
#[derive(Clone, Debug)]
pub(crate) struct TextEditing {
    /// Its collection.
    pub collection: String,
    /// Its record's id or key.
    pub id: String,
    field: String,
    act: TextAct,
}

#[derive(Clone, Debug)]
enum TextAct {
    Insert { at: u32, text: String },
    Delete { at: u32, count: u32 },
    Replace(String),
}

impl TryFrom<TextArgs> for TextEditing {
    type Error = WireError;

    fn try_from(args: TextArgs) -> Result<TextEditing> {
        let act = match (args.insert, args.delete, args.replace) {
            (Some(text), None, None) => TextAct::Insert { at: args.at, text },
            (None, Some(count), None) => TextAct::Delete { at: args.at, count },
            (None, None, Some(text)) => TextAct::Replace(text),
            _ => return Err(usage("Say one of insert, delete and replace.")),
        };
        Ok(TextEditing { collection: args.collection, id: args.id, field: args.field, act })
    }
}

impl TextEditing {
    /// The operation on a record as it is now.
    ///
    /// Errors: `unknown_field`, `bad_operation` (not a text that merges), `out_of_range`, `invalid`.
    pub fn operation(&self, c: &Collection, row: &Row) -> Result<Op> {
        let f = edits::field(c, &self.field)?;
        if f.policy != Policy::Text {
            let message = format!("{} is not edited as a text. Set it as a whole.", f.label);
            return Err(WireError::new("bad_operation", message));
        }
        let (collection, record, field) = (c.id, row.id, f.id);
        let text = row.get(field).as_text().unwrap_or_default();
        let edit = match &self.act {
            TextAct::Insert { at, text } => TextEdit { at: *at, delete: 0, insert: text.clone() },
            TextAct::Delete { at, count } => TextEdit { at: *at, delete: *count, insert: String::new() },
            TextAct::Replace(new) => {
                let value = if new.is_empty() { Value::Null } else { Value::text(new.clone()) };
                f.check(&value).map_err(edits::invalid)?;
                return Ok(Op::Set { collection, record, field, value });
            }
        };
        let edits = vec![edit];
        if apply(text, &edits).is_none() {
            let message = format!("The text has {} characters; the edit lies outside it.", text.chars().count());
            return Err(WireError::new("out_of_range", message));
        }
        Ok(Op::Text { collection, record, field, seen: fingerprint(text), edits })
    }
}
