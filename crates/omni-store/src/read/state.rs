//! The state badge of records and fields, from the outbox and the open conflicts.

use super::ReadTx;
use crate::codec::decode;
use crate::error::Result;
use omni_model::{CollectionId, FieldId, RecordId};
use std::collections::{BTreeMap, BTreeSet};

/// What a record or field shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowState {
    /// As on central.
    #[default]
    Saved,
    /// Sent, or answered and not yet in the copy.
    Sending,
    /// Saved here, not sent.
    Pending,
    /// Refused or held: needs the operator.
    Rejected,
    /// An open conflict.
    Conflict,
}

impl RowState {
    /// The word on the command line and in the UI.
    pub fn name(self) -> &'static str {
        match self {
            RowState::Saved => "saved",
            RowState::Sending => "sending",
            RowState::Pending => "pending",
            RowState::Rejected => "rejected",
            RowState::Conflict => "conflict",
        }
    }

    fn of_entry(state: u8) -> RowState {
        match state {
            0 => RowState::Pending,
            1 | 2 => RowState::Sending,
            3 | 4 => RowState::Rejected,
            _ => RowState::Saved,
        }
    }
}

/// One record's state, and its fields that are not simply saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct States {
    /// The record's: the gravest of all.
    pub row: RowState,
    /// By field; `FieldId::RECORD` = created or deleted here.
    pub fields: BTreeMap<FieldId, RowState>,
}

impl States {
    /// Fields with edits that are not confirmed and still show.
    pub fn pending(&self) -> Vec<FieldId> {
        let shown = |s: &RowState| matches!(s, RowState::Pending | RowState::Sending);
        self.fields.iter().filter(|(f, s)| **f != FieldId::RECORD && shown(s)).map(|(f, _)| *f).collect()
    }
}

impl ReadTx<'_> {
    /// Whether no record can have a state but *saved*.
    pub(super) fn all_saved(&self) -> Result<bool> {
        let sql = "SELECT NOT EXISTS (SELECT 1 FROM outbox) AND NOT EXISTS (SELECT 1 FROM conflict WHERE open = 1)";
        Ok(self.conn.prepare_cached(sql)?.query_row([], |r| r.get(0))?)
    }

    /// The states of one record.
    pub(super) fn states(&self, c: CollectionId, id: RecordId) -> Result<States> {
        let mut out = States::default();
        let sql = "SELECT o.state, t.fields FROM outbox_touch t JOIN outbox o ON o.local_no = t.local_no \
                   WHERE t.collection = ?1 AND t.record = ?2 AND t.direct = 1";
        let mut stmt = self.conn.prepare_cached(sql)?;
        let mut rows = stmt.query((c.0, id.0.as_bytes()))?;
        while let Some(r) = rows.next()? {
            let state = RowState::of_entry(r.get(0)?);
            out.row = out.row.max(state);
            let bytes: Vec<u8> = r.get(1)?;
            for field in decode::<Vec<FieldId>>(&bytes, "touched fields")? {
                let known = out.fields.entry(field).or_default();
                *known = (*known).max(state);
            }
        }
        for field in self.contested(c, id)? {
            out.row = RowState::Conflict;
            out.fields.insert(field, RowState::Conflict);
        }
        out.fields.retain(|_, s| *s != RowState::Saved);
        Ok(out)
    }

    fn contested(&self, c: CollectionId, id: RecordId) -> Result<BTreeSet<FieldId>> {
        let sql = "SELECT owner, compartment, item FROM conflict WHERE collection = ?1 AND record = ?2 AND open = 1";
        let mut stmt = self.conn.prepare_cached(sql)?;
        let mut rows = stmt.query((c.0, id.0.as_bytes()))?;
        let mut out = BTreeSet::new();
        while let Some(r) = rows.next()? {
            let (_, item) = crate::tx::item_from(r)?;
            match item.fields.is_empty() {
                true => out.insert(FieldId::RECORD),
                false => {
                    out.extend(item.fields);
                    true
                }
            };
        }
        Ok(out)
    }
}
