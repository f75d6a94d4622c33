//! Frames in their envelope (`omni_protocol::envelope`), within central's limits.

use crate::error::{CentralError, Result};
use axum::body::Bytes;
use omni_protocol::Hash;
use omni_protocol::envelope::{self, Content};
use omni_protocol::frame::{ClientFrame, ServerFrame, from_bytes, to_bytes};
use omni_protocol::limits::{CLIENT_FRAME_BYTES_MAX, ZSTD_LEVEL};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use zstd::bulk::{Compressor, Decompressor};

/// A message may grow this much when decompressed; honest frames stay far below.
const RATIO_MAX: usize = 500;
/// Encoded feed frames kept, so that sessions with equal rights share one encoding.
const FRAMES_KEPT: usize = 64;

thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// A message ready for the wire.
pub type Envelope = Bytes;

/// Puts a frame into its envelope; compressed where that pays.
pub fn seal(frame: &ServerFrame) -> Envelope {
    let cbor = to_bytes(frame);
    // A compressor that fails costs size, nothing else.
    let pack = |cbor: &[u8]| Ok::<_, Infallible>(compress(cbor).unwrap_or_else(|| cbor.to_vec()));
    let Ok(envelope) = envelope::wrap(&cbor, pack);
    Bytes::from(envelope)
}

/// zstd of some bytes; `None` if the library fails, which only costs size.
pub fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = Compressor::new(ZSTD_LEVEL).ok();
        }
        slot.as_mut()?.compress(bytes).ok()
    })
}

fn decompress(bytes: &[u8]) -> Option<Vec<u8>> {
    let cap = bytes.len().saturating_mul(RATIO_MAX).clamp(64 * 1024, CLIENT_FRAME_BYTES_MAX);
    DECOMPRESSOR.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = Decompressor::new().ok();
        }
        slot.as_mut()?.decompress(bytes, cap).ok()
    })
}

/// Takes a laptop's frame out of its envelope.
pub fn open(message: &[u8]) -> Result<ClientFrame> {
    let bad = |what: &str| CentralError::new("bad_frame", format!("The message is not a frame: {what}."));
    let cbor = match envelope::content(message).ok_or_else(|| bad("it is in no envelope"))? {
        Content::Raw(cbor) => Cow::Borrowed(cbor),
        Content::Zstd(packed) => {
            Cow::Owned(decompress(packed).ok_or_else(|| bad("it does not decompress within the limits"))?)
        }
    };
    if cbor.len() > CLIENT_FRAME_BYTES_MAX {
        return Err(CentralError::new("too_large", format!("A frame may have {CLIENT_FRAME_BYTES_MAX} bytes.")));
    }
    from_bytes(&cbor).map_err(|e| bad(&e.to_string()))
}

type FrameKey = (Hash, u64, u64, u64, Option<u128>);

/// Feed frames by reader's rights and span: encoded once, the same bytes to all.
#[derive(Debug, Default)]
pub struct FrameCache(Mutex<VecDeque<(FrameKey, Envelope)>>);

impl FrameCache {
    /// The envelope of a frame for a reader whose rights hash to `grants`.
    pub fn seal(&self, grants: Hash, frame: &ServerFrame) -> Envelope {
        let ServerFrame::Feed(page) = frame else { return seal(frame) };
        let w = &page.watermark;
        let key = (grants, page.after, w.position.seq, w.head, w.root.map(|r| r.0));
        let find =
            |kept: &VecDeque<(FrameKey, Envelope)>| kept.iter().rev().find(|(k, _)| *k == key).map(|(_, e)| e.clone());
        if let Some(envelope) = find(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return envelope;
        }
        let envelope = seal(frame);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back((key, envelope.clone()));
        if kept.len() > FRAMES_KEPT {
            kept.pop_front();
        }
        envelope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: u8 = 0;
    const ZSTD: u8 = 1;

    fn raw(frame: &ClientFrame) -> Vec<u8> {
        [&[RAW][..], &to_bytes(frame)].concat()
    }

    #[test]
    fn both_kinds_open() {
        let frame = ClientFrame::Push(vec![7; 5_000].into());
        assert_eq!(open(&raw(&frame)).unwrap(), frame);
        let packed = [&[ZSTD][..], &zstd::bulk::compress(&to_bytes(&frame), 3).unwrap()].concat();
        assert_eq!(open(&packed).unwrap(), frame);
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        let bomb = [&[ZSTD][..], &zstd::bulk::compress(&vec![0; 64 << 20], 19).unwrap()].concat();
        let trailing = [raw(&ClientFrame::Ack { seq: 1 }), vec![0]].concat();
        let nested = [vec![RAW], vec![0x81; 100_000]].concat();
        for message in [&[][..], &[2, 0], &[RAW], &[ZSTD, 1, 2], &bomb, &trailing, &nested] {
            assert_eq!(open(message).unwrap_err().code, "bad_frame");
        }
        let large = raw(&ClientFrame::Push(vec![0; CLIENT_FRAME_BYTES_MAX].into()));
        assert_eq!(open(&large).unwrap_err().code, "too_large");
    }

    #[test]
    fn large_frames_are_compressed_small_ones_not() {
        let outcome = ServerFrame::Refused { code: "x".repeat(400), message: String::new(), retryable: false };
        assert_eq!(seal(&outcome)[0], ZSTD);
        assert_eq!(seal(&ServerFrame::Regrant {})[0], RAW);
    }
}
