use super::kit::{PORTFOLIO, SMALL, rows_of, text};
use omni_model::schema::omni_sync::REGIONS;
use omni_model::{FieldType, Row, Value, sample, schema};
use std::collections::BTreeSet;

fn assert_every_option_is_used(rows: &[Row]) {
    for c in schema::COLLECTIONS {
        for field in c.fields {
            let (FieldType::Enum(words) | FieldType::EnumSet(words)) = field.ty else { continue };
            let mut unused: BTreeSet<&str> = words.iter().copied().collect();
            for row in rows_of(rows, c.name) {
                match row.get(field.id) {
                    Value::Text(word) => unused.retain(|w| w != word),
                    Value::Set(items) => unused.retain(|w| !items.contains(*w)),
                    _ => {}
                }
            }
            assert!(unused.is_empty(), "{}.{} never says {unused:?}", c.name, field.name);
        }
    }
}

#[test]
fn every_option_of_every_field_is_used() {
    assert_every_option_is_used(&PORTFOLIO);
    for seed in 0..20 {
        assert_every_option_is_used(&sample::small(seed));
    }
}

#[test]
fn every_region_is_used_wherever_a_region_can_stand() {
    for rows in [&*PORTFOLIO, &*SMALL] {
        for region in REGIONS {
            assert!(rows_of(rows, "sector").any(|r| text(r, "region") == *region), "no sector in {region}");
            assert!(rows_of(rows, "deployment").any(|r| text(r, "region") == *region), "no deployment in {region}");
            let scrolls = |r: &Row| r.named("regions").as_set().is_some_and(|s| s.contains(*region));
            assert!(rows_of(rows, "scroll").any(scrolls), "no scroll for {region}");
            let markets = |r: &Row| r.named("markets").as_set().is_some_and(|s| s.contains(*region));
            assert!(rows_of(rows, "brand").any(markets), "no brand sells in {region}");
        }
    }
}

/// Fields that only a measurement may fill.
const MEASURED: &[&str] = &["node.last_beat", "node.first_beat", "node.beats"];

#[test]
fn every_field_is_filled_somewhere_except_what_must_be_measured() {
    for c in schema::COLLECTIONS {
        for field in c.fields {
            let filled = rows_of(&PORTFOLIO, c.name).any(|r| !r.get(field.id).is_null());
            let measured = MEASURED.contains(&format!("{}.{}", c.name, field.name).as_str());
            assert_eq!(filled, !measured, "{}.{}", c.name, field.name);
        }
    }
}

#[test]
fn names_repeat_seldom() {
    for (name, field) in [("brand", "name"), ("scroll", "name"), ("contract", "name"), ("payroll_page", "name")] {
        let (total, distinct) = (rows_of(&PORTFOLIO, name).count(), distinct(name, field));
        assert!(distinct * 100 >= total * 98, "{name}: {distinct} of {total} names are distinct");
    }
    let repeated = |b: &&Row| b.named("duplicate_name") == &Value::Bool(true);
    assert!(rows_of(&PORTFOLIO, "brand").filter(repeated).count() > 0, "a few repeat on purpose");
}

fn distinct(name: &str, field: &str) -> usize {
    rows_of(&PORTFOLIO, name).map(|r| text(r, field)).collect::<BTreeSet<_>>().len()
}
