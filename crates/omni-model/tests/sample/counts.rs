use super::kit::{PORTFOLIO, SMALL, key, rows_of, text};
use omni_model::{Row, sample, schema};
use std::collections::BTreeMap;

fn counts(rows: &[Row]) -> BTreeMap<&'static str, usize> {
    schema::COLLECTIONS.iter().map(|c| (c.name, rows_of(rows, c.name).count())).collect()
}

#[test]
fn the_portfolio_has_the_counts_of_the_real_one_whatever_the_seed() {
    let expected = BTreeMap::from([
        ("sector", 29),
        ("brand", 7_038),
        ("scroll", 7_038),
        ("deployment", 16_031),
        ("treaty", 8),
        ("clause", 12_564),
        ("contract", 5_804),
        ("treaty_dependency", 12),
        ("payroll_sector", 15),
        ("payroll_page", 26_575),
        ("node", 8),
        ("app", 3),
        ("app_dependency", 6),
    ]);
    assert_eq!(counts(&PORTFOLIO), expected);
    assert_eq!(PORTFOLIO.len(), 75_131);
    assert_eq!(counts(&sample::portfolio(0xfeed)), expected);
}

#[test]
fn the_small_one_has_a_few_hundred_records_of_every_kind() {
    for seed in [0, 1, u64::MAX] {
        let rows = sample::small(seed);
        assert!((300..600).contains(&rows.len()), "{} records", rows.len());
        let counts = counts(&rows);
        assert!(counts.values().all(|n| *n > 0), "{counts:?}");
        assert_eq!((counts["sector"], counts["treaty"], counts["payroll_sector"]), (29, 8, 15));
        assert_eq!(counts, super::counts::counts(&SMALL), "counts do not depend on the seed");
    }
}

#[test]
fn brands_are_cores_with_subnodes_and_742_of_them_are_generated() {
    let count = |field: &str, word: &str| rows_of(&PORTFOLIO, "brand").filter(|b| text(b, field) == word).count();
    assert_eq!((count("kind", "core"), count("kind", "subnode")), (1_441, 5_597));
    assert_eq!(count("origin", "generated"), 742);
    let mut below: BTreeMap<_, usize> = BTreeMap::new();
    for brand in rows_of(&PORTFOLIO, "brand") {
        *below.entry(brand.named("parent").as_id().unwrap_or(brand.id)).or_default() += 1;
    }
    assert!(below.values().all(|n| *n >= 2), "every core brand has a subnode");
}

#[test]
fn treaties_hold_as_many_clauses_contracts_and_bound_clauses_as_they_declare() {
    for treaty in rows_of(&PORTFOLIO, "treaty") {
        let of = |name| rows_of(&PORTFOLIO, name).filter(|r| r.named("treaty").as_id() == Some(treaty.id));
        let (clauses, contracts) = (of("clause").count() as i64, of("contract").count() as i64);
        assert_eq!(treaty.named("declared_clauses").as_int(), Some(clauses), "{}", key(treaty));
        assert_eq!(treaty.named("declared_contracts").as_int(), Some(contracts), "{}", key(treaty));
        let bound = of("clause").filter(|c| c.named("bound") == &omni_model::Value::Bool(true)).count() as i64;
        match text(treaty, "status") {
            "pending" => assert_eq!(bound, 0),
            _ => assert_eq!(treaty.named("declared_completion").as_int(), Some((bound * 2_000 / clauses + 1) / 2)),
        }
    }
}

#[test]
fn payroll_sectors_hold_as_many_pages_as_they_declare() {
    for sector in rows_of(&PORTFOLIO, "payroll_sector") {
        for level in ["core", "sub", "atom"] {
            let pages = rows_of(&PORTFOLIO, "payroll_page")
                .filter(|p| p.owner == sector.id && text(p, "level") == level)
                .count();
            let declared = sector.named(&format!("declared_{level}_pages")).as_int();
            assert_eq!(declared, Some(pages as i64), "{} {level}", key(sector));
        }
    }
}
