//! The sample's own randomness: splitmix64, so that one seed gives the same portfolio on every machine and for ever.

/// A seeded source of numbers.
#[derive(Clone, Debug)]
pub(super) struct Rng(u64);

impl Rng {
    /// The numbers of one part of the portfolio. Parts draw from streams of their own, so that changing how one is made
    /// leaves the others as they were.
    pub(super) fn stream(seed: u64, part: &str) -> Rng {
        let label =
            part.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
        Rng(mix(seed) ^ label)
    }

    /// The next 64 bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `n`, which must not be 0.
    pub(super) fn below(&mut self, n: usize) -> usize {
        // The high half of the product is even enough for samples and needs no division.
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// A number in `from..=to`.
    pub(super) fn range(&mut self, from: i64, to: i64) -> i64 {
        from + self.below((to - from + 1) as usize) as i64
    }

    /// Yes in `percent` of 100 cases.
    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of the items of a slice that is not empty.
    pub(super) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// The same items in random order.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

fn mix(state: u64) -> u64 {
    let mut z = state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Cards dealt in random order, each once a round. Unlike free draws this puts every card to use whatever the seed, and
/// keeps the proportions.
#[derive(Clone, Debug)]
pub(super) struct Deck<T> {
    cards: Vec<T>,
    dealt: usize,
}

impl<T: Copy> Deck<T> {
    /// A deck with this many of each card.
    pub(super) fn new(cards: &[(T, usize)]) -> Deck<T> {
        Deck { cards: cards.iter().flat_map(|&(card, n)| std::iter::repeat_n(card, n)).collect(), dealt: 0 }
    }

    /// A deck with one of each card.
    pub(super) fn even(cards: &[T]) -> Deck<T> {
        Deck { cards: cards.to_vec(), dealt: 0 }
    }

    /// The next card.
    pub(super) fn deal(&mut self, rng: &mut Rng) -> T {
        if self.dealt == self.cards.len() {
            self.dealt = 0;
        }
        let at = self.dealt + rng.below(self.cards.len() - self.dealt);
        self.cards.swap(self.dealt, at);
        self.dealt += 1;
        self.cards[self.dealt - 1]
    }

    /// `n` different cards; fewer if the deck has no more.
    pub(super) fn hand(&mut self, rng: &mut Rng, n: usize) -> Vec<T>
    where
        T: PartialEq,
    {
        let mut hand: Vec<T> = Vec::new();
        // Two rounds hold every card at least once, wherever the deck stands.
        for _ in 0..2 * self.cards.len() {
            if hand.len() == n {
                break;
            }
            let card = self.deal(rng);
            if !hand.contains(&card) {
                hand.push(card);
            }
        }
        hand
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_stream_is_splitmix64() {
        let mut rng = Rng(1_234_567);
        assert_eq!(rng.bits(), 6_457_827_717_110_365_317);
        assert_eq!(rng.bits(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn parts_and_seeds_draw_different_numbers() {
        let first = |seed, part| Rng::stream(seed, part).bits();
        assert_eq!(first(1, "brands"), first(1, "brands"));
        assert_ne!(first(1, "brands"), first(1, "scrolls"));
        assert_ne!(first(1, "brands"), first(2, "brands"));
    }

    #[test]
    fn a_round_deals_every_card_as_often_as_the_deck_holds_it_in_any_order() {
        let (mut rng, mut deck, mut orders) = (Rng(7), Deck::new(&[('a', 3), ('b', 1)]), BTreeSet::new());
        for _ in 0..50 {
            let mut round: Vec<char> = (0..4).map(|_| deck.deal(&mut rng)).collect();
            orders.insert(round.clone());
            round.sort_unstable();
            assert_eq!(round, ['a', 'a', 'a', 'b']);
        }
        assert_eq!(orders.len(), 4, "the one b turned up in every place");
    }

    #[test]
    fn a_hand_holds_no_card_twice() {
        let (mut rng, mut deck) = (Rng(7), Deck::new(&[(1, 5), (2, 1), (3, 1)]));
        for _ in 0..50 {
            let mut hand = deck.hand(&mut rng, 3);
            hand.sort_unstable();
            assert_eq!(hand, [1, 2, 3]);
        }
    }
}
