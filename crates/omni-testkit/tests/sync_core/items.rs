//! Decisions of people about conflict items.

use super::lab::{Lab, Laptop, field, insert, kind, set};
use omni_model::{Op, RecordId, Resolution, Value};
use omni_protocol::{ConflictItem, OutcomeKind};

/// Two laptops renamed one treaty at times nobody can tell apart; both see the item.
fn contested() -> (Lab, [Laptop; 2], RecordId) {
    let mut lab = Lab::new();
    let (mut a, mut b) = (lab.laptop(), lab.laptop());
    let treaty = lab.record();
    lab.saved(&mut a, vec![insert("treaty", treaty, &[("name", Value::text("Treaty"))])]);
    lab.push(&mut a);
    lab.pull(&mut a);
    lab.pull(&mut b);
    for (laptop, name) in [(&mut a, "By a"), (&mut b, "By b")] {
        lab.saved(laptop, vec![set("treaty", treaty, "name", Value::text(name))]);
        lab.push(laptop);
    }
    lab.pull(&mut a);
    lab.pull(&mut b);
    (lab, [a, b], treaty)
}

fn choose(item: &ConflictItem, name: &str) -> Op {
    let choice = Resolution::Values(vec![(field("treaty", "name"), Value::text(name))]);
    Op::Resolve { collection: kind("treaty"), record: item.record, item: item.id, saw: item.seq, choice }
}

#[test]
fn a_second_resolution_is_nothing_if_equal_and_asked_about_if_not() {
    for (second, asked) in [("By b", false), ("By c", true)] {
        let (mut lab, [mut a, mut b], treaty) = contested();
        let item = lab.open_items().remove(0);
        lab.saved(&mut a, vec![choose(&item, "By b")]);
        assert_eq!(lab.push(&mut a)[0].kind, OutcomeKind::Applied);
        assert_eq!(lab.open_items(), []);
        // Made on the item as it was, at the same time.
        lab.saved(&mut b, vec![choose(&item, second)]);
        lab.push(&mut b);
        assert_eq!(lab.value("treaty", treaty, "name"), Value::text("By b"));
        let open = lab.open_items();
        assert_eq!(!open.is_empty(), asked, "{open:?}");
        if let Some(stale) = open.first() {
            assert_eq!((stale.rule.as_str(), &stale.mine[0].values), ("stale", &vec![Value::text(second)]));
        }
    }
}
