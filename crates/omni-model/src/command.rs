//! Commands: what operators do, as pure functions over the records they see.

use crate::ids::{CollectionId, RecordId};
use crate::op::Op;
use crate::records::Records;
use crate::schema;
use std::collections::BTreeMap;

/// Whether a command works without central.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offline {
    /// Shows its effect at once.
    Yes,
    /// Sends intent; central makes the operations and nothing is shown as done before.
    Queued,
    /// Refused offline, before typing.
    No,
}

impl Offline {
    /// The word the command line prints.
    pub fn name(&self) -> &'static str {
        match self {
            Offline::Yes => "yes",
            Offline::Queued => "queued",
            Offline::No => "no",
        }
    }
}

/// Why a command cannot be done. `code` is stable, `message` a sentence for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Stable word, branched on by the UI and by tests.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

impl Refusal {
    /// A refusal with this code and sentence.
    pub fn new(code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into() }
    }
}

/// Arguments of a command, by name, as texts (an id argument accepts an id or a key).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args(pub BTreeMap<String, String>);

impl Args {
    /// The argument, or a refusal that names it.
    pub fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.0
            .get(name)
            .map(String::as_str)
            .ok_or_else(|| Refusal::new("usage", format!("Argument “{name}” is missing.")))
    }

    /// The record of `collection` the argument names by id or key.
    pub fn record(&self, collection: &str, name: &str) -> Result<RecordId, Refusal> {
        let text = self.required(name)?;
        Ok(uuid::Uuid::parse_str(text).map(RecordId).unwrap_or_else(|_| RecordId::from_key(collection, text)))
    }
}

/// One argument of a command.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    /// Its name.
    pub name: &'static str,
    /// What to give.
    pub help: &'static str,
    /// The command refuses to run without it.
    pub required: bool,
}

/// A domain command. `plan` checks the preconditions and makes the operations; it is run on the laptop over the
/// overlay and again on central over merged state, so it must depend on nothing but its arguments.
#[derive(Clone, Copy)]
pub struct Command {
    /// Wire number, never reused. 0 is the plain edit.
    pub id: u16,
    /// `collection.verb`.
    pub name: &'static str,
    /// Version of its arguments and meaning.
    pub version: u16,
    /// Words for people.
    pub label: &'static str,
    /// Its arguments.
    pub args: &'static [Arg],
    /// Whether it works without central.
    pub offline: Offline,
    /// Preconditions and operations.
    pub plan: fn(&dyn Records, &Args) -> Result<Vec<Op>, Refusal>,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Command").field("id", &self.id).field("name", &self.name).finish()
    }
}

/// The plain edit of fields by form, cell or import: not a command; merges per field.
pub const PLAIN_EDIT: u16 = 0;

/// The live record of `collection` named by the argument `name`, or a refusal.
pub fn existing(records: &dyn Records, collection: &str, args: &Args, name: &str) -> Result<crate::Row, Refusal> {
    let id = args.record(collection, name)?;
    let cid: CollectionId = schema::by_name(collection)
        .map(|c| c.id)
        .ok_or_else(|| Refusal::new("unknown_collection", format!("There is no collection “{collection}”.")))?;
    records
        .get(cid, id)
        .ok_or_else(|| Refusal::new("not_found", format!("No {collection} “{}” exists here.", args.0[name])))
}
