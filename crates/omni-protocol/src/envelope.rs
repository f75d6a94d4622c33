//! How a frame travels: one byte that says raw or zstd, then its CBOR. Over HTTP several envelopes share a body, each
//! behind its length, four bytes big-endian.

use crate::limits::COMPRESS_BYTES_MIN;

/// First byte of an uncompressed message.
const RAW: u8 = 0;
/// First byte of a zstd message.
const ZSTD: u8 = 1;

/// What an envelope holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// CBOR.
    Raw(&'a [u8]),
    /// CBOR, compressed.
    Zstd(&'a [u8]),
}

/// Puts CBOR into its envelope, compressed by `pack` where that is worth trying and pays.
pub fn wrap<E>(cbor: &[u8], pack: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>) -> Result<Vec<u8>, E> {
    let packed = if cbor.len() >= COMPRESS_BYTES_MIN { Some(pack(cbor)?) } else { None };
    let (kind, body) = match &packed {
        Some(packed) if packed.len() < cbor.len() => (ZSTD, packed.as_slice()),
        _ => (RAW, cbor),
    };
    let mut out = Vec::with_capacity(body.len() + 1);
    out.push(kind);
    out.extend_from_slice(body);
    Ok(out)
}

/// What a message holds; `None` if it is no envelope.
pub fn content(message: &[u8]) -> Option<Content<'_>> {
    match message.split_first()? {
        (&RAW, body) => Some(Content::Raw(body)),
        (&ZSTD, body) => Some(Content::Zstd(body)),
        _ => None,
    }
}

/// Bytes of a length.
pub const LENGTH_BYTES: usize = 4;

/// Appends an envelope. One longer than `u32::MAX` cannot be: limits lie far below.
pub fn push(out: &mut Vec<u8>, envelope: &[u8]) {
    out.extend_from_slice(&u32::try_from(envelope.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(envelope);
}

/// The envelopes of a body, in order; `None` if it is not whole.
pub fn split(body: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut rest, mut envelopes) = (body, Vec::new());
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<LENGTH_BYTES>()?;
        let length = u32::from_be_bytes(*length) as usize;
        envelopes.push(after.get(..length)?);
        rest = &after[length..];
    }
    Some(envelopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_is_packed_if_that_pays() {
        let pack = |_: &[u8]| Ok::<_, ()>(vec![7]);
        let long = [1; COMPRESS_BYTES_MIN];
        assert_eq!(content(&wrap(&long, pack).unwrap()), Some(Content::Zstd(&[7])));
        assert_eq!(content(&wrap(&long[1..], pack).unwrap()), Some(Content::Raw(&long[1..])));
        assert_eq!(
            content(&wrap(&long, |cbor| Ok::<_, ()>([cbor, &[0]].concat())).unwrap()),
            Some(Content::Raw(&long))
        );
        assert_eq!(wrap(&long, |_| Err(())), Err(()));
        assert_eq!((content(&[]), content(&[2, 1])), (None, None));
    }

    #[test]
    fn what_is_pushed_is_split_and_a_torn_body_is_refused() {
        let mut body = Vec::new();
        [&b"one"[..], b"", b"three"].iter().for_each(|e| push(&mut body, e));
        assert_eq!(split(&body).unwrap(), [&b"one"[..], b"", b"three"]);
        assert_eq!(split(&[]).unwrap(), Vec::<&[u8]>::new());
        for end in 1..body.len() {
            let whole = [7, 11].contains(&end);
            assert_eq!(split(&body[..end]).is_some(), whole, "{end} bytes");
        }
        assert_eq!(split(&[0xff; 9]), None);
    }
}
