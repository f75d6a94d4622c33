use super::kit::{PORTFOLIO, SMALL};
use omni_model::{Op, Row, sample};

/// FNV-1a over the canonical wire bytes of the inserts.
fn fingerprint(rows: &[Row]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for row in rows {
        let bytes = minicbor::to_vec(sample::insert(row.clone())).unwrap();
        hash = bytes.iter().fold(hash, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3));
    }
    hash
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    assert_eq!(fingerprint(&PORTFOLIO), fingerprint(&sample::portfolio(1)));
    assert_ne!(fingerprint(&PORTFOLIO), fingerprint(&sample::portfolio(2)));
    assert_eq!(fingerprint(&SMALL), fingerprint(&sample::small(1)));
    assert_ne!(fingerprint(&SMALL), fingerprint(&sample::small(2)));
}

#[test]
fn the_bytes_are_the_same_on_every_machine_and_in_every_build() {
    // Who changes the sample on purpose puts the new number here; who did not has broken its determinism.
    assert_eq!(format!("{:016x}", fingerprint(&PORTFOLIO)), "681fbd8349dd45a9");
}

#[test]
fn an_insert_carries_the_whole_record() {
    for row in SMALL.iter() {
        let Op::Insert { collection, record, key, values } = sample::insert(row.clone()) else { panic!("an insert") };
        let mut back = Row::new(collection, record);
        back.key = key;
        back.owner = row.owner;
        back.fields = values.into_iter().collect();
        assert_eq!(&back, row);
    }
}
