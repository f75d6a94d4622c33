//! What the benchmarks share: a central and laptops in one process on a real disk, and honest percentiles.
//!
//! Each benchmark measures the product and its floor (the bare work the product cannot avoid) in the same run, and prints
//! the ratio. None of them passes or fails by a time.

use anyhow::{Context, Result, anyhow};
use omni_agent::keys::Passphrase;
use omni_agent::{App, AppConfig};
use omni_central::{Config, Role, Running, serve};
use omni_protocol::Grants;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const PASSPHRASE: &str = "correct horse battery";

/// A folder on the disk the benchmark is about: `OMNI_BENCH_DIR`, else the build folder's disk. Removed when dropped.
pub struct Place {
    folder: std::sync::Arc<tempfile::TempDir>,
    inside: PathBuf,
}

impl Place {
    /// Makes it and prints where it is and on which file system.
    pub fn new() -> Result<Place> {
        let base = std::env::var_os("OMNI_BENCH_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
        std::fs::create_dir_all(&base)?;
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(&base)?;
        println!("file system: {}", file_system(folder.path())?);
        Ok(Place { folder: folder.into(), inside: PathBuf::new() })
    }

    /// A folder of its own in it, for one of several rounds.
    pub fn within(&self, name: &str) -> Result<Place> {
        let place = Place { folder: self.folder.clone(), inside: self.inside.join(name) };
        std::fs::create_dir_all(place.path(""))?;
        Ok(place)
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(&self.inside).join(name)
    }
}

/// Type and mount point of the file system a path is on.
fn file_system(path: &Path) -> Result<String> {
    let path = path.canonicalize()?;
    let mounts = std::fs::read_to_string("/proc/self/mounts").context("reading the mounts")?;
    let of_line = |line: &str| {
        let mut words = line.split_whitespace();
        let (_, point, kind) = (words.next()?, words.next()?, words.next()?);
        path.starts_with(point).then(|| (point.len(), kind.to_owned(), point.to_owned()))
    };
    let (_, kind, point) =
        mounts.lines().filter_map(of_line).max().ok_or_else(|| anyhow!("no mount holds the path"))?;
    let warning =
        if kind == "tmpfs" { " — in memory: commits are not durable, these figures say nothing" } else { "" };
    Ok(format!("{kind} (mounted at {point}){warning}"))
}

/// A central in this process.
pub async fn central(place: &Place, sample: bool) -> Result<Running> {
    let config = Config { sample, ..Config::local(place.path("central")) };
    Ok(serve(config).await?)
}

/// A laptop in this process.
pub struct Laptop {
    /// Its app.
    pub app: App,
}

impl Laptop {
    /// An enrolled one, connected. Its first copy may still be on its way.
    pub async fn enrol(place: &Place, central: &Running, name: &str) -> Result<Laptop> {
        let config = AppConfig {
            data_dir: place.path(name),
            passphrase_mode: true,
            passphrase: Some(Passphrase::new(PASSPHRASE.to_owned())),
            version: "bench".to_owned(),
            connect: true,
        };
        let laptop = Laptop { app: App::start(config).await? };
        let code = central.enrol_code(name, Role::Admin, Grants::everything())?;
        let args = json!({ "central": central.url(), "code": code, "name": name, "passphrase": null });
        laptop.call("enrol.join", args).await?;
        Ok(laptop)
    }

    /// Any command.
    pub async fn call(&self, command: &str, args: Json) -> Result<Json> {
        Ok(self.app.control(command, args).await?)
    }

    /// Waits until the queue is empty and the copy at the head.
    pub async fn idle(&self) -> Result<Json> {
        self.call("sync.wait", json!({ "until_idle": true, "timeout_s": 600 })).await
    }
}

/// Durations in order.
#[derive(Clone, Debug)]
pub struct Sample(Vec<Duration>);

impl Sample {
    /// From durations in any order.
    pub fn new(mut all: Vec<Duration>) -> Sample {
        all.sort_unstable();
        Sample(all)
    }

    /// The nearest-rank percentile; zero without samples.
    pub fn percentile(&self, p: usize) -> Duration {
        let rank = (self.0.len() * p).div_ceil(100).max(1) - 1;
        self.0.get(rank).copied().unwrap_or_default()
    }

    /// `p50 … p99 … max …`, milliseconds.
    pub fn line(&self) -> String {
        let ms = |d: Duration| format!("{:.2}", d.as_secs_f64() * 1_000.0);
        let max = self.0.last().copied().unwrap_or_default();
        format!(
            "p50 {} ms, p99 {} ms, max {} ms (n = {})",
            ms(self.percentile(50)),
            ms(self.percentile(99)),
            ms(max),
            self.0.len()
        )
    }
}

/// One duration over another.
pub fn ratio(product: Duration, floor: Duration) -> f64 {
    product.as_secs_f64() / floor.as_secs_f64().max(1e-9)
}

/// How long some work took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let result = work();
    (result, started.elapsed())
}

/// The key of bare files.
pub const BARE_KEY: [u8; 32] = [0x5a; 32];

/// A SQLCipher file opened the way the product opens its own: same cipher, same log, same durability.
pub fn bare_file(path: &Path, synchronous: &str) -> Result<rusqlite::Connection> {
    let conn = rusqlite::Connection::open(path)?;
    conn.execute_batch(&format!("PRAGMA key = \"x'{}'\"; {}", "5a".repeat(32), omni_store::FORM))?;
    conn.query_row("PRAGMA journal_mode = WAL", [], |r| r.get::<_, String>(0))?;
    conn.execute_batch(&format!(
        "PRAGMA synchronous = {synchronous}; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536;"
    ))?;
    Ok(conn)
}
