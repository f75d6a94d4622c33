//! From bytes of a batch to the writer: limits, form, identity, signature.

use super::App;
use super::tokens::Caller;
use crate::error::{CentralError, Result};
use crate::recovery;
use crate::writer::{Answer, Push};
use omni_protocol::Batch;
use omni_protocol::frame::from_bytes;
use omni_protocol::limits::{BATCH_BYTES_MAX, BATCH_CHANGES_MAX};
use omni_sync::sign::batch_is_genuine;

/// What the envelope of a batch may add to its changes.
const BATCH_FRAME_BYTES_MAX: usize = 32 * 1024;
/// Most bytes of an encoded batch.
pub const BATCH_WIRE_BYTES_MAX: usize = BATCH_BYTES_MAX + BATCH_FRAME_BYTES_MAX;

/// Checks a batch and hands it to the writer, which calls `reply` once. Errors: nothing was handed over.
pub fn submit(app: &App, caller: &Caller, bytes: &[u8], reply: Box<dyn FnOnce(Answer) + Send>) -> Result<()> {
    let batch = checked(app, caller, bytes)?;
    app.writer.submit(Push {
        device: caller.device,
        lineage: caller.lineage.clone(),
        batch,
        bytes: bytes.len(),
        received_ms: app.core.clock.now_ms(),
        reply,
    })
}

fn checked(app: &App, caller: &Caller, bytes: &[u8]) -> Result<Batch> {
    if recovery::is_on(&app.core.folder) {
        return Err(CentralError::retryable("recovering", "Central is being recovered; edits wait on the laptops."));
    }
    if bytes.len() > BATCH_WIRE_BYTES_MAX {
        return Err(CentralError::new("too_large", format!("A batch may have {BATCH_WIRE_BYTES_MAX} bytes.")));
    }
    let batch: Batch =
        from_bytes(bytes).map_err(|e| CentralError::new("bad_batch", format!("The batch cannot be read: {e}.")))?;
    if batch.entries.is_empty() || batch.entries.len() > BATCH_CHANGES_MAX || batch.first == 0 {
        let message = format!("A batch holds 1 to {BATCH_CHANGES_MAX} changes, counted from 1.");
        return Err(CentralError::new("bad_batch", message));
    }
    if batch.replica != caller.replica {
        return Err(CentralError::new("protocol", "The batch is of another replica than its session."));
    }
    let access = app.core.access();
    let device = access
        .active(caller.device)
        .ok_or_else(|| CentralError::new("device_revoked", "This device is no longer approved."))?;
    if !batch_is_genuine(&batch, &device.public_key) {
        return Err(CentralError::new("bad_signature", "The batch is not signed by its device."));
    }
    Ok(batch)
}
