//! One writer, 100,000 edits, with answers that get lost and batches that are sent again: never a conflict.

use omni_model::{Op, RecordId, Value, schema};
use omni_protocol::{
    Base, Batch, BootId, Change, ChangeId, DeviceId, EditTime, Entry, Hash, NORMAL, OutcomeKind, ReplicaId,
};
use omni_sync::central::{Admitted, Rights, Sender, admit_batch};
use omni_testkit::mem_central::MemCentral;
use omni_testkit::sim::Rng;

const EDITS: u64 = 100_000;
const BATCH: u64 = 50;

#[test]
fn one_writer_never_meets_itself() {
    let mut rng = Rng::new(7);
    let mut central = MemCentral::new();
    let (replica, device) = (ReplicaId(rng.uuid()), DeviceId(rng.uuid()));
    let sector = schema::by_name("sector").expect("the product has sectors");
    let field = sector.field("name").expect("sectors have names").id;
    let record = RecordId(rng.uuid());
    let (mut head, mut counter, mut resent) = (Hash::default(), 0, 0);
    while counter < EDITS {
        let first = counter + 1;
        let base = central.position.seq.saturating_sub(rng.below(200));
        let entries: Vec<Entry> = (first..first + BATCH)
            .map(|n| {
                let (collection, value) = (sector.id, Value::text(format!("Name {n}")));
                let op = match n {
                    1 => Op::Insert { collection, record, key: None, values: vec![(field, value)] },
                    _ => Op::Set { collection, record, field, value },
                };
                Entry::Change(change(&mut rng, base, op).to_bytes().into())
            })
            .collect();
        let batch =
            Batch { replica, parent: None, epoch: 1, first, prev_hash: head, entries, signature: Vec::new().into() };
        let sender = Sender {
            device,
            rights: Rights::everything(),
            authority: 0,
            lineage: Vec::new(),
            now_ms: first as i64,
            quarantine: Default::default(),
        };
        // Answers get lost: the same frame again, up to three times.
        let times = 1 + rng.below(3);
        let mut answers = Vec::new();
        for _ in 0..times {
            let admitted = admit_batch(&mut central, &sender, &batch).expect("memory does not fail");
            let Admitted::Done { outcomes, .. } = admitted else { panic!("{admitted:?}") };
            answers.push(outcomes);
        }
        resent += times - 1;
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "a resend got another answer");
        let applied = answers[0].iter().all(|o| o.kind == OutcomeKind::Applied);
        assert!(applied, "{:?}", answers[0].iter().find(|o| o.kind != OutcomeKind::Applied));
        head = batch.head_hash();
        counter += BATCH;
    }
    assert!(central.conflicts.is_empty());
    assert_eq!(central.position.seq, EDITS, "each edit counts once");
    assert!(resent > 1_000, "only {resent} batches were sent again");
}

fn change(rng: &mut Rng, base: u64, op: Op) -> Change {
    Change {
        id: ChangeId(rng.uuid()),
        base: Base { epoch: 1, seq: base },
        command: 0,
        version: 0,
        schema: 1,
        args: Vec::new(),
        ops: vec![op],
        after: Vec::new(),
        time: EditTime { boot: BootId(rng.uuid()), mono_ms: 0, wall_ms: 0 },
        priority: NORMAL,
        group: None,
        was: vec![Value::Null],
    }
}
