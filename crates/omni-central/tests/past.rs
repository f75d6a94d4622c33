//! What central tells of the past, over real sockets and files: a record's commits, a device's, a record as it was.

mod common;

use common::*;
use omni_central::{Role, Running};
use omni_model::{FieldId, Op, RecordId, Value, schema};
use omni_protocol::frame::from_bytes;
use omni_protocol::{Change, Grants};
use omni_sync::history::{PastCommits, RecordPast, RecordThen};

fn set(record: RecordId, name: &str, value: Value) -> Op {
    Op::Set { collection: schema::by_name("sector").unwrap().id, record, field: field(name), value }
}

async fn ask<T: for<'b> minicbor::Decode<'b, ()>>(url: &str, token: &str, path: &str) -> T {
    let answer = http().get(format!("{url}{path}")).bearer_auth(token).send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
    from_bytes(&unzstd(&answer.bytes().await.unwrap())).unwrap()
}

async fn refused(url: &str, token: &str, path: &str) -> (u16, String) {
    error_code(http().get(format!("{url}{path}")).bearer_auth(token).send().await.unwrap()).await
}

/// A sector with fees that change, then its name, then its delete; another sector beside it.
struct Story {
    mine: RecordId,
    other: RecordId,
    ada: Laptop,
    changes: Vec<Change>,
}

async fn story(central: &Running) -> Story {
    let mut ada = Laptop::enrol(central, "Ada", Role::Admin, Grants::everything()).await;
    let ((mine, made), (other, made_too)) = (sector("mine"), sector("other"));
    let fees =
        |n: i64| vec![set(mine, "monthly_fee", Value::Int(100 * n)), set(mine, "annual_fee", Value::Int(1_000 * n))];
    let both = [fees(2), vec![set(mine, "name", Value::text("Named"))]].concat();
    let mut at = ada.connect().await;
    let mut changes = Vec::new();
    for ops in [
        vec![made],
        vec![made_too],
        fees(1),
        both,
        vec![Op::Delete { collection: schema::by_name("sector").unwrap().id, record: mine }],
    ] {
        let change = ada.change(ops);
        let batch = ada.batch(std::slice::from_ref(&change));
        let outcomes = at.push(&batch).await;
        assert!(outcomes[0].took_effect(), "{outcomes:?}");
        ada.base.seq = outcomes[0].seq.unwrap();
        changes.push(change);
    }
    Story { mine, other, ada, changes }
}

fn fields(names: &[&str]) -> Vec<FieldId> {
    let mut all: Vec<FieldId> = names.iter().map(|n| field(n)).collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_is_told_as_far_as_it_may_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let central = start(dir.path()).await;
    let s = story(&central).await;
    let url = central.url();
    let c = schema::by_name("sector").unwrap().id.0;
    let admin = s.ada.connect().await.welcome.token;
    let open = Grants { compartments: vec![0], ..Grants::owners(vec![s.mine]) };
    let viewer = Laptop::enrol(&central, "Vi", Role::Viewer, open).await.connect().await.welcome.token;
    let path = format!("/v1/history?collection={c}&record={}", s.mine);

    let all: RecordPast = ask(&url, &admin, &path).await;
    assert_eq!(all.commits.iter().map(|c| c.seq).collect::<Vec<_>>(), [5, 4, 3, 1]);
    let changed = |past: &RecordPast, seq: u64| -> Vec<FieldId> {
        let commit = past.commits.iter().find(|c| c.seq == seq).unwrap();
        commit.image.as_ref().unwrap().fields.iter().map(|f| f.field).collect()
    };
    assert_eq!(changed(&all, 4), fields(&["name", "monthly_fee", "annual_fee"]));
    assert_eq!(all.commits[3].began, [(field("name"), Value::text("mine"))]);
    assert_eq!(all.commits[0].info.change, s.changes[4].id);

    // A viewer without `money` never sees a fee: not changed, not deleted, not as it was, not as another commit.
    let some: RecordPast = ask(&url, &viewer, &path).await;
    assert_eq!(
        some.commits.iter().map(|c| c.seq).collect::<Vec<_>>(),
        [5, 4, 1],
        "where only fees changed, nothing did"
    );
    assert_eq!((changed(&some, 4), changed(&some, 5)), (fields(&["name"]), fields(&["name"])));
    let as_of = format!("/v1/as-of?collection={c}&record={}&seq=", s.mine);
    let then: RecordThen = ask(&url, &viewer, &format!("{as_of}4")).await;
    assert_eq!(then.row.unwrap().fields, [(field("name"), Value::text("Named"))]);
    let commits: PastCommits = ask(&url, &viewer, &format!("/v1/history/commits?device={}", s.ada.device)).await;
    let told: Vec<_> = commits.commits.iter().map(|c| c.seq).collect();
    assert_eq!(told, [5, 4, 1], "nothing of the other sector, nothing of fees alone");
    let fees = fields(&["monthly_fee", "annual_fee"]);
    let images = commits.commits.iter().flat_map(|c| &c.images).flat_map(|i| &i.fields);
    assert_eq!(images.filter(|f| fees.contains(&f.field)).count(), 0);
    for n in [1, 2] {
        let hidden: PastCommits = ask(&url, &viewer, &format!("/v1/history/commits?change={}", s.changes[n].id)).await;
        assert_eq!(hidden.commits, []);
    }
    let other: RecordPast = ask(&url, &viewer, &format!("/v1/history?collection={c}&record={}", s.other)).await;
    assert_eq!(other, RecordPast::default());
    let then: RecordThen = ask(&url, &viewer, &format!("/v1/as-of?collection={c}&record={}&seq=2", s.other)).await;
    assert_eq!(then.row, None);
    assert_eq!(refused(&url, "nobody", &path).await.0, 401);
    central.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_comes_in_pages_and_by_time() {
    let dir = tempfile::tempdir().unwrap();
    let central = start(dir.path()).await;
    let s = story(&central).await;
    let url = central.url();
    let c = schema::by_name("sector").unwrap().id.0;
    let token = s.ada.connect().await.welcome.token;
    let path = format!("/v1/history?collection={c}&record={}&limit=2", s.mine);
    let first: RecordPast = ask(&url, &token, &path).await;
    assert_eq!((first.commits.len(), first.before), (2, Some(4)));
    let second: RecordPast = ask(&url, &token, &format!("{path}&before=4")).await;
    assert_eq!((second.commits.len(), second.before), (2, Some(1)));
    let third: RecordPast = ask(&url, &token, &format!("{path}&before=1")).await;
    assert_eq!(third, RecordPast::default());

    let as_of = async |at: &str| -> RecordThen {
        ask(&url, &token, &format!("/v1/as-of?collection={c}&record={}&{at}", s.mine)).await
    };
    let fee = |then: &RecordThen| {
        let row = then.row.as_ref()?;
        row.fields.iter().find(|(f, _)| *f == field("monthly_fee")).map(|(_, v)| v.clone())
    };
    assert_eq!(fee(&as_of("seq=3").await), Some(Value::Int(100)));
    assert_eq!(fee(&as_of("seq=4").await), Some(Value::Int(200)));
    assert_eq!((as_of("seq=5").await.row, as_of("seq=0").await.row), (None, None));
    for commit in first.commits.iter().chain(&second.commits) {
        let at = as_of(&format!("at_ms={}", commit.info.at_ms)).await;
        assert!(at.seq >= commit.seq, "{at:?}");
        let before = as_of(&format!("at_ms={}", commit.info.at_ms - 1)).await;
        assert!(before.seq < commit.seq, "{before:?}");
    }
    assert_eq!(as_of("at_ms=0").await.seq, 0);
    assert_eq!(as_of(&format!("at_ms={}", i64::MAX)).await.seq, 5);

    let of = |from: i64, to: i64| format!("/v1/history/commits?device={}&from_ms={from}&to_ms={to}", s.ada.device);
    let times: Vec<i64> = first.commits.iter().chain(&second.commits).map(|c| c.info.at_ms).collect();
    let found: PastCommits = ask(&url, &token, &of(times[2], times[1])).await;
    assert!(found.commits.iter().any(|c| c.seq == 3) && found.commits.iter().any(|c| c.seq == 4), "{found:?}");
    let none: PastCommits = ask(&url, &token, &of(0, times[3] - 1)).await;
    assert_eq!(none, PastCommits::default());
    let one: PastCommits = ask(&url, &token, &format!("/v1/history/commits?change={}", s.changes[3].id)).await;
    assert_eq!((one.commits.len(), one.commits[0].seq, one.commits[0].images.len()), (1, 4, 1));
    for bad in [
        "/v1/history?collection=x",
        "/v1/history/commits",
        "/v1/as-of?collection=1&record=x",
        &format!("/v1/as-of?collection={c}&record={}", s.mine),
    ] {
        assert_eq!(refused(&url, &token, bad).await, (400, "bad_request".into()), "{bad}");
    }
    let ahead = format!("/v1/as-of?collection={c}&record={}&seq=6", s.mine);
    assert_eq!(refused(&url, &token, &ahead).await, (409, "ahead".into()));
    central.shutdown().await.unwrap();
}
