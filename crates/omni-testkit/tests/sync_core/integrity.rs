//! What must hold across records after merging, whoever came first.

use super::lab::{Lab, Laptop, delete, insert, set};
use omni_model::{RecordId, Value};
use omni_protocol::{Grants, Outcome, OutcomeKind};
use omni_sync::central::Rights;

/// A central with two sectors and a treaty of neither, and two laptops that hold them.
struct World {
    lab: Lab,
    a: Laptop,
    b: Laptop,
    sectors: [RecordId; 2],
    treaty: RecordId,
}

impl World {
    fn new() -> World {
        let mut lab = Lab::new();
        let (mut a, mut b) = (lab.laptop(), lab.laptop());
        let (sectors, treaty) = ([lab.record(), lab.record()], lab.record());
        let mut ops: Vec<_> =
            sectors.iter().map(|s| insert("sector", *s, &[("name", Value::text("Sector"))])).collect();
        ops.push(insert("treaty", treaty, &[("name", Value::text("Treaty"))]));
        lab.saved(&mut a, ops);
        lab.push(&mut a);
        lab.pull(&mut a);
        lab.pull(&mut b);
        World { lab, a, b, sectors, treaty }
    }
}

fn code(outcomes: &[Outcome]) -> (OutcomeKind, Option<&str>) {
    (outcomes[0].kind, outcomes[0].code.as_deref())
}

#[test]
fn a_link_to_a_record_deleted_meanwhile_is_refused() {
    let World { mut lab, mut a, mut b, sectors, treaty } = World::new();
    lab.saved(&mut a, vec![delete("sector", sectors[1])]);
    lab.push(&mut a);
    lab.saved(&mut b, vec![set("treaty", treaty, "sector", Value::Id(sectors[1]))]);
    let outcomes = lab.push(&mut b);
    assert_eq!(code(&outcomes), (OutcomeKind::Rejected, Some("unknown_link")), "{outcomes:?}");
    assert_eq!(lab.value("treaty", treaty, "sector"), Value::Null);
}

#[test]
fn a_record_somebody_linked_to_meanwhile_is_not_deleted() {
    let World { mut lab, mut a, mut b, sectors, treaty } = World::new();
    lab.saved(&mut b, vec![set("treaty", treaty, "sector", Value::Id(sectors[1]))]);
    lab.push(&mut b);
    lab.saved(&mut a, vec![delete("sector", sectors[1])]);
    let outcomes = lab.push(&mut a);
    assert_eq!(code(&outcomes), (OutcomeKind::Rejected, Some("in_use")), "{outcomes:?}");
    assert!(lab.stored("sector", sectors[1]).is_live());
}

#[test]
fn what_a_moved_record_owns_and_its_items_go_along() {
    let World { mut lab, mut a, mut b, sectors, .. } = World::new();
    let (brand, scroll) = (lab.record(), lab.record());
    let core = [("name", Value::text("Brand")), ("sector", Value::Id(sectors[0])), ("kind", Value::text("core"))];
    let scroll_of = insert("scroll", scroll, &[("name", Value::text("Scroll")), ("brand", Value::Id(brand))]);
    lab.saved(&mut a, vec![insert("brand", brand, &core), scroll_of]);
    lab.push(&mut a);
    lab.pull(&mut a);
    lab.pull(&mut b);
    // Both rename the scroll at times nobody can tell apart.
    for (laptop, name) in [(&mut a, "By a"), (&mut b, "By b")] {
        lab.saved(laptop, vec![set("scroll", scroll, "name", Value::text(name))]);
        lab.push(laptop);
    }
    let owners = |lab: &Lab| {
        let owner = |collection, record| lab.stored(collection, record).row.owner;
        (owner("brand", brand), owner("scroll", scroll), lab.open_items()[0].scope.owner)
    };
    assert_eq!(owners(&lab), (sectors[0], sectors[0], sectors[0]));
    lab.saved(&mut a, vec![set("brand", brand, "sector", Value::Id(sectors[1]))]);
    assert_eq!(lab.push(&mut a)[0].kind, OutcomeKind::Applied);
    assert_eq!(owners(&lab), (sectors[1], sectors[1], sectors[1]));
}

#[test]
fn who_may_not_write_opens_no_conflict() {
    let World { mut lab, mut a, mut b, treaty, .. } = World::new();
    b.rights = Rights { may_write: false, grants: Grants::everything() };
    for (laptop, name) in [(&mut a, "By a"), (&mut b, "By b")] {
        lab.saved(laptop, vec![set("treaty", treaty, "name", Value::text(name))]);
        let outcomes = lab.push(laptop);
        if !laptop.rights.may_write {
            assert_eq!(code(&outcomes), (OutcomeKind::Rejected, Some("forbidden")), "{outcomes:?}");
        }
    }
    assert_eq!(lab.open_items(), []);
}

#[test]
fn two_links_that_close_a_circle_are_not_both_taken() {
    let World { mut lab, mut a, mut b, treaty, .. } = World::new();
    let (second, third) = (lab.record(), lab.record());
    let named = |record, name| insert("treaty", record, &[("name", Value::text(name))]);
    lab.saved(&mut a, vec![named(second, "Second"), named(third, "Third")]);
    lab.push(&mut a);
    lab.pull(&mut a);
    lab.pull(&mut b);
    let rests = |lab: &mut Lab, on: [RecordId; 2]| {
        let ends = [("treaty", Value::Id(on[0])), ("depends_on", Value::Id(on[1])), ("kind", Value::text("extends"))];
        vec![insert("treaty_dependency", lab.record(), &ends)]
    };
    for on in [[treaty, second], [second, third]] {
        let ops = rests(&mut lab, on);
        lab.saved(&mut a, ops);
        lab.push(&mut a);
    }
    // Innocent where it is made: this laptop knows of no other.
    let ops = rests(&mut lab, [third, treaty]);
    lab.saved(&mut b, ops);
    let outcomes = lab.push(&mut b);
    assert_eq!(code(&outcomes), (OutcomeKind::Rejected, Some("circle")), "{outcomes:?}");
    let told = outcomes[0].message.as_deref().unwrap_or_default();
    assert!(told.ends_with("Third → Treaty → Second → Third."), "{told}");
    // Who has seen the others is told at once; another way round is none.
    lab.pull(&mut a);
    let ops = rests(&mut lab, [third, treaty]);
    assert!(lab.refused(&mut a, ops).contains("would close a circle"));
    let ops = rests(&mut lab, [treaty, third]);
    lab.saved(&mut a, ops);
    assert_eq!(lab.push(&mut a)[0].kind, OutcomeKind::Applied);
}
