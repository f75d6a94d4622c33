use super::*;
use clap::CommandFactory;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("omnictl").chain(line.split_whitespace()))
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

/// Every command of CLI.md, with every flag.
#[test]
fn every_command_of_the_contract_parses() {
    for line in [
        "enrol --central http://127.0.0.1:7420 --code ABCD",
        "enrol --central http://127.0.0.1:7420 --code ABCD --name laptop",
        "status",
        "collections",
        "count brand",
        "count brand --where status=Active sector=agriculture",
        "count brand --where status=Active --where sector=agriculture",
        "list brand",
        "list brand --where status=Active --search seed --sort name --limit 10 --after 0192",
        "list brand --sort -name",
        "list brand --sort=-name",
        "get brand verdant",
        "set brand verdant status=Active fee:=12.5 tags+=EU tags-=US n=-5",
        "create brand name=Verdant --key verdant",
        "delete brand verdant",
        "text scroll s body --insert 0 TEXT",
        "text scroll s body --insert 3 -TEXT",
        "text scroll s body --delete 0 4",
        "text scroll s body --replace-file FILE",
        "do brand.move brand=verdant sector=water",
        "commands",
        "batch FILE",
        "batch FILE --group",
        "batch -",
        "queue",
        "queue --state pending",
        "queue retry 0192",
        "queue discard 0192",
        "queue edit 0192 status=Active",
        "queue restore 0192",
        "conflicts",
        "conflicts show 0192",
        "conflicts resolve 0192 --take mine",
        "conflicts resolve 0192 --take theirs --field name",
        "conflicts resolve 0192 --take base",
        "conflicts resolve 0192 --take both",
        "history brand verdant",
        "history brand verdant --before 12 --limit 5",
        "rollback brand verdant --to 12",
        "rollback brand verdant --to 12 --preview",
        "rollback brand verdant --to 12 --also brand/verdant/name brand/verdant/notes",
        "rollback --change 0192",
        "rollback --group 0192 --preview",
        "rollback --device ada --from 2026-01-02T03:04:05Z --to 2026-01-02T04:04:05Z",
        "undo 0192",
        "undo 0192 --preview",
        "undo --last",
        "redo",
        "as-of 12 get brand verdant",
        "as-of 2026-01-02T03:04:05Z get brand verdant",
        "sync",
        "sync --until-idle --timeout 5",
        "sync --timeout 0.5",
        "node --id europe-1",
        "run",
        "run --events",
        "verify",
        "import brand brands.csv",
        "import brand brands.csv --dry-run --map name=Title sector=Area --skip-bad",
        "export brand --out brands.csv",
        "export brand --out brands.json --format json",
        "backup FILE",
        "restore FILE",
        "diagnostics FILE",
        "ui",
        "ui --listen 127.0.0.1:0",
        "ui --listen [::1]:8080 --assets DIR",
        "bench anything --at all",
    ] {
        for full in [
            line.to_owned(),
            format!("--data DIR --keys passphrase --json {line}"),
            // What follows the name of a benchmark is the benchmark's.
            if line.starts_with("bench") { line.to_owned() } else { format!("{line} --data DIR --keys os --json") },
        ] {
            parse(&full).unwrap_or_else(|e| panic!("{full}: {e}"));
        }
    }
}

#[test]
fn global_flags_have_one_meaning_wherever_they_stand() {
    let cli = parse("set brand verdant name=x --json --data /d --keys passphrase").unwrap();
    assert!(cli.json);
    assert_eq!((cli.data, cli.keys), (Some(PathBuf::from("/d")), Keys::Passphrase));
    let cli = parse("status").unwrap();
    assert_eq!((cli.json, cli.data, cli.keys), (false, None, Keys::Os));
}

#[test]
fn bad_usage_is_refused_before_anything_is_opened() {
    for line in [
        "",
        "nothing",
        "enrol --code X",
        "set brand verdant",
        "set brand verdant name",
        "set brand verdant f:=nonsense",
        "set brand verdant name=x --priority 4",
        "count brand --where status",
        "do brand.move brand",
        "text scroll s body",
        "text scroll s body --insert 0",
        "text scroll s body --insert 0 T --delete 0 1",
        "conflicts resolve 0192",
        "conflicts resolve 0192 --take neither",
        "rollback brand verdant",
        "rollback",
        "rollback --to 12",
        "rollback brand verdant --to 12 --change 0192",
        "rollback --device ada --from 2026-01-02T03:04:05Z",
        "undo",
        "undo 0192 --last",
        "as-of 12 set brand verdant",
        "export brand",
        "export brand --out F --format xml",
        "queue --state pending retry 0192",
        "sync --timeout soon",
        "ui --listen nowhere",
        "status --keys file",
    ] {
        let error = parse(line).err().unwrap_or_else(|| panic!("“{line}” was understood"));
        assert!(error.use_stderr(), "{line}");
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}
