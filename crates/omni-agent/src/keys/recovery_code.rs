//! The recovery code: 160 random bits in groups people can copy by hand.

use crate::ids;
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Crockford's base 32: no letters that look like digits.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 160 bits.
const CODE_BYTES: usize = 20;
/// Letters between dashes.
const GROUP: usize = 4;

/// Opens the database when the keychain or the passphrase is lost. Shown once, at enrolment.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct RecoveryCode([u8; CODE_BYTES]);

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

impl RecoveryCode {
    /// A fresh one.
    pub fn generate() -> RecoveryCode {
        RecoveryCode(ids::random())
    }

    /// Its 20 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As shown: eight groups of four letters.
    pub fn to_words(&self) -> String {
        let mut letters = String::with_capacity(40);
        let (mut buffer, mut bits, mut count) = (0u32, 0u32, 0usize);
        for byte in self.0 {
            buffer = (buffer << 8) | u32::from(byte);
            bits += 8;
            while bits >= 5 {
                bits -= 5;
                if count > 0 && count.is_multiple_of(GROUP) {
                    letters.push('-');
                }
                letters.push(char::from(ALPHABET[((buffer >> bits) & 31) as usize]));
                count += 1;
            }
        }
        letters
    }

    /// Reads a typed code: case, dashes and spaces do not matter; O, I and L are read as the digits they look like.
    pub fn parse(text: &str) -> Option<RecoveryCode> {
        let mut out = Vec::with_capacity(CODE_BYTES);
        let (mut buffer, mut bits) = (0u32, 0u32);
        for c in text.chars().filter(|c| !c.is_whitespace() && *c != '-') {
            let letter = match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let value = ALPHABET.iter().position(|a| char::from(*a) == letter)?;
            buffer = (buffer << 5) | u32::try_from(value).ok()?;
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                out.push(((buffer >> bits) & 0xff) as u8);
            }
        }
        out.try_into().ok().filter(|_| bits == 0).map(RecoveryCode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_code_reads_back() {
        for _ in 0..200 {
            let code = RecoveryCode::generate();
            let words = code.to_words();
            assert_eq!(words.len(), 39);
            assert_eq!(RecoveryCode::parse(&words), Some(code.clone()));
            let sloppy = words.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
            assert_eq!(RecoveryCode::parse(&sloppy), Some(code));
        }
    }

    #[test]
    fn short_long_and_foreign_codes_are_refused() {
        let words = RecoveryCode::generate().to_words();
        assert_eq!(RecoveryCode::parse(&words[1..]), None);
        assert_eq!(RecoveryCode::parse(&format!("{words}0")), None);
        assert_eq!(RecoveryCode::parse(&format!("U{}", &words[1..])), None);
    }
}
