use super::*;
use omni_model::{Compartment, schema};
use omni_protocol::{ChangeId, DeviceId, ReplicaId};

const GRANTED: u128 = 1;
const OTHER: u128 = 2;

fn owner(n: u128) -> RecordId {
    RecordId(uuid::Uuid::from_u128(n))
}

fn brand(owner_no: u128, values: &[(&str, Value)]) -> Row {
    let c = schema::by_name("brand").unwrap();
    let mut row = Row::new(c.id, owner(77));
    row.owner = owner(owner_no);
    values.iter().for_each(|(name, v)| row.set(c.field(name).unwrap().id, v.clone()));
    row
}

fn open_only() -> Grants {
    Grants { compartments: vec![Compartment::Open as u8], ..Grants::owners(vec![owner(GRANTED)]) }
}

fn names(image: &Image) -> Vec<&'static str> {
    let c = schema::by_id(image.collection).unwrap();
    image.fields.iter().map(|f| c.field_by_id(f.field).unwrap().name).collect()
}

#[test]
fn money_is_left_out_for_who_may_not_read_it() {
    let before = brand(GRANTED, &[("name", Value::text("A")), ("revenue", Value::Int(1))]);
    let after = brand(GRANTED, &[("name", Value::text("B")), ("revenue", Value::Int(2))]);
    let image = Image::between(Some(&before), Some(&after)).unwrap();
    let all = visible_image(&image, &Grants::owners(vec![owner(GRANTED)])).unwrap();
    assert_eq!(names(&all), ["name", "revenue"]);
    assert_eq!(names(&visible_image(&image, &open_only()).unwrap()), ["name"]);
    // Where only money changed, nothing happened for them.
    let rich = brand(GRANTED, &[("name", Value::text("A")), ("revenue", Value::Int(9))]);
    let image = Image::between(Some(&before), Some(&rich)).unwrap();
    assert_eq!(visible_image(&image, &open_only()), None);
    // Nor in what a delete or a view of an earlier time shows.
    let gone = visible_image(&Image::between(Some(&before), None).unwrap(), &open_only()).unwrap();
    assert_eq!((names(&gone), gone.owner_after), (vec!["name"], None));
    let then = visible_row(&before, &open_only()).unwrap();
    assert_eq!(then.fields.len(), 1);
}

#[test]
fn a_record_of_another_owner_does_not_exist() {
    let row = brand(OTHER, &[("name", Value::text("A"))]);
    let changed = brand(OTHER, &[("name", Value::text("B"))]);
    assert_eq!(visible_image(&Image::between(Some(&row), Some(&changed)).unwrap(), &open_only()), None);
    assert_eq!(visible_row(&row, &open_only()), None);
    // What came from there was created, what went there was deleted, with its own side's values only.
    let here = brand(GRANTED, &[("name", Value::text("A")), ("employees", Value::Int(3))]);
    let came = visible_image(&Image::between(Some(&row), Some(&here)).unwrap(), &open_only()).unwrap();
    assert_eq!((came.owner_before, came.owner_after, names(&came)), (None, Some(owner(GRANTED)), vec![]));
    let went = visible_image(&Image::between(Some(&here), Some(&row)).unwrap(), &open_only()).unwrap();
    assert_eq!((went.owner_before, went.owner_after, names(&went)), (Some(owner(GRANTED)), None, vec!["employees"]));
}

#[test]
fn images_rewind_to_what_was() {
    let one = brand(GRANTED, &[("name", Value::text("A"))]);
    let two = brand(GRANTED, &[("name", Value::text("B")), ("employees", Value::Int(3))]);
    let images = [
        Image::between(None, Some(&two)).unwrap(),
        Image::between(Some(&two), None).unwrap(),
        Image::between(Some(&one), Some(&two)).unwrap(),
        Image::between(None, Some(&one)).unwrap(),
    ];
    let expected = [None, Some(two.clone()), Some(one), None];
    for (n, then) in expected.into_iter().enumerate() {
        assert_eq!(rewound(Some(two.clone()), &images[..=n]), then, "after {n} steps back");
    }
}

#[test]
fn what_a_record_began_with_is_told() {
    let row = brand(GRANTED, &[("name", Value::text("A"))]);
    let info = CommitInfo {
        change: ChangeId(uuid::Uuid::nil()),
        replica: ReplicaId(uuid::Uuid::nil()),
        counter: 1,
        device: DeviceId(uuid::Uuid::nil()),
        command: 0,
        at_ms: 0,
        priority: 2,
        group: None,
    };
    let fields: Vec<(FieldId, Value)> = row.fields.clone().into_iter().collect();
    let create = Effect::Create { collection: row.collection, record: row.id, key: None, owner: row.owner, fields };
    let leave = Effect::Leave { collection: row.collection, record: row.id };
    let told_of = |image, effects: &[Effect]| told(5, info.clone(), image, effects);
    let made = told_of(Image::between(None, Some(&row)), std::slice::from_ref(&create));
    assert_eq!((made.began.len(), made.left), (1, false));
    assert!(told_of(Image::between(Some(&row), None), std::slice::from_ref(&leave)).left);
    // Moved between two owners that are both read: it did not leave, and did not begin.
    let moved = told_of(Image::between(Some(&brand(OTHER, &[])), Some(&row)), &[leave, create]);
    assert!(!moved.left && moved.began.is_empty());
}
