//! A central in this process, laptops as processes.

use omni_central::{Config, Role, Running, serve};
use omni_protocol::Grants;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// Nothing here takes this long unless it is broken.
pub const DEADLINE: Duration = Duration::from_secs(120);
pub const PASSPHRASE: &str = "correct horse battery";

pub async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work).await.unwrap_or_else(|_| panic!("{what} took too long"))
}

/// What a command left behind.
#[derive(Debug)]
pub struct Out {
    pub code: i32,
    pub text: String,
    pub log: String,
}

impl Out {
    /// Its lines as JSON.
    pub fn lines(&self) -> Vec<Json> {
        let parse = |l: &str| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}\n{self:?}"));
        self.text.lines().map(parse).collect()
    }

    /// The one object of a command that did its work.
    pub fn ok(&self) -> Json {
        assert_eq!(self.code, 0, "{self:?}");
        let mut lines = self.lines();
        assert_eq!(lines.len(), 1, "{self:?}");
        lines.remove(0)
    }

    /// The lines of a command that did its work.
    pub fn ok_lines(&self) -> Vec<Json> {
        assert_eq!(self.code, 0, "{self:?}");
        self.lines()
    }

    /// The code of the error.
    pub fn error(&self, exit: i32) -> String {
        assert_eq!(self.code, exit, "{self:?}");
        let lines = self.lines();
        let error = &lines.last().unwrap_or_else(|| panic!("{self:?}"))["error"];
        assert!(error["message"].is_string() && error["retryable"].is_boolean(), "{self:?}");
        error["code"].as_str().unwrap().to_owned()
    }
}

/// The names of an object's members.
pub fn keys(value: &Json) -> BTreeSet<&str> {
    value.as_object().unwrap_or_else(|| panic!("{value}")).keys().map(String::as_str).collect()
}

/// Every one of these names is a member.
pub fn has_keys(value: &Json, wanted: &[&str]) {
    let found = keys(value);
    for name in wanted {
        assert!(found.contains(name), "“{name}” is missing in {value}");
    }
}

/// A program to run on a data folder.
pub fn program(data: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_omnictl"));
    command.arg("--data").arg(data).args(["--keys", "passphrase"]).args(args);
    command.env("OMNI_PASSPHRASE", PASSPHRASE).env_remove("OMNI_LOG");
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

pub async fn finish(mut command: Command) -> Out {
    let done = in_time("a command", command.output()).await.expect("the program starts");
    Out {
        code: done.status.code().unwrap_or(-1),
        text: String::from_utf8(done.stdout).expect("text"),
        log: String::from_utf8_lossy(&done.stderr).into_owned(),
    }
}

/// A central that can be stopped and started at the same address.
pub struct Site {
    pub dir: TempDir,
    address: SocketAddr,
    central: Option<Running>,
}

impl Site {
    pub async fn start() -> Site {
        let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        let mut site = Site { dir: tempfile::tempdir().unwrap(), address, central: None };
        site.start_central().await;
        site
    }

    pub async fn start_central(&mut self) {
        let any = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        let config =
            Config { listen: self.address, metrics: Some(any), ..Config::local(self.dir.path().join("central")) };
        let central = in_time("central's start", serve(config)).await.expect("central starts");
        self.address = central.url().trim_start_matches("http://").parse().unwrap();
        self.central = Some(central);
    }

    pub async fn stop_central(&mut self) {
        in_time("central's end", self.central.take().unwrap().shutdown()).await.unwrap();
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn code(&self, operator: &str) -> String {
        self.central.as_ref().unwrap().enrol_code(operator, Role::Admin, Grants::everything()).unwrap()
    }

    /// A laptop that has joined.
    pub async fn laptop(&self, name: &str) -> Laptop {
        let laptop = Laptop { data: self.dir.path().join(name) };
        let code = self.code(name);
        let enrolled = laptop.json(&["enrol", "--central", &self.url(), "--code", &code, "--name", name]).await.ok();
        assert_eq!(enrolled["operator"], name);
        has_keys(&enrolled, &["device", "replica", "operator", "recovery_code"]);
        laptop
    }
}

pub struct Laptop {
    pub data: PathBuf,
}

impl Laptop {
    /// A command that answers as JSON.
    pub async fn json(&self, args: &[&str]) -> Out {
        finish(program(&self.data, &[args, &["--json"]].concat())).await
    }

    /// A command that answers in words.
    pub async fn words(&self, args: &[&str]) -> Out {
        finish(program(&self.data, args)).await
    }

    /// Exchanges everything.
    pub async fn sync(&self) -> Json {
        let status = self.json(&["sync", "--until-idle", "--timeout", "60"]).await.ok();
        assert_eq!((&status["queued"], &status["sending"]), (&0.into(), &0.into()), "{status}");
        assert_eq!(status["cursor"], status["head"], "{status}");
        status
    }

    /// Starts a command that stays.
    pub fn stay(&self, args: &[&str]) -> Process {
        Process::start(program(&self.data, &[args, &["--json"]].concat()), &self.data.with_extension("log"))
    }
}

/// A command that stays.
pub struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    log: PathBuf,
}

impl Process {
    pub fn start(mut command: Command, log: &Path) -> Process {
        command.stdout(Stdio::piped()).stderr(Stdio::from(File::create(log).unwrap()));
        let mut child = command.spawn().expect("the program starts");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Process { child, lines, log: log.to_owned() }
    }

    /// The next line.
    pub async fn line(&mut self) -> Json {
        match in_time("a line", self.lines.next_line()).await.unwrap() {
            Some(line) => serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}")),
            None => panic!("it ended: {}", std::fs::read_to_string(&self.log).unwrap_or_default()),
        }
    }

    /// The first line that fits.
    pub async fn until(&mut self, fits: impl Fn(&Json) -> bool) -> Json {
        loop {
            let line = self.line().await;
            if fits(&line) {
                return line;
            }
        }
    }

    /// Ends it as a system does, and waits for its exit code.
    pub async fn stop(mut self) -> i32 {
        let pid = rustix::process::Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        in_time("the end", self.child.wait()).await.unwrap().code().unwrap_or(-1)
    }
}
