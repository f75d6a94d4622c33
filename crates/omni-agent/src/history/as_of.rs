//! A record as it was.

use super::older;
use crate::client::Instant;
use crate::edits;
use crate::engine::Engine;
use crate::error::Result;
use crate::handlers::read;
use omni_model::{Collection, RecordId, Row};
use omni_protocol::WireError;
use omni_protocol::rpc::{AsOfArgs, AsOfRecord};
use omni_store::{ReadTx, StoreError};
use omni_sync::history::rewound;

type Stored<T> = std::result::Result<T, StoreError>;

/// A point of the past, as typed: a seq, or a time.
///
/// Errors: `invalid`.
pub fn point(text: &str) -> Result<Instant> {
    if let Ok(seq) = text.parse::<u64>() {
        return Ok(Instant::Seq(seq));
    }
    let time = text.parse::<jiff::Timestamp>();
    let wrong = |_| WireError::new("invalid", format!("“{text}” is neither a commit's number nor a time (RFC 3339)."));
    time.map(|t| Instant::Time(t.as_millisecond())).map_err(wrong)
}

/// What this laptop can say.
enum Local {
    Then(u64, Option<Row>),
    AskCentral,
    NotYet(u64),
}

/// A record at an earlier point: from this laptop's own history where that reaches, else from central's.
///
/// Errors: `invalid`, `offline` where central is needed and cannot be asked.
pub async fn as_of(engine: &Engine, args: AsOfArgs) -> Result<AsOfRecord> {
    let c = edits::collection(&args.collection)?;
    let id = edits::record_id(c, &args.id);
    let at = point(&args.at)?;
    let (local, now) = read(&engine.store, move |tx| {
        let now = tx.row(c.id, id)?.map(|stored| stored.row);
        Ok((local(tx, c, id, at)?, now))
    })
    .await?;
    let (seq, then) = match local {
        Local::Then(seq, row) => (seq, row),
        Local::NotYet(cursor) => {
            let message = format!("This laptop's copy stands at commit {cursor}. Name an earlier one.");
            return Err(WireError::new("invalid", message));
        }
        Local::AskCentral => {
            let (client, token) = older::central(engine)?;
            let found = client.record_at(&token, (c.id, id), at).await?;
            (found.seq, found.row.map(|row| row.row(c.id, id)))
        }
    };
    Ok(shown(c, id, seq, then.as_ref(), now.as_ref()))
}

fn local(tx: &ReadTx<'_>, c: &Collection, id: RecordId, at: Instant) -> Stored<Local> {
    let (cursor, since) = (tx.meta()?.map_or(0, |m| m.position.seq), tx.history_since()?);
    let seq = match at {
        Instant::Seq(seq) if seq > cursor => return Ok(Local::NotYet(cursor)),
        Instant::Seq(seq) => seq,
        // Commits this laptop does not see changed nothing it shows.
        Instant::Time(ms) => match tx.seq_at(ms)? {
            Some(seq) => seq,
            None if since == 0 => 0,
            None => return Ok(Local::AskCentral),
        },
    };
    if seq < since {
        return Ok(Local::AskCentral);
    }
    let images = tx.images_after(c.id, id, seq)?;
    let row = rewound(tx.confirmed_row(c.id, id)?, images.iter().map(|(_, _, image)| image));
    Ok(Local::Then(seq, row))
}

fn shown(c: &Collection, id: RecordId, seq: u64, then: Option<&Row>, now: Option<&Row>) -> AsOfRecord {
    let fields = c.fields.iter().filter(|_| then.is_some());
    let value = |row: Option<&Row>, f| row.map(|r| r.get(f).clone()).unwrap_or_default();
    AsOfRecord {
        seq,
        existed: then.is_some(),
        id: id.to_string(),
        fields: fields.map(|f| (f.name.to_owned(), f.to_json(&value(then, f.id)))).collect(),
        differs: c.fields.iter().filter(|f| value(then, f.id) != value(now, f.id)).map(|f| f.name.to_owned()).collect(),
    }
}
