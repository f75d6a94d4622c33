//! What is exported comes back without a difference.

use crate::kit::{Replica, brands_csv};
use omni_agent::transfer::{Format, export, import};

const SECTORS: &str = r#"[
    {"key": "north", "name": "=HYPERLINK(\"x\")", "tags": ["a;b", "c,d", " e"], "declared_growth": -12.5},
    {"key": "south", "name": "'=quoted already", "notes": "two\r\nlines, \"quotes\" and 'more'", "tags": ["-x"]},
    {"key": "west", "name": "-1", "icon": "\t@", "declared_revenue": "92233720368547758.07", "reviews": 3},
    {"key": "-odd key", "name": "+49", "monthly_fee": 0.1, "annual_fee": 12}
]"#;

fn filled() -> Replica {
    let replica = Replica::new();
    assert_eq!(replica.import("sector", "s.json", SECTORS).unwrap().created, 4);
    assert_eq!(replica.import("brand", "b.csv", brands_csv(5)).unwrap().created, 15);
    let payroll = r#"[{"key": "p", "name": "P", "sectors": ["north", "-odd key"]}, {"key": "q", "name": "Q"}]"#;
    assert_eq!(replica.import("payroll_sector", "p.json", payroll).unwrap().created, 2);
    replica
}

#[test]
fn export_and_import_change_nothing_in_either_format() {
    let replica = filled();
    for (format, name) in [(Format::Csv, "out.csv"), (Format::Json, "out.json")] {
        for collection in ["sector", "brand", "payroll_sector", "scroll"] {
            let path = replica.folder.path().join(name);
            let rows = export(&replica.store, collection, &path, format).unwrap();
            assert_eq!(rows, replica.rows(collection).len() as u64);
            let report = import(&replica.store, collection, &path, &Default::default(), &|_, _| true).unwrap();
            assert_eq!((report.rows, report.unchanged, report.errors), (rows, rows, vec![]), "{collection} {name}");
            assert_eq!(report.notes, [] as [String; 0]);
        }
    }
}

#[test]
fn an_export_makes_the_same_records_elsewhere() {
    let replica = filled();
    for (format, name) in [(Format::Csv, "out.csv"), (Format::Json, "out.json")] {
        let other = Replica::new();
        for collection in ["sector", "brand", "payroll_sector"] {
            let path = replica.folder.path().join(name);
            export(&replica.store, collection, &path, format).unwrap();
            import(&other.store, collection, &path, &Default::default(), &|_, _| true).unwrap();
            assert_eq!(other.rows(collection), replica.rows(collection));
        }
    }
}

#[test]
fn no_cell_starts_a_formula() {
    let replica = filled();
    let path = replica.folder.path().join("out.csv");
    export(&replica.store, "sector", &path, Format::Csv).unwrap();
    let mut numbers = 0;
    for record in csv::Reader::from_path(&path).unwrap().records() {
        for cell in record.unwrap().iter().filter(|c| c.starts_with(['=', '+', '-', '@', '\t', '\r', '\0'])) {
            assert!(cell.parse::<f64>().is_ok() && !cell.starts_with('+'), "{cell:?}");
            numbers += 1;
        }
    }
    assert_eq!(numbers, 1, "only the negative number");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("'=HYPERLINK") && text.contains("''=quoted already") && text.contains("'-odd key"), "{text}");
}

#[test]
fn links_are_written_as_keys_and_an_export_is_whole_and_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let replica = filled();
    let path = replica.folder.path().join("out.csv");
    std::fs::write(&path, "old").unwrap();
    export(&replica.store, "brand", &path, Format::Csv).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("id,key,name,sector,kind,parent,"), "{text}");
    assert!(text.contains(",north,subnode,north-b0,"), "{text}");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let parts = std::fs::read_dir(replica.folder.path()).unwrap();
    assert!(!parts.map(|f| f.unwrap().file_name()).any(|f| f.to_string_lossy().ends_with(".part")));
    let nowhere = replica.folder.path().join("none").join("out.csv");
    assert_eq!(export(&replica.store, "brand", &nowhere, Format::Csv).unwrap_err().code, "not_found");
    assert_eq!(export(&replica.store, "planet", &path, Format::Csv).unwrap_err().code, "unknown_collection");
}
