use super::*;
use omni_model::RecordId;

const ME: u128 = 1;
const BEN: u128 = 2;

fn device(n: u128) -> DeviceId {
    DeviceId(uuid::Uuid::from_u128(n))
}

fn brand(values: &[(&str, Value)]) -> Row {
    let c = schema::by_name("brand").unwrap();
    let mut row = Row::new(c.id, RecordId(uuid::Uuid::from_u128(7)));
    values.iter().for_each(|(name, v)| row.set(field(name), v.clone()));
    row
}

fn field(name: &str) -> FieldId {
    schema::by_name("brand").unwrap().field(name).unwrap().id
}

/// States one after another, each with who made it and whether it goes back; the steps newest first.
fn steps(first: Option<Row>, made: &[(u128, bool, Option<Row>)]) -> Vec<Step> {
    let mut before = first;
    let mut out = Vec::new();
    for (by, back, after) in made {
        let image = Image::between(before.as_ref(), after.as_ref()).expect("something changed");
        out.push(Step { image, device: device(*by), back: *back });
        before = after.clone();
    }
    out.reverse();
    out
}

fn text(name: &str, value: &str) -> Row {
    brand(&[(name, Value::text(value))])
}

fn back(first: Option<Row>, made: &[(u128, bool, Option<Row>)]) -> Back {
    let now = made.last().and_then(|(_, _, row)| row.clone());
    taken_back(now.as_ref(), &steps(first, made))
}

#[test]
fn a_last_writer_goes_back_another_is_offered() {
    let (a, b, c) = (text("name", "a"), text("name", "b"), text("name", "c"));
    let found = back(Some(a.clone()), &[(ME, true, Some(b.clone()))]);
    let line = Line { field: field("name"), now: Value::text("b"), then: Value::text("a"), later: None };
    assert_eq!(found.lines, std::slice::from_ref(&line));
    let found = back(Some(a), &[(ME, true, Some(b)), (BEN, false, Some(c))]);
    assert_eq!(found.lines, [Line { now: Value::text("c"), later: Some(device(BEN)), ..line }]);
}

#[test]
fn several_of_one_act_go_back_to_before_the_first() {
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|v| text("name", v));
    let found = back(Some(a.clone()), &[(ME, true, Some(b.clone())), (ME, true, Some(c.clone()))]);
    assert_eq!(found.lines[0].then, Value::text("a"));
    // What stays between them is what it goes back to.
    let made = [(ME, true, Some(b)), (BEN, false, Some(c)), (ME, true, Some(d))];
    let found = back(Some(a), &made);
    assert_eq!((&found.lines[0].then, found.lines[0].later), (&Value::text("c"), None));
}

#[test]
fn other_fields_of_others_stay_out_of_it() {
    let a = brand(&[("name", Value::text("a"))]);
    let b = brand(&[("name", Value::text("b"))]);
    let c = brand(&[("name", Value::text("b")), ("employees", Value::Int(3))]);
    let found = back(Some(a), &[(ME, true, Some(b)), (BEN, false, Some(c))]);
    assert_eq!(found.lines.iter().map(|l| (l.field, l.later)).collect::<Vec<_>>(), [(field("name"), None)]);
}

#[test]
fn counters_subtract_and_sets_invert_whatever_came_later() {
    let row = |n: i64, tags: &[&str]| brand(&[("reviews", Value::Int(n)), ("tags", Value::set(tags.iter().copied()))]);
    let made = [(ME, true, Some(row(7, &["mine", "old"]))), (BEN, false, Some(row(10, &["mine", "old", "bens"])))];
    let found = back(Some(row(5, &["old", "gone"])), &made);
    let then = |name: &str| found.lines.iter().find(|l| l.field == field(name)).map(|l| (l.then.clone(), l.later));
    assert_eq!(then("reviews"), Some((Value::Int(8), None)));
    assert_eq!(then("tags"), Some((Value::set(["bens", "gone", "old"]), None)));
}

#[test]
fn a_created_record_goes_unless_somebody_worked_on_it() {
    let (a, b) = (text("name", "a"), text("name", "b"));
    let found = back(None, &[(ME, true, Some(a.clone()))]);
    let whole = Line { field: FieldId::RECORD, now: Value::Bool(true), then: Value::Null, later: None };
    assert_eq!(found.lines, std::slice::from_ref(&whole));
    let found = back(None, &[(ME, true, Some(a)), (BEN, false, Some(b))]);
    assert_eq!(found.lines, [Line { later: Some(device(BEN)), ..whole }]);
}

#[test]
fn a_deleted_record_comes_back_whole() {
    let (a, b) = (text("name", "a"), text("name", "b"));
    let found = back(Some(a.clone()), &[(ME, true, None)]);
    assert_eq!(found.restored, Some(a.clone()));
    let line = Line { field: FieldId::RECORD, now: Value::Null, then: Value::Bool(true), later: None };
    assert_eq!(found.lines, std::slice::from_ref(&line));
    // With what was changed before it, if that goes back too.
    let found = back(Some(a.clone()), &[(ME, true, Some(b.clone())), (ME, true, None)]);
    assert_eq!(found.restored, Some(a.clone()));
    // Somebody else deleted it since: offered.
    let found = back(Some(a), &[(ME, true, Some(b)), (BEN, false, None)]);
    assert_eq!(found.lines, [Line { later: Some(device(BEN)), ..line }]);
}

#[test]
fn a_merge_group_goes_back_whole_or_not_at_all() {
    let c = schema::by_name("sector").unwrap();
    let id = |name: &str| c.field(name).unwrap().id;
    let row = |monthly: i64, annual: i64| {
        let mut row = Row::new(c.id, RecordId(uuid::Uuid::from_u128(8)));
        row.set(id("monthly_fee"), Value::Int(monthly));
        row.set(id("annual_fee"), Value::Int(annual));
        row
    };
    let made = [(ME, true, Some(row(2, 20))), (BEN, false, Some(row(2, 30)))];
    let found = back(Some(row(1, 10)), &made);
    assert_eq!(found.lines.len(), 2);
    assert!(found.lines.iter().all(|l| l.later == Some(device(BEN))), "{found:?}");
}

#[test]
fn nothing_to_take_back_is_nothing() {
    let (a, b) = (text("name", "a"), text("name", "b"));
    assert_eq!(back(Some(a.clone()), &[(BEN, false, Some(b.clone()))]), Back::default());
    // Taken back by hand already.
    let found = back(Some(a.clone()), &[(ME, true, Some(b)), (BEN, false, Some(a))]);
    assert_eq!(found.lines, []);
}

#[test]
fn a_point_lists_what_differs_and_who_wrote_it_since() {
    let then = brand(&[("name", Value::text("a")), ("employees", Value::Int(1))]);
    let mine = brand(&[("name", Value::text("b")), ("employees", Value::Int(1))]);
    let now = brand(&[("name", Value::text("b")), ("employees", Value::Int(2)), ("tags", Value::set(["x"]))]);
    let since = steps(Some(then.clone()), &[(ME, false, Some(mine)), (BEN, false, Some(now.clone()))]);
    let found = rolled_back(Some(&now), Some(&then), &since, device(ME));
    let lines: Vec<_> = found.lines.iter().map(|l| (l.field, l.then.clone(), l.later)).collect();
    assert_eq!(
        lines,
        [
            (field("name"), Value::text("a"), None),
            (field("employees"), Value::Int(1), Some(device(BEN))),
            (field("tags"), Value::Null, Some(device(BEN))),
        ]
    );
    // Written by another in between: their work would go too, whoever wrote last.
    let bens = brand(&[("name", Value::text("bens")), ("employees", Value::Int(1))]);
    let last = brand(&[("name", Value::text("b")), ("employees", Value::Int(1))]);
    let since = steps(Some(then.clone()), &[(BEN, false, Some(bens)), (ME, false, Some(last.clone()))]);
    assert_eq!(rolled_back(Some(&last), Some(&then), &since, device(ME)).lines[0].later, Some(device(BEN)));
    // A deleted record comes back as it was then, whoever changed it meanwhile; if another deleted it, it is offered.
    for (by, later) in [(ME, None), (BEN, Some(device(BEN)))] {
        let since = steps(Some(then.clone()), &[(BEN, false, Some(now.clone())), (by, false, None)]);
        let gone = rolled_back(None, Some(&then), &since, device(ME));
        assert_eq!((gone.lines[0].later, gone.restored), (later, Some(then.clone())));
    }
    // A record made since goes, unless another worked on it.
    for (by, later) in [(ME, None), (BEN, Some(device(BEN)))] {
        let since = steps(None, &[(ME, false, Some(then.clone())), (by, false, Some(now.clone()))]);
        assert_eq!(rolled_back(Some(&now), None, &since, device(ME)).lines[0].later, later);
    }
}

#[test]
fn a_text_keeps_what_was_typed_around_it() {
    let [a, b, c] = ["one two three", "one 2 three", "One 2 three four"].map(|v| text("notes", v));
    let found = back(Some(a.clone()), &[(ME, true, Some(b.clone())), (BEN, false, Some(c))]);
    assert_eq!((&found.lines[0].then, found.lines[0].later), (&Value::text("One two three four"), None));
    // Typed over: a choice.
    let over = text("notes", "one zwei three");
    let found = back(Some(a), &[(ME, true, Some(b)), (BEN, false, Some(over))]);
    assert_eq!((&found.lines[0].then, found.lines[0].later), (&Value::text("one two three"), Some(device(BEN))));
}
