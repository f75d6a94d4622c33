use super::kit::{PORTFOLIO, SMALL, key, rows_of, text};
use omni_model::Row;
use std::collections::BTreeSet;

#[test]
fn more_than_99_of_100_clauses_say_something_of_their_own() {
    let texts: BTreeSet<&str> = rows_of(&PORTFOLIO, "clause").map(|c| text(c, "text")).collect();
    assert!(texts.len() * 100 > 12_564 * 99, "{} distinct texts", texts.len());
    let openings: BTreeSet<String> =
        rows_of(&PORTFOLIO, "clause").map(|c| text(c, "heading").split_once(' ').unwrap().1.to_owned()).collect();
    assert!(openings.len() >= 140, "{} headings", openings.len());
}

#[test]
fn clauses_read_like_sentences() {
    for clause in rows_of(&PORTFOLIO, "clause") {
        let text = text(clause, "text");
        assert!(text.starts_with(|c: char| c.is_uppercase() || c == '“'), "{}: {text}", key(clause));
        assert!(text.ends_with('.') && text.len() > 80, "{}: {text}", key(clause));
        assert!(!text.contains(['{', '}']) && !text.contains("  "), "{}: {text}", key(clause));
        let lower = text.split(". ").find(|s| s.starts_with(|c: char| c.is_lowercase()));
        assert_eq!(lower, None, "{}: a sentence begins in lower case", key(clause));
    }
}

#[test]
fn clauses_are_numbered_through_each_treaty_and_stand_in_that_order() {
    for rows in [&*PORTFOLIO, &*SMALL] {
        for treaty in rows_of(rows, "treaty") {
            let clauses: Vec<&Row> = rows_of(rows, "clause").filter(|c| c.owner == treaty.id).collect();
            for (clause, n) in clauses.iter().zip(1_i64..) {
                assert_eq!(clause.named("number").as_int(), Some(n), "{}", key(clause));
                assert_eq!(clause.named("position").as_int(), Some(n * 1_000_000), "{}", key(clause));
            }
            let sections: Vec<(i64, i64)> = clauses.iter().map(|c| section(text(c, "heading"))).collect();
            assert_eq!(sections.first(), Some(&(1, 1)));
            let next = |w: &[(i64, i64)]| w[1] == (w[0].0, w[0].1 + 1) || w[1] == (w[0].0 + 1, 1);
            assert!(sections.windows(2).all(next), "{}", key(treaty));
        }
    }
}

/// The “12.3” a heading begins with.
fn section(heading: &str) -> (i64, i64) {
    let (article, section) = heading.split_once(' ').unwrap().0.split_once('.').unwrap();
    (article.parse().unwrap(), section.parse().unwrap())
}

#[test]
fn a_clause_refers_to_no_later_article_than_its_own() {
    for clause in rows_of(&PORTFOLIO, "clause") {
        let (own, _) = section(text(clause, "heading"));
        for reference in text(clause, "text").split("Article ").skip(1) {
            let digits: String = reference.chars().take_while(char::is_ascii_digit).collect();
            let article: i64 = digits.parse().unwrap();
            assert!((1..=own).contains(&article), "{}: Article {article}", key(clause));
        }
    }
}
