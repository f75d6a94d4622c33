use super::kit::{PORTFOLIO, SMALL, Table, collection, key, rows_of, text};
use omni_model::records::owner_of;
use omni_model::{Args, Op, RecordId, Records, Row, Value, sample, schema};
use std::collections::{BTreeMap, BTreeSet, HashSet};

#[test]
fn every_record_passes_the_checks_of_its_collection() {
    for row in PORTFOLIO.iter().chain(&*SMALL).chain(&sample::portfolio(99)) {
        let c = schema::by_id(row.collection).unwrap();
        let errors = c.check(row);
        assert!(errors.is_empty(), "{} {}: {errors:?}", c.name, key(row));
        for (id, value) in &row.fields {
            assert!(c.field_by_id(*id).is_some() && !value.is_null(), "{} {}: field {}", c.name, key(row), id.0);
        }
    }
}

#[test]
fn every_id_follows_from_the_key_and_none_repeats() {
    for rows in [&*PORTFOLIO, &*SMALL] {
        let mut ids = HashSet::new();
        for row in rows {
            let c = schema::by_id(row.collection).unwrap();
            assert_eq!(row.id, RecordId::from_key(c.name, row.key.as_deref().expect("a key")), "{}", key(row));
            assert!(ids.insert(row.id), "{} {} twice", c.name, key(row));
        }
    }
}

#[test]
fn every_link_leads_to_a_record_that_came_before() {
    for rows in [&*PORTFOLIO, &*SMALL] {
        let mut seen = HashSet::new();
        for row in rows {
            for field in schema::by_id(row.collection).unwrap().fields {
                let Some(target) = field.target().map(collection) else { continue };
                let links: Vec<RecordId> = match row.get(field.id) {
                    Value::Id(id) => vec![*id],
                    Value::Set(ids) => ids.iter().map(|id| RecordId(uuid::Uuid::parse_str(id).unwrap())).collect(),
                    _ => Vec::new(),
                };
                for id in links {
                    assert!(seen.contains(&(target.id, id)), "{}: {} leads nowhere", key(row), field.name);
                }
            }
            seen.insert((row.collection, row.id));
        }
    }
}

#[test]
fn every_owner_is_what_its_collection_says() {
    for rows in [&*PORTFOLIO, &*SMALL] {
        let table = Table::new(rows);
        for row in rows {
            let c = schema::by_id(row.collection).unwrap();
            assert_eq!(owner_of(c, row, &table), Some(row.owner), "{} {}", c.name, key(row));
        }
    }
}

#[test]
fn unique_fields_do_not_repeat() {
    for c in schema::COLLECTIONS {
        for field in c.fields.iter().filter(|f| f.unique) {
            let mut seen = BTreeSet::new();
            for row in rows_of(&PORTFOLIO, c.name) {
                let value = row.get(field.id);
                assert!(value.is_null() || seen.insert(value), "{}.{}: {value:?} twice", c.name, field.name);
            }
        }
    }
    let numbers: Vec<_> =
        rows_of(&PORTFOLIO, "brand").map(|b| text(b, "vault_mesh_id")).filter(|s| !s.is_empty()).collect();
    assert_eq!(numbers.len(), 6_296);
    assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), 6_296, "VaultMesh ids repeat");
}

#[test]
fn fields_of_one_record_agree_with_each_other_and_with_its_parent() {
    let table = Table::new(&PORTFOLIO);
    let parent =
        |row: &Row, name: &str, field: &str| table.get(collection(name).id, row.named(field).as_id().unwrap()).unwrap();
    for brand in rows_of(&PORTFOLIO, "brand").filter(|b| text(b, "kind") == "subnode") {
        let core = parent(brand, "brand", "parent");
        assert_eq!((text(&core, "kind"), core.owner), ("core", brand.owner), "{}", key(brand));
    }
    for brand in rows_of(&PORTFOLIO, "brand").filter(|b| !b.named("last_review").is_null()) {
        assert!(brand.named("last_review") >= brand.named("first_seen"), "{}", key(brand));
    }
    for deployment in rows_of(&PORTFOLIO, "deployment") {
        let scroll = parent(deployment, "scroll", "scroll");
        let regions = scroll.named("regions").as_set().unwrap();
        assert!(regions.contains(text(deployment, "region")), "{} is not licensed", key(deployment));
        let requested = text(deployment, "status") == "requested";
        assert_eq!(deployment.named("since").is_null(), requested, "{}", key(deployment));
        if matches!(text(&scroll, "status"), "pending" | "activating") {
            assert!(requested, "{} runs before its scroll is active", key(deployment));
        }
    }
    for page in rows_of(&PORTFOLIO, "payroll_page") {
        let built = page.named("builds").as_int() > Some(0);
        assert!(built || text(page, "status") != "built", "{}", key(page));
        assert_eq!(
            (built, built),
            (!page.named("output_hash").is_null(), !page.named("built_at").is_null()),
            "{}",
            key(page)
        );
    }
}

/// What `scroll.deploy` makes of a deployment that is not there yet must be the deployment the sample has.
#[test]
fn deployments_are_those_the_command_would_make() {
    let mut table = Table::new(&SMALL);
    let deploy = schema::command_by_name("scroll.deploy").unwrap();
    for deployment in rows_of(&SMALL, "deployment") {
        table.0.remove(&(deployment.collection, deployment.id));
        let (scroll, _) = key(deployment).split_once(':').unwrap();
        let args = [("scroll", scroll), ("region", text(deployment, "region"))];
        let args = Args(BTreeMap::from(args.map(|(k, v)| (k.to_owned(), v.to_owned()))));
        let ops = (deploy.plan)(&table, &args).unwrap();
        let [Op::Insert { record, key, values, .. }] = &ops[..] else { panic!("one insert, not {ops:?}") };
        assert_eq!((*record, key), (deployment.id, &deployment.key));
        let fee = collection("deployment").field("monthly_fee").unwrap().id;
        assert_eq!(values.iter().find(|(f, _)| *f == fee).map(|(_, v)| v), Some(deployment.get(fee)));
    }
}

#[test]
fn treaties_rest_on_each_other_without_circles() {
    let link = |row: &Row, name: &str| row.named(name).as_id().unwrap();
    let mut open: Vec<(RecordId, RecordId)> =
        rows_of(&PORTFOLIO, "treaty_dependency").map(|d| (link(d, "treaty"), link(d, "depends_on"))).collect();
    // Takes away treaties that rest on no other; what cannot be taken away is part of a circle.
    loop {
        let resting: HashSet<RecordId> = open.iter().map(|(from, _)| *from).collect();
        let before = open.len();
        open.retain(|(_, to)| resting.contains(to));
        if open.len() == before {
            break;
        }
    }
    assert!(open.is_empty(), "{open:?}");
}
