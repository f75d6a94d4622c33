//! The service over real sockets and files.

mod common;

use common::*;
use omni_central::{Config, Role, serve};
use omni_protocol::frame::{ClientFrame, ServerFrame, from_bytes, to_bytes};
use omni_protocol::{DigestList, FeedPage, Grants, Manifest, Outcome, OutcomeKind, Position, SnapshotChunk};
use std::path::Path;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_reaches_the_other_laptop_and_is_answered_once() {
    let dir = tempfile::tempdir().unwrap();
    let central = start(dir.path()).await;
    let mut a = Laptop::enrol(&central, "Ada", Role::Operator, Grants::everything()).await;
    let b = Laptop::enrol(&central, "Ben", Role::Operator, Grants::everything()).await;
    let (mut at_a, mut at_b) = (a.follow().await, b.follow().await);
    let (_, op) = sector("agriculture");
    let batch = a.batch(&[a.change(vec![op])]);
    let outcomes = at_a.push(&batch).await;
    assert_eq!((outcomes[0].kind, outcomes[0].seq), (OutcomeKind::Applied, Some(1)));
    let page = at_b
        .until("the commit", |f| match f {
            ServerFrame::Feed(page) if !page.commits.is_empty() => Some(page.clone()),
            _ => None,
        })
        .await;
    assert_eq!((page.after, page.commits[0].seq, page.watermark.position.seq), (0, 1, 1));
    assert!(page.watermark.root.is_some(), "a live page carries the digest sum");
    assert_eq!(at_a.push(&batch).await, outcomes, "a resend gets the stored outcome");
    central.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_changes_survive_a_restart_with_their_outcomes() {
    let dir = tempfile::tempdir().unwrap();
    let central = start(dir.path()).await;
    let mut a = Laptop::enrol(&central, "Ada", Role::Admin, Grants::everything()).await;
    let batch = a.batch(&[a.change(vec![sector("x").1]), a.change(vec![sector("y").1])]);
    let outcomes = a.connect().await.push(&batch).await;
    central.shutdown().await.unwrap();
    let central = start(dir.path()).await;
    a.url = central.url();
    let mut again = a.connect().await;
    assert_eq!((again.welcome.expected, again.welcome.head.seq), (3, 2));
    assert_eq!(again.welcome.chain, a.chain);
    assert_eq!(again.push(&batch).await, outcomes);
    central.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_known_to_an_earlier_version_is_still_known() {
    let dir = tempfile::tempdir().unwrap();
    let central = start(dir.path()).await;
    let mut a = Laptop::enrol(&central, "Ada", Role::Admin, Grants::everything()).await;
    let change = a.change(vec![sector("x").1]);
    let first = a.batch(std::slice::from_ref(&change));
    assert_eq!(a.connect().await.push(&first).await[0].seq, Some(1));
    central.shutdown().await.unwrap();
    let folder = omni_central::folder::Folder::existing(dir.path()).unwrap();
    // Earlier versions hashed more than this one does, and kept no images.
    let older = rusqlite::Connection::open(folder.database()).unwrap();
    let set = "UPDATE change_outcome SET content = zeroblob(32); UPDATE commit_log SET images = x'80';
               DELETE FROM touched; ALTER TABLE fork RENAME COLUMN known TO raised; PRAGMA user_version = 4";
    older.execute_batch(set).unwrap();
    drop(older);

    let central = start(dir.path()).await;
    a.url = central.url();
    let again = a.connect().await.push(&a.batch(&[change])).await;
    assert_eq!((again[0].kind, again[0].seq, again[0].code.clone()), (OutcomeKind::Applied, Some(1), None));
    central.shutdown().await.unwrap();
    let beside = omni_central::admin::open_beside(&folder).unwrap();
    let verified = omni_central::storage::StorageExt::reading(&beside, |tx| {
        Ok(omni_central::verify::verify(tx, None, omni_central::verify::Depth::Whole))
    });
    assert!(verified.unwrap().is_sound());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_are_good_once_and_their_errors_have_codes() {
    let dir = tempfile::tempdir().unwrap();
    let central = start(dir.path()).await;
    let code = central.enrol_code("Ada", Role::Operator, Grants::everything()).unwrap();
    let url = central.url();
    assert_eq!(Laptop::enrol_with(&url, "NOT-A-CODE").await.err().unwrap(), (403, "code_unknown".into()));
    let other = omni_central::codes::generate().unwrap();
    assert_eq!(Laptop::enrol_with(&url, &other).await.err().unwrap(), (403, "code_unknown".into()));
    Laptop::enrol_with(&url, &code.to_lowercase()).await.unwrap();
    assert_eq!(Laptop::enrol_with(&url, &code).await.err().unwrap(), (403, "code_used".into()));
    let past = omni_central::clock::system_ms() - omni_central::codes::CODE_LIFE_MS - 1;
    let storage = &*central.core().storage;
    let old = omni_central::admin::enrol::new_code(storage, "Old", Role::Viewer, Grants::everything(), past).unwrap();
    assert_eq!(Laptop::enrol_with(&url, &old.code).await.err().unwrap(), (403, "code_expired".into()));
    central.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_code_used_twice_at_once_enrols_one_device() {
    let dir = tempfile::tempdir().unwrap();
    let central = start(dir.path()).await;
    let code = central.enrol_code("Ada", Role::Operator, Grants::everything()).unwrap();
    let url = central.url();
    let tries = (0..6).map(|_| {
        let (url, code) = (url.clone(), code.clone());
        tokio::spawn(async move { Laptop::enrol_with(&url, &code).await.is_ok() })
    });
    let mut enrolled = 0;
    for one in tries.collect::<Vec<_>>() {
        enrolled += usize::from(one.await.unwrap());
    }
    assert_eq!(enrolled, 1);
    central.shutdown().await.unwrap();
}

async fn raw_refusal(url: &str, message: tokio_tungstenite::tungstenite::Message) -> String {
    use futures_util::SinkExt;
    let mut socket = Laptop::socket(url).await;
    receive(&mut socket).await.expect("a challenge");
    socket.send(message).await.unwrap();
    match receive(&mut socket).await {
        Some(ServerFrame::Refused { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_and_oversize_messages_are_refused_with_a_code() {
    use tokio_tungstenite::tungstenite::Message;
    let dir = tempfile::tempdir().unwrap();
    let central = start(dir.path()).await;
    let url = central.url();
    let raw = |bytes: &[u8]| Message::Binary([&[0], bytes].concat().into());
    assert_eq!(raw_refusal(&url, Message::Binary(vec![9, 9].into())).await, "bad_frame");
    assert_eq!(raw_refusal(&url, raw(&[0x82, 1])).await, "bad_frame");
    assert_eq!(raw_refusal(&url, Message::Text("hello".into())).await, "bad_frame");
    assert_eq!(raw_refusal(&url, raw(&to_bytes(&ClientFrame::Ack { seq: 1 }))).await, "protocol");
    let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 19).unwrap();
    assert_eq!(raw_refusal(&url, Message::Binary([&[1][..], &bomb].concat().into())).await, "bad_frame");
    let large = Message::Binary(vec![0; omni_protocol::limits::CLIENT_FRAME_BYTES_MAX + 2].into());
    assert_eq!(raw_refusal(&url, large).await, "too_large");
    let http = http();
    let send = async |path: &str, body: Vec<u8>| {
        error_code(http.post(format!("{url}{path}")).body(body).send().await.unwrap()).await
    };
    assert_eq!(send("/v1/enrol", b"{".to_vec()).await, (400, "bad_request".into()));
    assert_eq!(send("/v1/enrol", vec![b' '; 100_000]).await, (413, "too_large".into()));
    assert_eq!(send("/v1/push", vec![0; 10]).await, (401, "unauthorized".into()));
    assert_eq!(send("/v1/feed", vec![]).await, (405, "method_not_allowed".into()));
    let get = async |path: &str| error_code(http.get(format!("{url}{path}")).send().await.unwrap()).await;
    assert_eq!(get("/nothing").await, (404, "not_found".into()));
    assert_eq!(get("/v1/snapshot").await, (401, "unauthorized".into()));
    assert_eq!(get("/v1/sync").await, (400, "bad_request".into()));
    assert!(http.get(format!("{url}/readyz")).send().await.unwrap().status().is_success(), "and central lives on");
    central.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_batches_are_refused_and_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let central = start(dir.path()).await;
    let mut a = Laptop::enrol(&central, "Ada", Role::Operator, Grants::everything()).await;
    let good = a.batch(&[a.change(vec![sector("x").1])]);
    let refused = async |bytes: Vec<u8>| {
        let mut connection = a.connect().await;
        connection.send(&ClientFrame::Push(bytes.into())).await;
        connection.refusal().await
    };
    assert_eq!(refused(vec![1, 2, 3]).await, ("bad_batch".into(), false));
    assert_eq!(refused(vec![0; 400_000]).await, ("too_large".into(), false));
    let mut forged = good.clone();
    forged.signature = vec![7; 64].into();
    assert_eq!(refused(to_bytes(&forged)).await, ("bad_signature".into(), false));
    let mut empty = good.clone();
    empty.entries.clear();
    assert_eq!(refused(to_bytes(&empty)).await, ("bad_batch".into(), false));
    let mut connection = a.connect().await;
    assert_eq!(connection.welcome.head.seq, 0);
    assert_eq!(connection.push(&good).await[0].kind, OutcomeKind::Applied);
    central.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_device_is_cut_off_by_another_process_and_may_not_return() {
    let dir = tempfile::tempdir().unwrap();
    let central = start(dir.path()).await;
    let a = Laptop::enrol(&central, "Ada", Role::Operator, Grants::everything()).await;
    let mut connection = a.follow().await;
    let token = connection.welcome.token.clone();
    let folder = omni_central::folder::Folder::existing(dir.path()).unwrap();
    let beside = omni_central::admin::open_beside(&folder).unwrap();
    omni_central::admin::revoke(&folder, &beside, &a.device.to_string()).unwrap();
    assert_eq!(connection.refusal().await, ("device_revoked".into(), false));
    let snapshot = http().get(format!("{}/v1/snapshot", central.url())).bearer_auth(token).send().await.unwrap();
    assert_eq!(error_code(snapshot).await, (403, "device_revoked".into()));
    let again = a.try_connect(Position::default(), &Grants::default()).await.err();
    assert!(matches!(again, Some(ServerFrame::Refused { code, .. }) if code == "device_revoked"));
    central.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_are_judged_at_admission_and_parts_follow_them() {
    let dir = tempfile::tempdir().unwrap();
    let central = start(dir.path()).await;
    let mut admin = Laptop::enrol(&central, "Ada", Role::Admin, Grants::everything()).await;
    let ((mine, op_mine), (other, op_other)) = (sector("mine"), sector("other"));
    let batch = admin.batch(&[admin.change(vec![op_mine]), admin.change(vec![op_other])]);
    let mut at_admin = admin.connect().await;
    at_admin.push(&batch).await;
    let mut viewer = Laptop::enrol(&central, "Vic", Role::Viewer, Grants::everything()).await;
    let mut limited = Laptop::enrol(&central, "Lea", Role::Operator, Grants::owners(vec![mine])).await;
    let batch = viewer.batch(&[viewer.change(vec![notes(mine, "v")])]);
    let outcome = viewer.connect().await.push(&batch).await.remove(0);
    assert_eq!((outcome.kind, outcome.code.as_deref()), (OutcomeKind::Rejected, Some("forbidden")));
    let mut at_limited = limited.follow().await;
    let batch = limited.batch(&[limited.change(vec![notes(other, "l")]), limited.change(vec![notes(mine, "l")])]);
    let outcomes = at_limited.push(&batch).await;
    assert_eq!(outcomes.iter().map(|o| o.kind).collect::<Vec<_>>(), [OutcomeKind::Rejected, OutcomeKind::Applied]);
    // What it may not read is not sent; the watermark passes it all the same.
    admin.base.seq = 3;
    let batch = admin.batch(&[admin.change(vec![notes(other, "secret")])]);
    at_admin.push(&batch).await;
    let page = at_limited
        .until("the watermark", |f| match f {
            ServerFrame::Feed(page) if page.watermark.position.seq == 4 => Some(page.clone()),
            _ => None,
        })
        .await;
    assert!(page.commits.iter().all(|c| c.seq != 4), "{page:?}");
    central.shutdown().await.unwrap();
}

async fn get(url: &str, path: &str, token: &str) -> reqwest::Response {
    http().get(format!("{url}{path}")).bearer_auth(token).send().await.unwrap()
}

async fn manifest(url: &str, path: &str, token: &str) -> Manifest {
    from_bytes(&unzstd(&get(url, path, token).await.bytes().await.unwrap())).unwrap()
}

async fn digests(url: &str, token: &str) -> DigestList {
    from_bytes(&unzstd(&get(url, "/v1/digests", token).await.bytes().await.unwrap())).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_holds_the_readable_rows_and_its_chunks_resume() {
    let dir = tempfile::tempdir().unwrap();
    let central = start(dir.path()).await;
    let mut admin = Laptop::enrol(&central, "Ada", Role::Admin, Grants::everything()).await;
    let ((mine, op_mine), (_, op_other)) = (sector("mine"), sector("other"));
    let batch = admin.batch(&[admin.change(vec![op_mine]), admin.change(vec![op_other])]);
    let mut at_admin = admin.connect().await;
    at_admin.push(&batch).await;
    let limited = Laptop::enrol(&central, "Lea", Role::Operator, Grants::owners(vec![mine])).await;
    let at_limited = limited.connect().await;
    let (url, token) = (central.url(), at_limited.welcome.token.clone());
    let all = manifest(&url, "/v1/snapshot", &at_admin.welcome.token).await;
    let some = manifest(&url, "/v1/snapshot", &token).await;
    assert_eq!((all.position.seq, all.chunks.len(), all.scopes.len()), (2, 2, 2));
    assert_eq!((some.position, some.chunks.len(), some.scopes.len()), (all.position, 1, 1));
    let digests = digests(&url, &token).await;
    let sums: Vec<_> = digests.scopes.iter().map(|s| (s.scope, s.sum)).collect();
    assert_eq!((digests.position, sums), (some.position, some.scopes.clone()));
    let path = format!("/v1/snapshot/chunk/{}", some.chunks[0].hash.to_hex());
    let whole = get(&url, &path, &token).await.bytes().await.unwrap();
    let raw = unzstd(&whole);
    assert_eq!(blake3::hash(&raw).as_bytes(), &some.chunks[0].hash.0);
    let chunk: SnapshotChunk = from_bytes(&raw).unwrap();
    assert_eq!((chunk.rows[0].record, chunk.rows[0].key.as_deref()), (mine, Some("mine")));
    let rest = http().get(format!("{url}{path}")).bearer_auth(&token).header("range", "bytes=5-").send().await.unwrap();
    assert_eq!(rest.status().as_u16(), 206);
    assert_eq!(rest.bytes().await.unwrap(), whole.slice(5..));
    let hidden = all.chunks.iter().find(|c| c.hash != some.chunks[0].hash).unwrap().hash.to_hex();
    let hidden = get(&url, &format!("/v1/snapshot/chunk/{hidden}"), &token).await;
    assert_eq!(error_code(hidden).await, (404, "not_found".into()));
    central.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_pushes_and_pages_like_the_socket() {
    let dir = tempfile::tempdir().unwrap();
    let central = start(dir.path()).await;
    let mut a = Laptop::enrol(&central, "Ada", Role::Operator, Grants::everything()).await;
    let connection = a.connect().await;
    let (url, token) = (central.url(), connection.welcome.token.clone());
    let batch = a.batch(&[a.change(vec![sector("x").1]), a.change(vec![sector("y").1])]);
    let push = async |body: Vec<u8>| {
        http().post(format!("{url}/v1/push")).bearer_auth(&token).body(body).send().await.unwrap()
    };
    let answer = push(to_bytes(&batch)).await;
    let outcomes: Vec<Outcome> = from_bytes(&unzstd(&answer.bytes().await.unwrap())).unwrap();
    assert_eq!(outcomes.iter().map(|o| o.seq).collect::<Vec<_>>(), [Some(1), Some(2)]);
    a.counter += 5;
    let gap = a.batch(&[a.change(vec![sector("z").1])]);
    assert_eq!(error_code(push(to_bytes(&gap)).await).await, (409, "gap".into()));
    let page = get(&url, "/v1/feed?after=1", &token).await.bytes().await.unwrap();
    let page: FeedPage = from_bytes(&unzstd(&page)).unwrap();
    assert_eq!((page.commits.len(), page.commits[0].seq, page.watermark.position.seq), (1, 2, 2));
    let sum = digests(&url, &token).await.scopes.iter().fold(0u128, |sum, s| sum.wrapping_add(s.sum.0));
    assert_eq!(page.watermark.root.map(|d| d.0), Some(sum));
    assert_eq!(error_code(get(&url, "/v1/feed?after=9", &token).await).await, (409, "ahead".into()));
    assert_eq!(error_code(get(&url, "/v1/feed?after=x", &token).await).await, (400, "bad_request".into()));
    central.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_count_what_happened() {
    let dir = tempfile::tempdir().unwrap();
    let central = start(dir.path()).await;
    let mut a = Laptop::enrol(&central, "Ada", Role::Operator, Grants::everything()).await;
    let batch = a.batch(&[a.change(vec![sector("x").1])]);
    let mut connection = a.connect().await;
    connection.push(&batch).await;
    let url = format!("http://{}/metrics", central.metrics_address());
    let text = http().get(url).send().await.unwrap().text().await.unwrap();
    for line in [
        "omni_central_commits_total 1",
        "omni_central_outcomes_total{kind=\"applied\"} 1",
        "omni_central_connected 1",
        "omni_central_commit_seconds_count 1",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    central.shutdown().await.unwrap();
}

async fn start_error(config: Config) -> &'static str {
    serve(config).await.expect_err("it must not start").code
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_run_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let central = start(dir.path()).await;
    assert_eq!(start_error(Config::local(dir.path())).await, "busy");
    let other = tempfile::tempdir().unwrap();
    let taken = Config { listen: central.address(), ..Config::local(other.path()) };
    assert_eq!(start_error(taken).await, "port_taken");
    let open = Config { listen: "0.0.0.0:0".parse().unwrap(), ..Config::local(other.path()) };
    assert_eq!(start_error(open).await, "insecure_listen");
    central.shutdown().await.unwrap();
    let garbage = tempfile::tempdir().unwrap();
    std::fs::write(garbage.path().join("central.db"), vec![7; 8192]).unwrap();
    assert_eq!(start_error(Config::local(garbage.path())).await, "damaged");
    assert_eq!(start_error(newer(&other.path().join("newer"))).await, "newer_database");
}

fn newer(path: &Path) -> Config {
    let folder = omni_central::folder::Folder::create(path).unwrap();
    let conn = rusqlite::Connection::open(folder.database()).unwrap();
    conn.execute_batch("CREATE TABLE t(x); PRAGMA user_version = 99").unwrap();
    Config::local(path)
}

/// The merge with two planted faults: a change whose note says `panic` unwinds, whatever else is in its batch.
fn planted() -> std::sync::Arc<omni_central::writer::Admit> {
    std::sync::Arc::new(|tx, sender, batch| {
        for (i, entry) in batch.entries.iter().enumerate() {
            let omni_protocol::Entry::Change(bytes) = entry else { continue };
            let set_aside = sender.quarantine.contains(&(batch.replica, batch.first + i as u64));
            let text = String::from_utf8_lossy(bytes);
            assert!(set_aside || !text.contains("planted panic"), "planted panic");
        }
        omni_sync::central::admit_batch(tx, sender, batch)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_panics_central_is_set_aside_and_the_rest_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { admit: Some(planted()), ..Config::local(dir.path()) };
    let central = serve(config.clone()).await.unwrap();
    let mut a = Laptop::enrol(&central, "Ada", Role::Operator, Grants::everything()).await;
    let (x, op) = sector("x");
    let changes = [a.change(vec![op]), a.change(vec![notes(x, "planted panic")]), a.change(vec![sector("y").1])];
    let batch = a.batch(&changes);
    let outcomes = a.connect().await.push(&batch).await;
    let kinds: Vec<_> = outcomes.iter().map(|o| o.kind).collect();
    assert_eq!(kinds, [OutcomeKind::Applied, OutcomeKind::Quarantined, OutcomeKind::Applied]);
    central.shutdown().await.unwrap();
    let central = serve(config).await.unwrap();
    a.url = central.url();
    assert_eq!(a.connect().await.push(&batch).await, outcomes, "the answer is stored");
    let report = omni_central::storage::StorageExt::reading(&*central.core().storage, |tx| {
        Ok(omni_central::verify::verify(tx, None, omni_central::verify::Depth::Whole))
    });
    assert_eq!(report.unwrap().differences, []);
    central.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_central_died_on_twice_runs_without_the_culprit() {
    let dir = tempfile::tempdir().unwrap();
    let central = start(dir.path()).await;
    let mut a = Laptop::enrol(&central, "Ada", Role::Operator, Grants::everything()).await;
    central.shutdown().await.unwrap();
    let batch = a.batch(&[a.change(vec![sector("x").1]), a.change(vec![sector("y").1])]);
    // What a process that was killed in the middle of entry 2, run alone, leaves behind.
    std::fs::write(dir.path().join("admitting.note"), format!("alone\n{} 2 1\n", a.replica)).unwrap();
    let central = start(dir.path()).await;
    a.url = central.url();
    let kinds: Vec<_> = a.connect().await.push(&batch).await.iter().map(|o| o.kind).collect();
    assert_eq!(kinds, [OutcomeKind::Applied, OutcomeKind::Quarantined]);
    central.shutdown().await.unwrap();
    // And after a first death in company: each entry alone, all fine.
    let more = a.batch(&[a.change(vec![sector("v").1]), a.change(vec![sector("w").1])]);
    std::fs::write(dir.path().join("admitting.note"), format!("together\n{} 3 2\n", a.replica)).unwrap();
    let central = start(dir.path()).await;
    a.url = central.url();
    let outcomes = a.connect().await.push(&more).await;
    assert_eq!(outcomes.iter().map(|o| o.seq).collect::<Vec<_>>(), [Some(2), Some(3)]);
    central.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_is_answered_with_what_is_expected() {
    let dir = tempfile::tempdir().unwrap();
    let central = start(dir.path()).await;
    let mut a = Laptop::enrol(&central, "Ada", Role::Operator, Grants::everything()).await;
    let first = a.batch(&[a.change(vec![sector("x").1])]);
    let second = a.batch(&[a.change(vec![sector("y").1])]);
    let mut connection = a.connect().await;
    connection.send(&ClientFrame::Push(to_bytes(&second).into())).await;
    let expected = connection
        .until("what is expected", |f| match f {
            ServerFrame::Expected { counter, .. } => Some(*counter),
            _ => None,
        })
        .await;
    assert_eq!(expected, 1);
    assert_eq!(connection.push(&first).await[0].seq, Some(1));
    assert_eq!(connection.push(&second).await[0].seq, Some(2));
    let mut cloned =
        Laptop { counter: 1, chain: omni_protocol::Hash([9; 32]), key: a.key.clone(), url: a.url.clone(), ..a };
    cloned.counter = 2;
    let fork = cloned.batch(&[cloned.change(vec![sector("z").1])]);
    connection.send(&ClientFrame::Push(to_bytes(&fork).into())).await;
    assert_eq!(connection.refusal().await, ("fork".into(), false));
    central.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_joining_laptop_is_announced_and_probes_come() {
    let dir = tempfile::tempdir().unwrap();
    let central = start(dir.path()).await;
    let a = Laptop::enrol(&central, "Ada", Role::Operator, Grants::everything()).await;
    let mut connection = a.connect().await;
    let n = connection.until("a probe", |f| if let ServerFrame::Probe { n, .. } = f { Some(*n) } else { None }).await;
    let boot = omni_protocol::BootId(uuid());
    connection.send(&ClientFrame::ProbeReply { n, boot, mono_ms: 77, wall_ms: 0 }).await;
    let b = Laptop::enrol(&central, "Ben", Role::Operator, Grants::everything()).await;
    let joined = connection
        .until("the newcomer", |f| if let ServerFrame::Directory(d) = f { Some(d.clone()) } else { None })
        .await;
    assert_eq!((joined.device, joined.operator.as_str()), (b.device, "Ben"));
    let core = central.core().clone();
    central.shutdown().await.unwrap();
    let samples = omni_central::storage::StorageExt::writing(&*core.storage, |tx| tx.boot_samples(a.device, boot));
    assert_eq!(samples.unwrap().iter().map(|s| s.mono_ms).collect::<Vec<_>>(), [77], "kept by the clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_stop_tells_its_sessions() {
    let dir = tempfile::tempdir().unwrap();
    let central = start(dir.path()).await;
    let a = Laptop::enrol(&central, "Ada", Role::Operator, Grants::everything()).await;
    let mut connection = a.follow().await;
    let stopping = tokio::spawn(central.shutdown());
    assert_eq!(connection.refusal().await, ("stopping".into(), true));
    in_time("the stop", stopping).await.unwrap().unwrap();
    start(dir.path()).await.shutdown().await.unwrap();
}
