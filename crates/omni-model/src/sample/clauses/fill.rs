//! Filling the slots of a clause.

use super::super::lexicon::Lexicon;
use super::super::rng::Rng;

const PARTIES: &[&str] = &[
    "the Licensor",
    "the Licensee",
    "the Operator",
    "the Sector Steward",
    "the Deploying Party",
    "the Record Keeper",
    "the Paying Agent",
    "the Treasury",
];
const BODIES: &[&str] =
    &["the Treaty Council", "the Review Board", "the Clause Registry", "the Arbitration Panel", "the Audit Desk"];
const DAYS: &[&str] = &[
    "five working days",
    "seven days",
    "ten working days",
    "14 days",
    "20 working days",
    "21 days",
    "30 days",
    "45 days",
    "60 days",
    "90 days",
    "120 days",
];
const HOURS: &[&str] =
    &["two hours", "four hours", "eight hours", "12 hours", "24 hours", "36 hours", "48 hours", "72 hours"];
const PERIODS: &[&str] = &["calendar month", "quarter", "half-year", "royalty year", "billing cycle"];
const NUMBERS: &[&str] = &["two", "three", "four", "five", "six", "seven", "eight", "ten", "twelve"];
const REGIONS: &[&str] =
    &["North America", "Europe", "Asia-Pacific", "Latin America", "Africa", "more than one region", "its home region"];

/// What stays the same throughout one clause: who, what, and in which article.
pub(super) struct Terms {
    a: &'static str,
    b: &'static str,
    body: &'static str,
    activity: &'static str,
    goods: &'static str,
    record: &'static str,
    risk: &'static str,
    article: i64,
}

impl Terms {
    pub(super) fn new(rng: &mut Rng, lexicon: &Lexicon, article: i64) -> Terms {
        let a = rng.below(PARTIES.len());
        let b = (a + 1 + rng.below(PARTIES.len() - 1)) % PARTIES.len();
        Terms {
            a: PARTIES[a],
            b: PARTIES[b],
            body: rng.pick(BODIES),
            activity: rng.pick(lexicon.activity),
            goods: rng.pick(lexicon.goods),
            record: rng.pick(lexicon.record),
            risk: rng.pick(lexicon.risk),
            article,
        }
    }

    /// The template with every `{slot}` filled; a slot in capitals begins a sentence. Numbers are drawn for each slot.
    pub(super) fn fill(&self, rng: &mut Rng, template: &str) -> String {
        let mut out = String::with_capacity(2 * template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((slot, tail)) = after.split_once('}') else { break };
            out.push_str(before);
            let word = self.word(rng, &slot.to_ascii_lowercase());
            if slot.starts_with(char::is_uppercase) {
                out.extend(word.chars().next().map(|c| c.to_ascii_uppercase()));
                out.push_str(word.get(1..).unwrap_or_default());
            } else {
                out.push_str(&word);
            }
            rest = tail;
        }
        out.push_str(rest);
        out
    }

    fn word(&self, rng: &mut Rng, slot: &str) -> String {
        let word = match slot {
            "a" => self.a,
            "b" => self.b,
            "body" => self.body,
            "activity" => self.activity,
            "goods" => self.goods,
            "record" => self.record,
            "risk" => self.risk,
            "days" => rng.pick(DAYS),
            "hours" => rng.pick(HOURS),
            "period" => rng.pick(PERIODS),
            "n" => rng.pick(NUMBERS),
            "region" => rng.pick(REGIONS),
            "pct" => return format!("{}.{} %", rng.range(1, 24), rng.pick(&[0, 5])),
            "usd" => return dollars(rng),
            "count" => return thousands(rng.range(2, 90) * rng.pick(&[10, 25, 100, 250])),
            "article" => return format!("Article {}", rng.range(1, self.article)),
            unknown => panic!("a clause template has an unknown slot {{{unknown}}}"),
        };
        word.to_owned()
    }
}

fn dollars(rng: &mut Rng) -> String {
    format!("US$ {}", thousands(rng.range(5, 99) * rng.pick(&[100, 250, 500, 2_500])))
}

fn thousands(n: i64) -> String {
    if n < 1_000 { n.to_string() } else { format!("{},{:03}", thousands(n / 1_000), n % 1_000) }
}

#[cfg(test)]
mod tests {
    use super::super::super::lexicon::LEXICONS;
    use super::*;

    #[test]
    fn slots_are_filled_and_sentences_begin_with_a_capital() {
        let mut rng = Rng::stream(1, "test");
        let terms = Terms::new(&mut rng, &LEXICONS[0], 1);
        let text = terms.fill(&mut rng, "{B} tells {a}, by {article}.");
        let (Some(b), Some(a)) = (terms.b.strip_prefix("the "), terms.a.strip_prefix("the ")) else { panic!() };
        assert_eq!(text, format!("The {b} tells the {a}, by Article 1."));
        assert_ne!(a, b);
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([7, 1_000, 24_750].map(thousands), ["7", "1,000", "24,750"]);
    }
}
