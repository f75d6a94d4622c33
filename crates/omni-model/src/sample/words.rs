//! Invented names, and the few sentences notes are made of.

use super::rng::Rng;

/// Places of no map.
#[rustfmt::skip]
const PLACES: &[&str] = &[
    "Calderwick", "Ostmere", "Thornaby Cross", "Velstead", "Quillhaven", "Marrowby", "Dunsel", "Harrowgate Sound",
    "Ilvermoor", "Pellworth", "Saltmarsh Point", "Tamsin Vale", "Ravelstone", "Brackenfell", "Corrie Bay",
    "Nethercombe", "Lowmarch", "Eskerdale", "Wrenfold", "Greyhithe", "Ambershaw", "Fennick", "Old Sorrel",
    "Kestrel Row", "Yarrowdene", "Moorhallow", "Tidewell", "Stonecutter", "Birchover", "Anselm Rise",
];
/// Family names of nobody in particular.
#[rustfmt::skip]
const HOUSES: &[&str] = &[
    "Harte", "Quill", "Vane", "Osgood", "Pell", "Thackray", "Mbele-Rowe", "Lindqvist", "Okonjo", "Varga",
    "Tanaka-Hale", "Ferreira", "Castellan", "Duvall", "Nakato", "Rourke", "Sandoval", "Weir", "Zielinski",
    "Amari", "Brandt",
    "Coyle", "Dlamini", "Eberhart", "Farrow", "Ghosh", "Hollis", "Ito", "Jansen", "Kaplan",
];
#[rustfmt::skip]
const QUALITIES: &[&str] = &[
    "Quiet", "Upright", "Northern", "Copper", "Second", "Evergreen", "Patient", "Bright", "Common", "Plain", "Gilded",
    "Steady", "Open", "Longhand", "Slate", "Amber", "Civic", "True", "Hollow", "Little",
];
const TAILS: &[&str] = &[
    "wright", "mere", "ford", "stead", "craft", "haven", "worth", "holt", "crest", "yard", "fold", "wick", "moor",
    "gate", "ridge", "well", "bourne", "shaw", "by", "thorpe",
];
const FORMS: &[&str] =
    &["Company", "Works", "House", "Guild", "Collective", "Union", "Bureau", "Supply", "Studio", "Partners"];

/// What subnodes of a brand are called after it.
#[rustfmt::skip]
pub(super) const SUBNODES: &[&str] = &[
    "Direct", "North", "South", "Outlet", "Lab", "Academy", "Express", "Reserve", "Home", "Pro", "Junior", "Field",
    "Archive", "Care", "Select", "Workshop", "Market", "Wholesale", "Members", "Travel", "Press", "Harbour",
    "Uplands", "Rentals", "Repairs", "Insights", "Foundry", "Gallery", "Signal", "Kitchen", "Records", "Fleet",
    "Garden", "Atlas", "Exchange", "Nights", "Origin", "Parts", "Service", "Trust", "Tools", "Youth",
];
/// What records may be tagged with.
#[rustfmt::skip]
pub(super) const TAGS: &[&str] = &[
    "flagship", "pilot", "seasonal", "export", "review-due", "partner", "heritage", "fast-growing", "regulated",
    "low-margin", "key-account", "franchise",
];

/// How often a name is drawn again before it gets a number.
const NAME_TRIES: usize = 100;

/// A brand name with a word of its trade.
fn brand(rng: &mut Rng, themes: &[&str]) -> String {
    let theme = rng.pick(themes);
    match rng.below(10) {
        0..=3 => format!("{theme}{}", rng.pick(TAILS)),
        4..=5 => format!("{} {theme}", rng.pick(PLACES)),
        6..=7 => format!("{} {theme} {}", rng.pick(QUALITIES), rng.pick(FORMS)),
        _ => format!("{} {theme}", houses(rng)),
    }
}

/// A brand name that is not taken. Should a trade run out of words, a number tells names apart.
pub(super) fn fresh_brand(rng: &mut Rng, themes: &[&str], taken: &[String]) -> String {
    for _ in 0..NAME_TRIES {
        let name = brand(rng, themes);
        if !taken.contains(&name) {
            return name;
        }
    }
    format!("{} {}", brand(rng, themes), taken.len() + 1)
}

/// A company a contract may be made with.
pub(super) fn company(rng: &mut Rng, trade: &str) -> String {
    match rng.below(3) {
        0 => format!("{} {trade}", rng.pick(PLACES)),
        1 => format!("{} {trade}", houses(rng)),
        _ => format!("{} {} {trade}", rng.pick(QUALITIES), rng.pick(PLACES)),
    }
}

fn houses(rng: &mut Rng) -> String {
    let a = rng.below(HOUSES.len());
    let b = (a + 1 + rng.below(HOUSES.len() - 1)) % HOUSES.len();
    format!("{} & {}", HOUSES[a], HOUSES[b])
}

/// A note as operators leave them.
pub(super) fn note(rng: &mut Rng) -> String {
    const WHAT: &[&str] =
        &["Fees", "Regions", "The parent record", "Naming", "The declared figures", "Ownership", "Staff numbers"];
    const STATE: &[&str] = &[
        "checked against the last statement",
        "to be confirmed with the sector steward",
        "agreed by telephone, letter outstanding",
        "taken over from the former list",
        "unchanged since the last review",
        "under discussion until the next quarter",
    ];
    const NEXT: &[&str] = &[
        "No action needed.",
        "Look again before the next renewal.",
        "Ask before changing anything here.",
        "See the treaty's clauses on reporting.",
        "Remove this note once settled.",
    ];
    format!("{} {}. {}", rng.pick(WHAT), rng.pick(STATE), rng.pick(NEXT))
}

/// A key made of a name: lower case letters and digits, joined by hyphens.
pub(super) fn slug(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            c if c.is_ascii_alphanumeric() => out.push(c.to_ascii_lowercase()),
            _ if !out.is_empty() && !out.ends_with('-') => out.push('-'),
            _ => {}
        }
    }
    out.truncate(out.trim_end_matches('-').len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_that_run_out_get_a_number_and_never_repeat() {
        let (mut rng, mut taken) = (Rng::stream(1, "test"), Vec::new());
        while taken.len() < 1_300 {
            taken.push(fresh_brand(&mut rng, &["Loam"], &taken));
        }
        let numbered = |name: &&String| name.ends_with(|c: char| c.is_ascii_digit());
        assert_eq!(taken.iter().take(300).filter(numbered).count(), 0, "there are names enough for these");
        assert!(taken.iter().filter(numbered).count() > 100);
        assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), 1_300);
    }

    #[test]
    fn slugs_hold_letters_digits_and_single_hyphens() {
        assert_eq!(slug("Harte & Quill Loam™"), "harte-quill-loam");
        assert_eq!(slug(" North  24 "), "north-24");
    }
}
