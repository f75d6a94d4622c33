//! Files that cannot be imported, and export there and back.

use crate::kit::Replica;

fn refused(content: impl AsRef<[u8]>, name: &str) -> (String, String) {
    let replica = Replica::with_sectors();
    let e = replica.import("brand", name, content).unwrap_err();
    assert_eq!(replica.rows("brand"), []);
    (e.code, e.message)
}

#[test]
fn bad_files_are_named_with_the_line() {
    let cases: [(&[u8], &str, &str); 9] = [
        (b"key,name\na,A\nb\n", "b.csv", "Line 3"),
        (b"key,name\na,A\nb,B,C\n", "b.csv", "Line 3"),
        (b"key,name\na,\"A\nb,B\n", "b.csv", "Line 2"),
        (b"key,name\na,A\nb,\xff\n", "b.csv", "Line 3"),
        (b"\xff\xfek\0e\0y\0", "b.csv", "Line 1"),
        (b"", "b.csv", "Line 1"),
        (b"[{\"key\": \"a\"},\n{\"key\": }]", "b.json", "Line 2"),
        (b"[{\"key\": \"\xc3\x28\"}]", "b.json", "Line 1"),
        (b"{\"a\": [1, 2]}", "b.json", "Line 1"),
    ];
    for (content, name, line) in cases {
        let (code, message) = refused(content, name);
        assert_eq!(code, "bad_file", "{message}");
        assert!(message.starts_with(line), "{message}");
    }
}

#[test]
fn missing_and_huge_files_are_refused() {
    let replica = Replica::new();
    let import = |path: &std::path::Path| {
        omni_agent::transfer::import(&replica.store, "sector", path, &Default::default(), &|_, _| true).unwrap_err()
    };
    let folder = replica.folder.path();
    assert_eq!(import(&folder.join("none.csv")).code, "not_found");
    assert_eq!(import(folder).code, "bad_file");
    let huge = std::fs::File::create(folder.join("huge.csv")).unwrap();
    huge.set_len(256 * 1024 * 1024 + 1).unwrap();
    assert_eq!(import(&folder.join("huge.csv")).code, "too_large");
    let mut rows = String::from("key,name\n");
    (0..=1_000_000).for_each(|_| rows.push_str("a,\n"));
    std::fs::write(folder.join("long.csv"), rows).unwrap();
    assert_eq!(import(&folder.join("long.csv")).code, "too_large");
}

#[test]
fn spreadsheet_habits_are_understood() {
    let replica = Replica::new();
    let report =
        replica.import("sector", "s.csv", "\u{feff}Key;Name;Monthly fee\r\na;A;12.50\r\n\r\nb;\"B;b\";\r\n").unwrap();
    assert_eq!((report.created, report.errors.len()), (2, 0));
    assert_eq!(replica.value("sector", "a", "monthly_fee"), "12.50");
    assert_eq!(replica.value("sector", "b", "name"), "B;b");
    let report = replica.import("sector", "s", "[{\"key\": \"c\", \"name\": \"C\"}]").unwrap();
    assert_eq!(report.created, 1, "JSON without an extension");
}
