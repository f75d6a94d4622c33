//! Several envelopes in one HTTP body: each behind its length, four bytes big-endian.

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
