//! The laptop's secrets in the real Secret Service: a D-Bus session and a GNOME keyring of the test's own, and the real
//! programs. Also what happens where there is none.

#[path = "../kill/program.rs"]
#[allow(dead_code, reason = "shared with the kill tests, which need more of it")]
mod program;

use program::{Central, program};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// How a keyring is there.
#[derive(Clone, Copy)]
enum Keyring {
    /// Running and unlocked with this password.
    Unlocked(&'static str),
    /// A bus, and nobody who keeps secrets.
    Nobody,
}

/// A home of the test's own: the keyring's files, and its sockets.
struct Home(PathBuf);

impl Home {
    fn new(path: &Path) -> Home {
        for part in ["data", "config", "cache", "run"] {
            std::fs::create_dir_all(path.join(part)).unwrap();
        }
        std::fs::set_permissions(path.join("run"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        Home(path.to_owned())
    }

    /// Runs a script in a bus session of its own.
    fn session(&self, keyring: Keyring, script: &str) -> Output {
        let unlock = match keyring {
            Keyring::Unlocked(password) => format!(
                "printf %s '{password}' | gnome-keyring-daemon --unlock --components=secrets --daemonize >/dev/null 2>&1 && {{ {script}; }}"
            ),
            Keyring::Nobody => script.to_owned(),
        };
        // The bus must not start a keyring by itself: what is there is what the test says.
        Command::new("dbus-run-session")
            .args(["--", "bash", "-c", &unlock])
            .env("HOME", &self.0)
            .env("XDG_DATA_HOME", self.0.join("data"))
            .env("XDG_CONFIG_HOME", self.0.join("config"))
            .env("XDG_CACHE_HOME", self.0.join("cache"))
            .env("XDG_RUNTIME_DIR", self.0.join("run"))
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .env_remove("OMNI_PASSPHRASE")
            .stdin(Stdio::null())
            .output()
            .expect("dbus-run-session is installed (scripts/install)")
    }
}

fn omnictl(data: &Path, rest: &str) -> String {
    format!("'{}' --data '{}' --keys os --json {rest}", program("omnictl").display(), data.display())
}

fn enrol(central: &Central, data: &Path) -> String {
    let code = central.code("ada");
    omnictl(data, &format!("enrol --central {} --code {code} --name ada", central.url))
}

fn lines(output: &Output) -> Vec<Json> {
    String::from_utf8_lossy(&output.stdout).lines().filter_map(|l| serde_json::from_str(l).ok()).collect()
}

fn error_code(output: &Output) -> String {
    let told = lines(output);
    let found = told.iter().find_map(|l| l["error"]["code"].as_str().map(str::to_owned));
    found.unwrap_or_else(|| panic!("no error: {output:?}"))
}

/// All bytes of all files of a folder.
fn contents(folder: &Path) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        match entry.path().is_dir() {
            true => out.extend(contents(&entry.path())),
            false => out.extend(std::fs::read(entry.path()).unwrap_or_default()),
        }
    }
    out
}

#[test]
fn a_restarted_laptop_finds_its_keys_in_the_keyring() {
    let folder = tempfile::tempdir().unwrap();
    let central = Central::start(&folder.path().join("central"), None);
    let (home, data) = (Home::new(&folder.path().join("home")), folder.path().join("ada"));
    let first = home.session(
        Keyring::Unlocked("first password"),
        &format!("{} && {}", enrol(&central, &data), omnictl(&data, "create sector name=Water --key water")),
    );
    assert!(first.status.success(), "{first:?}");
    let keys = std::fs::read_to_string(data.join("keys.json")).unwrap();
    assert_eq!(serde_json::from_str::<Json>(&keys).unwrap()["mode"], "os");
    assert!(!contents(&data).windows(5).any(|w| w == b"Water"), "no record stands in clear on the disk");
    // Another session, the same keyring: its password opens it, and it opens the database.
    let second = home.session(Keyring::Unlocked("first password"), &omnictl(&data, "get sector water"));
    assert_eq!(lines(&second)[0]["fields"]["name"], "Water", "{second:?}");
    central.stop();
}

#[test]
fn another_keyring_opens_nothing_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let central = Central::start(&folder.path().join("central"), None);
    let (home, data) = (Home::new(&folder.path().join("home")), folder.path().join("ada"));
    let made = omnictl(&data, "create sector name=Water --key water");
    let first = home.session(Keyring::Unlocked("one"), &format!("{} && {made}", enrol(&central, &data)));
    assert!(first.status.success(), "{first:?}");
    let other = Home::new(&folder.path().join("other-home"));
    let refused = other.session(Keyring::Unlocked("two"), &omnictl(&data, "get sector water"));
    assert_eq!((error_code(&refused).as_str(), refused.status.code()), ("keychain_empty", Some(1)));
    let back = home.session(Keyring::Unlocked("one"), &omnictl(&data, "get sector water"));
    assert_eq!(lines(&back)[0]["fields"]["name"], "Water", "{back:?}");
    central.stop();
}

#[test]
fn without_a_keyring_enrolment_says_so_and_keeps_nothing_in_clear() {
    let folder = tempfile::tempdir().unwrap();
    let central = Central::start(&folder.path().join("central"), None);
    let (home, data) = (Home::new(&folder.path().join("home")), folder.path().join("ada"));
    let refused = home.session(Keyring::Nobody, &enrol(&central, &data));
    assert_eq!((error_code(&refused).as_str(), refused.status.code()), ("keychain_unavailable", Some(1)));
    let no_bus = Command::new("bash")
        .args(["-c", &enrol(&central, &data)])
        .env("XDG_RUNTIME_DIR", folder.path().join("nothing"))
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
        .output()
        .unwrap();
    assert_eq!(error_code(&no_bus), "keychain_unavailable");
    for name in ["keys.json", "recovery.json", "identity.json", "replica.db"] {
        assert!(!data.join(name).exists(), "{name} was left behind");
    }
    // The code was not spent by it, and the other way works at once.
    let script = enrol(&central, &data).replace("--keys os", "--keys passphrase");
    let passphrase =
        Command::new("bash").args(["-c", &script]).env("OMNI_PASSPHRASE", "correct horse").output().unwrap();
    assert!(passphrase.status.success(), "{passphrase:?}");
    central.stop();
}
