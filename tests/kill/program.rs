//! The real programs, started, asked and killed.

use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Protects the laptops of these tests.
const PASSPHRASE: &str = "correct horse battery";

/// A program of this workspace, beside the test's own.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this test has a path");
    let folder = test.parent().and_then(Path::parent).expect("target/PROFILE/deps");
    let path = folder.join(name);
    assert!(path.is_file(), "{} is missing: cargo build -p omnictl -p omni-central", path.display());
    path
}

fn json_lines(bytes: &[u8]) -> Vec<Json> {
    String::from_utf8_lossy(bytes).lines().filter_map(|l| serde_json::from_str(l).ok()).collect()
}

/// A running central.
pub struct Central {
    data: PathBuf,
    child: Child,
    pub url: String,
}

impl Central {
    pub fn start(data: &Path, address: Option<&str>) -> Central {
        Central::spawn(data, address, false)
    }

    pub fn start_sample(data: &Path) -> Central {
        Central::spawn(data, None, true)
    }

    fn spawn(data: &Path, address: Option<&str>, sample: bool) -> Central {
        let mut command = Command::new(program("omni-central"));
        command.arg("serve").arg("--data").arg(data);
        command.args(["--listen", address.unwrap_or("127.0.0.1:0"), "--metrics", "127.0.0.1:0"]);
        if sample {
            command.arg("--sample");
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Json = serde_json::from_str(&line).unwrap_or_else(|e| panic!("central said “{line}”: {e}"));
        let url = told["listening"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned();
        Central { data: data.to_owned(), child, url }
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts again at the same address.
    pub fn again(&self) -> Central {
        Central::start(&self.data, Some(self.url.trim_start_matches("http://")))
    }

    /// SIGTERM, and waits.
    pub fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(&pid).status().unwrap().success());
        assert!(self.child.wait().unwrap().success(), "central stops cleanly");
    }

    pub fn code(&self, operator: &str) -> String {
        let mut command = Command::new(program("omni-central"));
        command.arg("enrol-code").arg("--data").arg(&self.data);
        let output = command.args(["--operator", operator, "--role", "admin", "--json"]).output().unwrap();
        json_lines(&output.stdout)[0]["code"].as_str().expect("a code").to_owned()
    }

    /// Digests and ledger, counted anew by central itself.
    pub fn verify(data: &Path) {
        let output = Command::new(program("omni-central")).arg("verify").arg("--data").arg(data).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

impl Drop for Central {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A laptop's folder and, at times, a process that stays connected.
pub struct Laptop {
    data: PathBuf,
    running: Option<Child>,
}

impl Laptop {
    pub fn new(data: &Path) -> Laptop {
        Laptop { data: data.to_owned(), running: None }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program("omnictl"));
        command.arg("--data").arg(&self.data).args(["--keys", "passphrase", "--json"]).args(args);
        command.env("OMNI_PASSPHRASE", PASSPHRASE).stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// What a command printed, if it succeeded.
    pub fn run(&self, args: &[&str]) -> Option<Json> {
        let output = self.command(args).output().unwrap();
        output.status.success().then(|| json_lines(&output.stdout).into_iter().next().unwrap_or_default())
    }

    pub fn enrol(&self, central: &Central) {
        let name = self.data.file_name().unwrap().to_string_lossy().into_owned();
        let code = central.code(&name);
        self.run(&["enrol", "--central", &central.url, "--code", &code, "--name", &name]).expect("enrolled");
    }

    /// Starts a process that stays connected, and waits until it takes commands.
    pub fn start_run(&mut self) {
        let mut child = self.command(&["run", "--events"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "omnictl run ended while starting");
        // Its output stays open, so that it can go on writing.
        std::thread::spawn(move || for _ in out.lines() {});
        self.running = Some(child);
    }

    /// kill -9 of that process, if it runs.
    pub fn kill_run(&mut self) {
        if let Some(mut child) = self.running.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Key and name of all records.
    pub fn records(&self, collection: &str) -> BTreeMap<String, String> {
        let output = self.command(&["list", collection, "--limit", "100000"]).output().unwrap();
        let lines = json_lines(&output.stdout);
        let pair = |l: &Json| Some((l["key"].as_str()?.to_owned(), l["fields"]["name"].as_str()?.to_owned()));
        lines.iter().filter_map(pair).collect()
    }
}

impl Drop for Laptop {
    fn drop(&mut self) {
        self.kill_run();
    }
}

/// An administrator's command on a data folder, as JSON.
#[allow(dead_code)]
pub fn administer(data: &Path, args: &[&str]) -> Json {
    let mut command = Command::new(program("omni-central"));
    let output = command.args(args).arg("--data").arg(data).arg("--json").stderr(Stdio::null()).output().unwrap();
    let said = json_lines(&output.stdout).into_iter().next().unwrap_or_default();
    assert!(output.status.success(), "{args:?}: {said}");
    said
}
