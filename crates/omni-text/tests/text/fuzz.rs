//! Random histories: laptops that type, delete, send in parts and receive, in every order central may see.

use crate::kit::{Central, Laptop, Rng, bare, edit, words};
use loro::LoroDoc;
use omni_model::TextEdit;
use std::collections::BTreeSet;

const HISTORIES: u64 = 10_000;

struct World {
    rng: Rng,
    central: Central,
    loro: LoroDoc,
    laptops: Vec<Laptop>,
    typed: BTreeSet<String>,
    deleted: BTreeSet<String>,
}

impl World {
    fn new(seed: u64) -> World {
        let mut rng = Rng(seed);
        let first: String = (0..rng.below(8)).map(|i| format!("w{i} ")).collect();
        let central = Central::holding(&first);
        let loro = bare(&first);
        let count = 2 + rng.below(3) as u64;
        let laptops = (1..=count).map(|n| Laptop::new(n, &central, &loro)).collect();
        let typed = words(&first).into_iter().map(str::to_owned).collect();
        World { rng, central, loro, laptops, typed, deleted: BTreeSet::new() }
    }

    /// Words are typed and deleted with the blank behind them.
    fn some_edits(&mut self, who: usize) -> Vec<TextEdit> {
        let mut text = self.laptops[who].text.clone();
        let mut edits = Vec::new();
        for _ in 0..1 + self.rng.below(3) {
            let standing: Vec<&str> = text.split_inclusive(' ').collect();
            let nth = self.rng.below(standing.len() + 1);
            let at: usize = standing[..nth.min(standing.len())].iter().map(|w| w.len()).sum();
            let one = match standing.get(nth) {
                Some(word) if self.rng.below(3) == 0 => {
                    self.deleted.insert(word.trim_end().to_owned());
                    edit(at, word.len(), "")
                }
                _ => {
                    let word = format!("n{} ", self.typed.len());
                    self.typed.insert(word.trim_end().to_owned());
                    edit(at, 0, &word)
                }
            };
            text = omni_sync::text::apply(&text, std::slice::from_ref(&one)).unwrap();
            edits.push(one);
        }
        edits
    }

    fn step(&mut self) {
        let who = self.rng.below(self.laptops.len());
        match self.rng.below(4) {
            0 | 1 => {
                let edits = self.some_edits(who);
                self.laptops[who].edit(&edits);
            }
            2 if !self.laptops[who].queue.is_empty() => {
                self.laptops[who].send_one(&mut self.central, &self.loro);
            }
            _ => {
                self.laptops[who].send(&mut self.central, &self.loro);
                self.laptops[who].receive(&self.central, &self.loro);
            }
        }
    }
}

#[test]
fn every_word_survives_unless_deleted_and_the_text_is_what_loro_gives() {
    let mut equal = 0;
    for seed in 0..HISTORIES {
        let mut world = World::new(seed);
        for _ in 0..4 + world.rng.below(20) {
            world.step();
        }
        for laptop in &mut world.laptops {
            laptop.send(&mut world.central, &world.loro);
        }
        let text = &world.central.text;
        let standing: Vec<&str> = words(text);
        let set: BTreeSet<&str> = standing.iter().copied().collect();
        assert_eq!(standing.len(), set.len(), "seed {seed}: a word stands twice in {text:?}");
        for word in world.typed.difference(&world.deleted) {
            assert!(set.contains(word.as_str()), "seed {seed}: {word} is lost in {text:?}");
        }
        for word in &world.deleted {
            assert!(!set.contains(word.as_str()), "seed {seed}: {word} is back in {text:?}");
        }
        if world.central.equal > 0 {
            equal += 1;
            continue;
        }
        assert_eq!(*text, world.loro.get_text("t").to_string(), "seed {seed}: not what loro gives");
    }
    assert!(equal < HISTORIES / 4, "{equal} histories with equal writes say nothing about loro");
}

#[test]
fn equal_input_gives_equal_bytes() {
    for seed in 0..200 {
        let run = || {
            let mut world = World::new(seed);
            (0..20).for_each(|_| world.step());
            (world.central.text, world.central.history)
        };
        assert_eq!(run(), run(), "seed {seed}");
    }
}
