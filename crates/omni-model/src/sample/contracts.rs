//! Contracts under the treaties.

use super::draft::Draft;
use super::lexicon::LEXICONS;
use super::rng::{Deck, Rng};
use super::treaties::TREATIES;
use super::{DAY_MS, Size, TODAY_MS, words};
use crate::records::Row;
use crate::schema::treaty_mesh::{APPROVAL, CONTRACT};

/// The contracts of these treaties, each between a brand of the treaty's sector (any brand, if it has none) and an
/// outside party.
pub(super) fn make(seed: u64, size: Size, treaties: &[Row], brands: &[Row]) -> Vec<Row> {
    let mut rng = Rng::stream(seed, "contracts");
    let mut approvals = Deck::new(&APPROVAL.iter().copied().zip([3, 5, 1, 6]).collect::<Vec<_>>());
    let mut currencies = Deck::new(&[("USD", 4), ("ECR", 1)]);
    let mut tiers = Deck::new(&[(None, 4), (Some("TIER-RED"), 2), (Some("TIER-PLATINUM"), 1)]);
    let mut rows = Vec::new();
    for ((facts, lexicon), treaty) in TREATIES.iter().zip(&LEXICONS).zip(treaties) {
        let sector = treaty.named("sector").as_id();
        let parties: Vec<&Row> = brands.iter().filter(|b| sector.is_none_or(|s| s == b.owner)).collect();
        for n in 1..=facts.contracts(size) {
            let ours = rng.pick(&parties).named("name").as_text().unwrap_or_default().to_owned();
            let trade = rng.pick(lexicon.trade);
            let theirs = words::company(&mut rng, trade);
            let approval = approvals.deal(&mut rng);
            let (starts, ends) = span(&mut rng, approval);
            rows.push(
                Draft::new(&CONTRACT, format!("{}:contract-{n:04}", facts.key))
                    .under("treaty", treaty)
                    .text("name", format!("{} agreement {n:04}: {ours} and {theirs}", rng.pick(lexicon.contract)))
                    .text("party_a", ours)
                    .text("party_b", theirs)
                    .int("amount", amount(&mut rng))
                    .text("currency", currencies.deal(&mut rng))
                    .maybe_int("starts_at", starts)
                    .maybe_int("ends_at", ends)
                    .text("approval", approval)
                    .maybe_text("reward_tier", tiers.deal(&mut rng))
                    .done(),
            );
        }
    }
    rows
}

/// First and last day. What is executed has begun; what still waits for approval may have no dates yet.
fn span(rng: &mut Rng, approval: &str) -> (Option<i64>, Option<i64>) {
    let begins = match approval {
        "executed" => rng.range(-1_500, -1),
        "pending" if rng.chance(25) => return (None, None),
        "pending" => rng.range(10, 400),
        _ => rng.range(-700, 300),
    };
    let days = 365 * rng.range(1, 8);
    let day = |n: i64| TODAY_MS + n * DAY_MS;
    // One in ten runs until it is ended.
    (Some(day(begins)), (!rng.chance(10)).then(|| day(begins + days)))
}

/// Cents: many small contracts, few large ones, round as people agree on them.
fn amount(rng: &mut Rng) -> i64 {
    let unit = rng.pick(&[100, 250, 500, 1_000, 5_000, 25_000]);
    rng.range(8, 99) * unit * 100
}
