//! Clauses of the treaties: articles of a topic each, made of templates and the words of the treaty's trade.

mod commerce;
mod conduct;
mod fill;
mod form;
mod legal;

use super::Size;
use super::draft::Draft;
use super::lexicon::LEXICONS;
use super::rng::Rng;
use super::treaties::TREATIES;
use crate::records::Row;
use crate::schema::treaty_mesh::CLAUSE;
use fill::Terms;

/// Heading and text of the clauses an article may hold.
type Topic = &'static [(&'static str, &'static str)];

/// Where a clause ends or does not apply.
const EXCEPTIONS: &[&str] = &[
    "This does not apply to {goods} entered before this clause was bound.",
    "Contracts below {usd} are exempt.",
    "In {region} any time named here is at least {days}.",
    "{A} may depart from this in writing, for one {period} at a time.",
    "This does not limit the rights of {a} under {article}.",
    "{Body} may grant an exception for {activity} of small extent, up to {usd} a {period}.",
    "Where {risk} is shown, times are halved.",
    "The clause rests while a decision under {article} is pending.",
    "For subnodes, amounts named here are lower by {pct}.",
    "It applies equally where {b} acts through others.",
    "Deployments that are paused are left out of account.",
    "If the last day is not a working day in {region}, the next one counts.",
];

/// What follows if it is not kept.
const CONSEQUENCES: &[&str] = &[
    "If {b} fails to do so, {a} may hold further {goods} until it has.",
    "A failure is entered in the {record} as a finding and reviewed by {body} within {days}.",
    "For each {period} begun, a delay costs {b} {usd}.",
    "Repeated failure, {n} times or more, is a ground to end the deployment in {region}.",
    "Failing that, {article} applies.",
    "{A} bears the costs that arise otherwise, up to {usd}.",
    "What is owed beyond that is settled with the next {record}.",
    "{Body} is told of every case within {hours}.",
    "Until it is done, the matter stands as unknown and not as settled.",
    "Thereafter {b} owes {pct} more for {activity} in {region}.",
];

/// The clauses of these treaties, numbered through each treaty.
pub(super) fn make(seed: u64, size: Size, treaties: &[Row]) -> Vec<Row> {
    let mut rng = Rng::stream(seed, "clauses");
    let mut rows = Vec::new();
    for ((facts, lexicon), treaty) in TREATIES.iter().zip(&LEXICONS).zip(treaties) {
        let count = facts.clauses(size);
        let bound = bound(&mut rng, count, facts.bound(count));
        let mut articles = Articles::new();
        for (bound, number) in bound.into_iter().zip(1_i64..) {
            let (article, section, (heading, text)) = articles.next(&mut rng);
            let terms = Terms::new(&mut rng, lexicon, article);
            let heading = terms.fill(&mut rng, heading);
            let mut sentences = vec![text];
            if !is_definition(text) && rng.chance(60) {
                sentences.push(rng.pick(EXCEPTIONS));
            }
            if names_a_duty(text) && rng.chance(60) {
                sentences.push(rng.pick(CONSEQUENCES));
            }
            let text = sentences.iter().map(|s| terms.fill(&mut rng, s)).collect::<Vec<_>>().join(" ");
            rows.push(
                Draft::new(&CLAUSE, format!("{}:clause-{number:04}", facts.key))
                    .under("treaty", treaty)
                    .int("number", number)
                    .text("heading", format!("{article}.{section} {heading}"))
                    .text("text", text)
                    .flag("bound", bound)
                    .int("position", number * 1_000_000)
                    .done(),
            );
        }
    }
    rows
}

/// Definitions know neither exceptions nor consequences.
fn is_definition(template: &str) -> bool {
    commerce::TOPICS[0].iter().any(|(_, text)| *text == template)
}

/// Whether the second party has to do something, so that a sentence on what follows otherwise makes sense.
fn names_a_duty(template: &str) -> bool {
    !is_definition(template)
        && template.match_indices("{B} ").any(|(at, b)| !template[at + b.len()..].starts_with("may "))
}

/// Which of the clauses are bound, in random order.
fn bound(rng: &mut Rng, count: usize, bound: usize) -> Vec<bool> {
    let mut flags: Vec<bool> = (0..count).map(|i| i < bound).collect();
    rng.shuffle(&mut flags);
    flags
}

/// Goes through the topics, article by article: definitions first, the others in an order of their own each round.
struct Articles {
    topics: Vec<Topic>,
    round: Vec<Topic>,
    section: Vec<(&'static str, &'static str)>,
    article: i64,
    done: i64,
}

impl Articles {
    fn new() -> Articles {
        let topics: Vec<Topic> = [commerce::TOPICS, conduct::TOPICS, legal::TOPICS, form::TOPICS].concat();
        Articles { round: Vec::new(), topics, section: Vec::new(), article: 0, done: 0 }
    }

    /// Article and section number, and the template of the next clause.
    fn next(&mut self, rng: &mut Rng) -> (i64, i64, (&'static str, &'static str)) {
        if self.section.is_empty() {
            self.section = self.topic(rng).to_vec();
            rng.shuffle(&mut self.section);
            self.article += 1;
            self.done = 0;
        }
        self.done += 1;
        let template = self.section.pop().unwrap_or_default();
        (self.article, self.done, template)
    }

    fn topic(&mut self, rng: &mut Rng) -> Topic {
        if self.round.is_empty() {
            self.round = self.topics.clone();
            rng.shuffle(&mut self.round);
            if self.article == 0 {
                // Taken from the end: every treaty opens with its definitions.
                self.round.retain(|topic| *topic != self.topics[0]);
                self.round.push(self.topics[0]);
            }
        }
        self.round.pop().unwrap_or(self.topics[0])
    }
}
