//! A case as it stands in a file.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// One merge case.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique in its file.
    pub name: String,
    /// What it is about.
    pub class: String,
    /// Why the expectation follows from DESIGN.
    pub why: String,
    /// The fields and their rules.
    pub schema: Schema,
    /// Central before the case.
    pub base: Base,
    /// Committed already, free of conflict.
    #[serde(default)]
    pub commits: Vec<Change>,
    /// Fed in order.
    pub incoming: Vec<Change>,
    /// What must come out.
    pub expect: Expect,
}

/// Fields and rules; all records of a case share them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// Field → policy.
    pub fields: BTreeMap<String, String>,
    /// Merge group → its fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Vec<String>>,
    /// `edit wins` or `committed stands`.
    pub delete: String,
    /// Field → state → states it may go to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub transitions: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Fields no two records share a value of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unique: Vec<String>,
}

/// Central before the case.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Base {
    /// The main record, id `r`; null = never existed.
    pub record: Option<Map<String, Json>>,
    /// The head.
    pub seq: u64,
    /// Last writer of each field of `r`.
    #[serde(default)]
    pub writers: BTreeMap<String, Writer>,
    /// Further records.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub others: BTreeMap<String, Map<String, Json>>,
    /// Absent = epoch 1, no forks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<Epochs>,
}

/// Epochs of central's history.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Epochs {
    /// The current one.
    pub current: u32,
    /// Epoch → seq at which it forked from its parent.
    pub forks: BTreeMap<u32, u64>,
}

/// From, to; both included, milliseconds; null = no bound on that side.
pub type Times = [Option<i64>; 2];

/// The last writer of a field in the base.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Writer {
    /// The commit.
    pub seq: u64,
    /// The replica.
    pub replica: String,
    /// When; absent = unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Times>,
    /// With what authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<u8>,
}

/// A position: a seq, or that of central right after an earlier incoming change got its outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Place {
    /// A seq.
    Seq(u64),
    /// Right after this change.
    After(String),
}

/// One change.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// An id seen before is a resend.
    pub id: String,
    /// Commits only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Who made it.
    pub replica: String,
    /// Absent: counted in order of appearance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<u64>,
    /// What its author had seen.
    pub base: Place,
    /// Epoch of `base`; absent = the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u32>,
    /// What its replica descends from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Ancestor>,
    /// When it was made.
    pub time: Times,
    /// As central grants it.
    #[serde(default)]
    pub authority: u8,
    /// Any name = a command, all or nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Preconditions of the command.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pre: Vec<Pre>,
    /// Own changes it relies on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// What it does.
    pub ops: Vec<OpText>,
}

/// An earlier incarnation, known up to a counter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ancestor {
    /// The replica.
    pub replica: String,
    /// Known up to here.
    pub counter: u64,
}

/// A precondition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pre {
    /// The field.
    pub field: String,
    /// Must hold this.
    pub is: Json,
    /// Of this record; absent = `r`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rec: Option<String>,
}

/// One operation. `rec` names another record than `r`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum OpText {
    Set {
        field: String,
        value: Json,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rec: Option<String>,
    },
    Add {
        field: String,
        by: Json,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rec: Option<String>,
    },
    Include {
        field: String,
        item: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rec: Option<String>,
    },
    Exclude {
        field: String,
        item: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rec: Option<String>,
    },
    Move {
        field: String,
        value: Json,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rec: Option<String>,
    },
    Text {
        field: String,
        edits: Vec<(u32, u32, String)>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rec: Option<String>,
    },
    Insert {
        values: Map<String, Json>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rec: Option<String>,
    },
    Delete {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rec: Option<String>,
    },
    Resolve {
        field: String,
        first: String,
        saw: Place,
        value: Json,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rec: Option<String>,
    },
    Undo {
        change: String,
    },
}

impl OpText {
    /// The record it names; `r` if none.
    pub fn rec(&self) -> &str {
        match self {
            OpText::Set { rec, .. }
            | OpText::Add { rec, .. }
            | OpText::Include { rec, .. }
            | OpText::Exclude { rec, .. }
            | OpText::Move { rec, .. }
            | OpText::Text { rec, .. }
            | OpText::Insert { rec, .. }
            | OpText::Delete { rec }
            | OpText::Resolve { rec, .. } => rec.as_deref().unwrap_or(MAIN),
            OpText::Undo { .. } => MAIN,
        }
    }
}

/// The main record of every case.
pub const MAIN: &str = "r";

/// What must come out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// `r` at the end: its values, `deleted` or `absent`.
    pub record: Json,
    /// Further records to compare.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub others: BTreeMap<String, Json>,
    /// Live records by their `Order` field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Vec<String>>,
    /// One per incoming change.
    pub outcomes: Vec<String>,
    /// Items open at the end.
    #[serde(default)]
    pub open: Vec<Item>,
    /// Automatic decisions recorded.
    #[serde(default)]
    pub decided: Vec<Decision>,
    /// Fields whose undo is offered as a choice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offered: Vec<String>,
}

/// An open item: of a field, a group, a record (`*`), or a whole parked change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The field or group; `*` = the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Another record than `r`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rec: Option<String>,
    /// What the author of the first loser had before.
    #[serde(default)]
    pub base: Json,
    /// The first loser's value.
    #[serde(default)]
    pub mine: Json,
    /// The committed value.
    #[serde(default)]
    pub theirs: Json,
    /// Values of later losers, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Json>,
    /// The parked change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// It may be there or not, in whatever form.
    #[serde(default, skip_serializing_if = "is_false")]
    pub may: bool,
}

/// An automatic decision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The field or group; `*` = the record.
    pub field: String,
    /// Another record than `r`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rec: Option<String>,
    /// The rule's word.
    pub rule: String,
    /// What holds.
    pub winner: Json,
    /// What does not.
    pub loser: Json,
    /// It may be there or not, in whatever form.
    #[serde(default, skip_serializing_if = "is_false")]
    pub may: bool,
}

fn is_false(b: &bool) -> bool {
    !*b
}
