//! Sets of records of one table, as bits by place: what a filter or search matches, kept while the copy stays the same,
//! so that scrolling through a filtered list matches once.

use std::sync::{Arc, Mutex, PoisonError};

/// Sets kept.
const SETS_KEPT: usize = 24;

/// A set of places in one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowSet {
    bits: Vec<u64>,
    len: u64,
}

impl RowSet {
    /// Puts a place in.
    pub fn insert(&mut self, rid: i64) {
        let (word, bit) = (rid as usize / 64, rid as usize % 64);
        if word >= self.bits.len() {
            self.bits.resize((word + 1).next_power_of_two(), 0);
        }
        let mask = 1u64 << bit;
        self.len += u64::from(self.bits[word] & mask == 0);
        self.bits[word] |= mask;
    }

    /// Whether a place is in.
    pub fn contains(&self, rid: i64) -> bool {
        self.bits.get(rid as usize / 64).is_some_and(|w| w & (1 << (rid as usize % 64)) != 0)
    }

    /// How many are in.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether none is in.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Those in both.
    pub fn intersect(&self, other: &RowSet) -> RowSet {
        let bits: Vec<u64> = self.bits.iter().zip(&other.bits).map(|(a, b)| a & b).collect();
        let len = bits.iter().map(|w| u64::from(w.count_ones())).sum();
        RowSet { bits, len }
    }

    /// All places, ascending.
    pub fn iter(&self) -> impl Iterator<Item = i64> + '_ {
        self.bits.iter().enumerate().flat_map(|(n, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                (left != 0).then(|| {
                    let bit = left.trailing_zeros();
                    left &= left - 1;
                    (n * 64) as i64 + i64::from(bit)
                })
            })
        })
    }
}

type Entry = (u64, String, Arc<RowSet>);

/// The sets matched last, valid for one state of the copy each.
#[derive(Debug, Default)]
pub struct SetCache(Mutex<Vec<Entry>>);

impl SetCache {
    /// The set of this question at this state.
    pub fn get(&self, generation: u64, question: &str) -> Option<Arc<RowSet>> {
        let mut sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sets.retain(|(g, _, _)| *g >= generation);
        let place = sets.iter().position(|(g, q, _)| *g == generation && q == question)?;
        let entry = sets.remove(place);
        let set = entry.2.clone();
        sets.push(entry);
        Some(set)
    }

    /// Keeps a set; the one used longest ago goes.
    pub fn put(&self, generation: u64, question: String, set: Arc<RowSet>) {
        let mut sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sets.len() >= SETS_KEPT {
            sets.remove(0);
        }
        sets.push((generation, question, set));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_count_and_come_back_in_order() {
        let mut a = RowSet::default();
        [700, 1, 64, 63, 1].into_iter().for_each(|n| a.insert(n));
        assert_eq!((a.len(), a.iter().collect::<Vec<_>>()), (4, vec![1, 63, 64, 700]));
        let mut b = RowSet::default();
        [64, 2].into_iter().for_each(|n| b.insert(n));
        assert_eq!(a.intersect(&b).iter().collect::<Vec<_>>(), [64]);
        assert!(!a.contains(2) && a.contains(700) && !a.contains(100_000));
    }

    #[test]
    fn a_set_of_an_older_state_is_not_given_out() {
        let cache = SetCache::default();
        cache.put(1, "q".into(), Arc::default());
        assert!(cache.get(1, "q").is_some());
        assert!(cache.get(2, "q").is_none());
        assert!(cache.get(1, "q").is_none(), "dropped once a newer state was asked for");
    }
}
