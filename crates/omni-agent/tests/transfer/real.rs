//! The customer's own files, which are not shipped: named by `OMNI_REAL_DATA`.

use crate::kit::Replica;
use omni_agent::transfer::{Format, ImportOptions, export, import};
use std::path::Path;
use std::time::Instant;

#[test]
fn the_real_portfolio_comes_in_whole() {
    let Some(folder) = std::env::var_os("OMNI_REAL_DATA") else {
        println!("skipped: OMNI_REAL_DATA is not set");
        return;
    };
    let replica = Replica::new();
    let run = |collection: &str, file: &str, dry_run: bool, expected: [u64; 3]| {
        let options = ImportOptions { dry_run, ..ImportOptions::default() };
        let began = Instant::now();
        let file = Path::new(&folder).join(file);
        let report = import(&replica.store, collection, &file, &options, &|_, _| true).unwrap();
        println!("{} dry={dry_run}: {:?}; {report:.0?}", file.display(), began.elapsed());
        assert_eq!(report.errors, []);
        assert_eq!([report.created, report.updated, report.unchanged], expected);
        report.notes
    };
    for dry_run in [true, false] {
        run("sector", "sectors.json", dry_run, [29, 0, 0]);
    }
    for dry_run in [true, false] {
        run("brand", "brands.csv", dry_run, [7_038, 0, 0]);
    }
    let stats = replica.store.stats();
    let held = &stats.lanes[0].held;
    println!(
        "writer held: p50 {:?} us, max {:?} us, {} longer than 50 ms, {} writes",
        held.quantile_us(0.5),
        held.quantile_us(1.0),
        stats.long_holds,
        held.count()
    );
    run("sector", "sectors.json", false, [0, 0, 29]);
    run("brand", "brands.csv", false, [0, 0, 7_038]);
    let names: std::collections::BTreeSet<_> =
        replica.rows("brand").iter().map(|r| r.named("name").as_text().unwrap().to_owned()).collect();
    assert!(names.len() < 7_038, "names repeat");
    for (format, name) in [(Format::Csv, "out.csv"), (Format::Json, "out.json")] {
        let path = replica.folder.path().join(name);
        let began = Instant::now();
        assert_eq!(export(&replica.store, "brand", &path, format).unwrap(), 7_038);
        println!("export {name}: {:?}", began.elapsed());
        let report = import(&replica.store, "brand", &path, &ImportOptions::default(), &|_, _| true).unwrap();
        assert_eq!((report.unchanged, report.errors), (7_038, vec![]));
    }
}

#[test]
fn the_other_real_files_are_judged_without_guessing() {
    let Some(folder) = std::env::var_os("OMNI_REAL_DATA") else {
        println!("skipped: OMNI_REAL_DATA is not set");
        return;
    };
    let replica = Replica::new();
    for (collection, file) in [
        ("sector", "sectors.json"),
        ("treaty", "treaties.json"),
        ("payroll_sector", "payroll_sectors.json"),
        ("node", "network_nodes.json"),
        ("app", "app_dependencies.json"),
        ("app_dependency", "app_dependencies.json"),
        ("scroll", "scrolls_verified.json"),
    ] {
        let options = ImportOptions { skip_bad: true, ..ImportOptions::default() };
        let file = Path::new(&folder).join(file);
        let report = import(&replica.store, collection, &file, &options, &|_, _| true).unwrap();
        println!(
            "{collection}: {} rows, {} created, {} errors {:?}; {:?}",
            report.rows,
            report.created,
            report.errors.len(),
            report.errors.first(),
            report.notes
        );
    }
}
