//! `text`: edits inside a text field.

use super::edit::made;
use crate::laptop::{Laptop, Result, usage};
use clap::{ArgGroup, Args};
use omni_protocol::WireError;
use serde_json::{Value as Json, json};
use std::path::PathBuf;

/// Flags of `text`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("edit").required(true))]
pub struct TextArgs {
    /// The collection.
    collection: String,
    /// The record's id or key.
    id: String,
    /// The text field.
    field: String,
    /// Puts text in at a place.
    #[arg(long, group = "edit", num_args = 2, value_names = ["POS", "TEXT"], allow_hyphen_values = true)]
    insert: Option<Vec<String>>,
    /// Takes text out at a place.
    #[arg(long, group = "edit", num_args = 2, value_names = ["POS", "LEN"])]
    delete: Option<Vec<u64>>,
    /// Replaces the text by a file's.
    #[arg(long, group = "edit", value_name = "FILE")]
    replace_file: Option<PathBuf>,
}

impl TextArgs {
    /// The edit as the agent takes it.
    fn edit(self) -> Result<Json> {
        let mut ask = json!({"collection": self.collection, "id": self.id, "field": self.field});
        match (self.insert.as_deref(), self.delete.as_deref(), self.replace_file) {
            (Some([at, text]), None, None) => {
                let at: u32 = at.parse().map_err(|_| usage("POS is a number of characters."))?;
                (ask["at"], ask["insert"]) = (at.into(), text.as_str().into());
            }
            (None, Some([at, count]), None) => (ask["at"], ask["delete"]) = ((*at).into(), (*count).into()),
            (None, None, Some(file)) => {
                let text = std::fs::read_to_string(&file)
                    .map_err(|e| WireError::new("file", format!("{} cannot be read as text: {e}.", file.display())))?;
                ask["replace"] = text.into();
            }
            _ => return Err(usage("text takes one of --insert, --delete and --replace-file.")),
        }
        Ok(ask)
    }
}

/// `text`.
pub async fn text(args: TextArgs, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let ask = args.edit()?;
    made(json, &laptop.call("text", ask).await?)
}
