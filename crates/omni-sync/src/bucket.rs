//! Buckets of records, to find where two copies differ without sending either.

use crate::digest::Digest;
use omni_model::RecordId;
use std::collections::BTreeMap;

/// The lower bucket of a record: the first two bytes of a hash of its id. Its first byte is the upper bucket.
pub fn of(record: RecordId) -> u16 {
    let hash = blake3::hash(record.as_bytes());
    u16::from_be_bytes([hash.as_bytes()[0], hash.as_bytes()[1]])
}

/// Digests of lower buckets. Empty ones are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buckets(pub BTreeMap<u16, Digest>);

impl Buckets {
    /// Puts something of a record in.
    pub fn add(&mut self, record: RecordId, sum: Digest) {
        self.0.entry(of(record)).or_default().add(sum);
    }

    /// Sums of the upper buckets that hold anything.
    pub fn upper(&self) -> BTreeMap<u16, Digest> {
        let mut out: BTreeMap<u16, Digest> = BTreeMap::new();
        self.0.iter().for_each(|(bucket, sum)| out.entry(bucket >> 8).or_default().add(*sum));
        out.retain(|_, sum| *sum != Digest::default());
        out
    }

    /// Sums of the lower buckets below some upper ones.
    pub fn below(&self, upper: &[u16]) -> BTreeMap<u16, Digest> {
        let wanted = |bucket: u16, sum: &Digest| upper.contains(&(bucket >> 8)) && *sum != Digest::default();
        self.0.iter().filter(|(bucket, sum)| wanted(**bucket, sum)).map(|(b, s)| (*b, *s)).collect()
    }
}

/// Buckets whose sums differ.
pub fn differing(a: &BTreeMap<u16, Digest>, b: &BTreeMap<u16, Digest>) -> Vec<u16> {
    let all: std::collections::BTreeSet<u16> = a.keys().chain(b.keys()).copied().collect();
    all.into_iter().filter(|bucket| a.get(bucket) != b.get(bucket)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_levels_agree_and_a_difference_is_in_one_bucket_of_each() {
        let id = |n: u128| RecordId(uuid::Uuid::from_u128(n));
        let (mut a, mut b) = (Buckets::default(), Buckets::default());
        for n in 0..5_000 {
            a.add(id(n), Digest(n));
            b.add(id(n), Digest(if n == 77 { 1 } else { n }));
        }
        let upper = differing(&a.upper(), &b.upper());
        assert_eq!(upper, [of(id(77)) >> 8]);
        assert_eq!(differing(&a.below(&upper), &b.below(&upper)), [of(id(77))]);
    }
}
