//! Enrolment codes: 128 random bits in groups a person can type, kept as a hash, good once and for a day.

use crate::error::{CentralError, Result};
use crate::random;
use omni_protocol::Hash;

/// A code is good for this long, milliseconds.
pub const CODE_LIFE_MS: i64 = 24 * 60 * 60 * 1_000;
/// Crockford's alphabet: no I, L, O, U, so that nothing is misread.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a code without its dashes: 26 × 5 bits hold 128.
const CODE_CHARS: usize = 26;
const GROUP_CHARS: usize = 5;

/// A new code as it is shown once: five groups of five and one last character.
pub fn generate() -> Result<String> {
    let bits = u128::from_be_bytes(random::bytes()?);
    let symbol = |i: usize| ALPHABET[((bits >> (5 * i)) & 31) as usize] as char;
    let symbols: Vec<char> = (0..CODE_CHARS).rev().map(symbol).collect();
    Ok(symbols.chunks(GROUP_CHARS).map(|g| g.iter().collect::<String>()).collect::<Vec<_>>().join("-"))
}

/// The hash of a code as typed: case, dashes and spaces do not count, O is 0, I and L are 1.
pub fn hash(typed: &str) -> Result<Hash> {
    let clean: Option<String> = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| match c.to_ascii_uppercase() {
            'O' => Some('0'),
            'I' | 'L' => Some('1'),
            c if c.is_ascii() && ALPHABET.contains(&(c as u8)) => Some(c),
            _ => None,
        })
        .collect();
    let clean = clean.filter(|c| c.len() == CODE_CHARS).ok_or_else(unknown)?;
    Ok(Hash::of("omni-enrol-code", &[clean.as_bytes()]))
}

/// What every code that was never given out is answered with.
pub fn unknown() -> CentralError {
    CentralError::new("code_unknown", "This enrolment code is not known. Check it, or ask for a new one.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_survives_being_read_aloud() {
        let code = generate().unwrap();
        assert_eq!(code.len(), CODE_CHARS + CODE_CHARS / GROUP_CHARS);
        let sloppy = code.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
        assert_eq!(hash(&sloppy).unwrap(), hash(&code).unwrap());
    }

    #[test]
    fn codes_differ_and_others_hash_to_something_else() {
        let (a, b) = (generate().unwrap(), generate().unwrap());
        assert_ne!(hash(&a).unwrap(), hash(&b).unwrap());
    }

    #[test]
    fn what_is_no_code_is_unknown() {
        for typed in ["", "ABC", "UUUUU-UUUUU-UUUUU-UUUUU-UUUUU-U", "äöü", &"0".repeat(27)] {
            assert_eq!(hash(typed).unwrap_err().code, "code_unknown", "{typed}");
        }
    }
}
