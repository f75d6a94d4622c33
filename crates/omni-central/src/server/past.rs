//! What a laptop does not hold of the past: a record's commits, whole commits, a record at an earlier point. Each answer
//! holds only what the device may read now.

use super::App;
use super::answer::{Api, Asked, answer, asked, caller};
use crate::error::CentralError;
use crate::storage::{PageLimits, ReadTx, StorageExt};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use omni_model::{CollectionId, RecordId};
use omni_protocol::frame::to_bytes;
use omni_protocol::limits::FEED_PAGE_BYTES_MAX;
use omni_protocol::{ChangeId, DeviceId, Grants, Part};
use omni_sync::StorageError;
use omni_sync::history::{
    PastCommit, PastCommits, RecordCommit, RecordPast, RecordThen, rewound, told, visible_image, visible_row,
};
use omni_sync::meta::{Image, Stored};
use serde::Deserialize;
use std::sync::Arc;
use uuid::Uuid;

/// Commits in one answer.
const PAGE_MAX: usize = 500;
/// Commits looked at for one answer, whoever made them.
const SCAN_MAX: usize = 10_000;

#[derive(Deserialize)]
pub(super) struct RecordQuery {
    collection: u16,
    record: Uuid,
    before: Option<u64>,
    limit: Option<usize>,
}

/// `GET /v1/history`: a record's commits, newest first.
pub(super) async fn record(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    query: Asked<RecordQuery>,
) -> Api<Response> {
    let (_, grants) = caller(&app, &headers)?;
    let q = asked(query)?;
    answer(&app, move |app| Ok(app.core.storage.reading(|tx| record_past(tx, &q, &grants))?)).await
}

fn record_past(tx: &dyn ReadTx, q: &RecordQuery, grants: &Grants) -> std::result::Result<RecordPast, StorageError> {
    let (c, id) = (CollectionId(q.collection), RecordId(q.record));
    let limit = q.limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let seqs = tx.touching(c, id, q.before.unwrap_or(u64::MAX), limit)?;
    let (mut commits, mut bytes) = (Vec::new(), 0);
    let (mut last, mut more) = (None, seqs.len() == limit);
    for seq in seqs {
        if bytes > FEED_PAGE_BYTES_MAX {
            more = true;
            break;
        }
        if let Some(commit) = record_commit(tx, seq, (c, id), grants)? {
            bytes += to_bytes(&commit).len();
            commits.push(commit);
        }
        last = Some(seq);
    }
    Ok(RecordPast { commits, before: last.filter(|_| more) })
}

fn record_commit(
    tx: &dyn ReadTx,
    seq: u64,
    of: (CollectionId, RecordId),
    grants: &Grants,
) -> std::result::Result<Option<RecordCommit>, StorageError> {
    let Some(committed) = tx.committed(seq)? else { return Ok(None) };
    let images = committed.images.iter().filter(|i| (i.collection, i.record) == of);
    let image: Option<Image> = images.filter_map(|i| visible_image(i, grants)).next();
    // One commit with its readable parts, so that what a new record began with is told too.
    let one = PageLimits { commits: 1, bytes: 0 };
    let mut effects = Vec::new();
    for (_, bytes) in tx.commits_after(seq.saturating_sub(1), one, Some(grants))?.iter().flat_map(|c| &c.parts) {
        let part: Part = minicbor::decode(bytes).map_err(|_| StorageError::corrupt("part"))?;
        effects.extend(part.effects.into_iter().filter(|e| e.record() == of));
    }
    if image.is_none() && effects.is_empty() {
        return Ok(None);
    }
    Ok(Some(told(seq, committed.info, image, &effects)))
}

#[derive(Deserialize)]
pub(super) struct CommitsQuery {
    change: Option<Uuid>,
    device: Option<Uuid>,
    from_ms: Option<i64>,
    to_ms: Option<i64>,
    before: Option<u64>,
}

/// `GET /v1/history/commits`: the commit of a change, or what a device committed in a span of commit time, newest first.
pub(super) async fn commits(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    query: Asked<CommitsQuery>,
) -> Api<Response> {
    let (_, grants) = caller(&app, &headers)?;
    let q = asked(query)?;
    answer(&app, move |app| {
        let found = app.core.storage.reading(|tx| match (q.change, q.device) {
            (Some(change), None) => of_change(tx, ChangeId(change), &grants).map(Some),
            (None, Some(device)) => of_device(tx, DeviceId(device), &q, &grants).map(Some),
            _ => Ok(None),
        })?;
        found.ok_or_else(|| CentralError::new("bad_request", "Either a change or a device is named."))
    })
    .await
}

fn past_commit(tx: &dyn ReadTx, seq: u64, grants: &Grants) -> std::result::Result<Option<PastCommit>, StorageError> {
    let Some(committed) = tx.committed(seq)? else { return Ok(None) };
    let images: Vec<Image> = committed.images.iter().filter_map(|i| visible_image(i, grants)).collect();
    Ok((!images.is_empty()).then_some(PastCommit { seq, info: committed.info, images }))
}

fn of_change(tx: &dyn ReadTx, change: ChangeId, grants: &Grants) -> std::result::Result<PastCommits, StorageError> {
    let commit = match tx.seq_of(change)? {
        Some(seq) => past_commit(tx, seq, grants)?,
        None => None,
    };
    Ok(PastCommits { commits: commit.into_iter().collect(), before: None })
}

fn of_device(
    tx: &dyn ReadTx,
    device: DeviceId,
    q: &CommitsQuery,
    grants: &Grants,
) -> std::result::Result<PastCommits, StorageError> {
    let last = tx.seq_at(q.to_ms.unwrap_or(i64::MAX))?;
    let upto = q.before.unwrap_or(u64::MAX).min(last.saturating_add(1));
    let infos = tx.infos_before(upto, SCAN_MAX)?;
    let full = infos.len() == SCAN_MAX;
    let from = q.from_ms.unwrap_or(i64::MIN);
    let (mut past, mut bytes) = (PastCommits::default(), 0);
    for (seq, info) in infos {
        if info.at_ms < from {
            return Ok(PastCommits { before: None, ..past });
        }
        if bytes > FEED_PAGE_BYTES_MAX || past.commits.len() >= PAGE_MAX {
            return Ok(past);
        }
        if info.device == device
            && let Some(commit) = past_commit(tx, seq, grants)?
        {
            bytes += to_bytes(&commit).len();
            past.commits.push(commit);
        }
        past.before = Some(seq);
    }
    past.before = past.before.filter(|_| full);
    Ok(past)
}

#[derive(Deserialize)]
pub(super) struct AsOfQuery {
    collection: u16,
    record: Uuid,
    seq: Option<u64>,
    at_ms: Option<i64>,
}

/// `GET /v1/as-of`: a record right after a commit, or at a time.
pub(super) async fn as_of(State(app): State<Arc<App>>, headers: HeaderMap, query: Asked<AsOfQuery>) -> Api<Response> {
    let (_, grants) = caller(&app, &headers)?;
    let q = asked(query)?;
    answer(&app, move |app| {
        app.core.storage.reading(|tx| {
            let at = match (q.seq, q.at_ms) {
                (Some(seq), None) => seq,
                (None, Some(at_ms)) => tx.seq_at(at_ms)?,
                _ => return Ok(Err(CentralError::new("bad_request", "Either a seq or a time is named."))),
            };
            let head = tx.head()?.position.seq;
            if at > head {
                return Ok(Err(CentralError::new("ahead", format!("Central stands at {head}, before {at}."))));
            }
            Ok(Ok(record_then(tx, CollectionId(q.collection), RecordId(q.record), at, &grants)?))
        })?
    })
    .await
}

fn record_then(
    tx: &dyn ReadTx,
    c: CollectionId,
    id: RecordId,
    seq: u64,
    grants: &Grants,
) -> std::result::Result<RecordThen, StorageError> {
    let now = tx.stored(c, id)?.filter(Stored::is_live).map(|s| s.row);
    let since = tx.images_after(c, id, seq)?;
    let then = rewound(now, since.iter().map(|(_, image)| image));
    Ok(RecordThen { seq, row: then.and_then(|row| visible_row(&row, grants)) })
}
