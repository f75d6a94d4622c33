//! `omni.toml`, watched: what the operator changes by hand takes effect without a restart.

use crate::error::{Result, internal};
use crate::folder::{Paths, read_optional};
use notify::{PollWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer_opt};
use omni_protocol::WireError;
use omni_protocol::rpc::UiEvent;
use serde::Deserialize;
use serde_json::Value as Json;
use std::path::Path;
use std::time::Duration;
use tokio::sync::broadcast;

/// Several writes of one save count once.
const QUIET: Duration = Duration::from_millis(500);
/// Between two looks at the folder.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Largest configuration file, bytes.
const CONFIG_BYTES_MAX: usize = 64 * 1024;

/// What `omni.toml` may say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LocalConfig {
    /// What is logged: a `tracing` filter.
    pub log: Option<String>,
}

/// Reads it. Errors: `bad_config`, with the line.
pub fn load(paths: &Paths) -> Result<LocalConfig> {
    let bad = |e: String| WireError::new("bad_config", format!("omni.toml cannot be used: {e}"));
    let Some(bytes) = read_optional(&paths.config())? else { return Ok(LocalConfig::default()) };
    if bytes.len() > CONFIG_BYTES_MAX {
        return Err(bad(format!("it is larger than {CONFIG_BYTES_MAX} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|e| bad(e.to_string()))?;
    toml::from_str(&text).map_err(|e| bad(e.to_string()))
}

/// Watches as long as it lives.
pub struct Watcher {
    _debouncer: Debouncer<PollWatcher, RecommendedCache>,
}

impl Watcher {
    /// Starts watching the folder for `omni.toml`. It looks now and then: to be told of what happens in the folder would
    /// wake this process for every page the replica beside it writes.
    pub fn start(paths: &Paths, ui: broadcast::Sender<Json>) -> Result<Watcher> {
        let watched = paths.clone();
        let fail = |e: notify::Error| internal("Watching the data folder", e);
        let handler = move |found: DebounceEventResult| changed(&watched, &ui, found);
        let often = notify::Config::default().with_poll_interval(LOOK_EVERY);
        let mut debouncer =
            new_debouncer_opt::<_, PollWatcher, _>(QUIET, None, handler, RecommendedCache::new(), often)
                .map_err(fail)?;
        debouncer.watch(&paths.root, RecursiveMode::NonRecursive).map_err(fail)?;
        Ok(Watcher { _debouncer: debouncer })
    }
}

fn changed(paths: &Paths, ui: &broadcast::Sender<Json>, found: DebounceEventResult) {
    let Ok(events) = found else { return };
    let config = paths.config();
    let writes = events.iter().filter(|e| !e.event.kind.is_access());
    if writes.flat_map(|e| e.event.paths.iter()).any(|p: &std::path::PathBuf| p.as_path() == Path::new(&config)) {
        let (code, message) = match load(paths) {
            Ok(config) => {
                crate::logs::apply(&config);
                ("config", "omni.toml was read again.".to_owned())
            }
            Err(e) => ("bad_config", e.message),
        };
        let notice = UiEvent::Notice { code: code.into(), message };
        if let Ok(json) = serde_json::to_value(notice) {
            let _ = ui.send(json);
        }
    }
}
