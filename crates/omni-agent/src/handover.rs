//! Commands given while another process owns the data folder reach it over a socket in that folder: one line of JSON
//! there, one line back. Only the folder's owner can enter it.

use crate::app::App;
use crate::error::{Result, internal, io_error};
use crate::folder::{Paths, remove_optional};
use omni_protocol::WireError;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

/// Largest command or answer, bytes.
const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The command itself arrives within this.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest path the system takes for a socket.
const SOCKET_PATH_MAX: usize = 100;

#[derive(Debug, Serialize, Deserialize)]
struct Request {
    command: String,
    args: Json,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Ok(Json),
    Error(WireError),
}

/// Takes commands as long as it lives.
#[derive(Debug)]
pub struct Listener {
    task: JoinHandle<()>,
    path: PathBuf,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
        // The next owner replaces it anyway.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A socket path the system takes: a deep folder is named through an open handle of itself.
struct Reach {
    path: PathBuf,
    _folder: Option<std::fs::File>,
}

fn reach(root: &Path) -> io::Result<Reach> {
    let path = Paths { root: root.to_owned() }.socket();
    if path.as_os_str().len() <= SOCKET_PATH_MAX {
        return Ok(Reach { path, _folder: None });
    }
    use std::os::fd::AsRawFd;
    let folder = std::fs::File::open(root)?;
    let name = path.file_name().unwrap_or_default().to_owned();
    Ok(Reach { path: PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name), _folder: Some(folder) })
}

impl Listener {
    /// Starts taking commands for the app that owns the folder.
    pub fn start(paths: &Paths, app: App) -> Result<Listener> {
        let path = paths.socket();
        remove_optional(&path)?;
        let fail = |e: io::Error| io_error(&path, &e);
        let reach = reach(&paths.root).map_err(fail)?;
        let listener = UnixListener::bind(&reach.path).map_err(fail)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(fail)?;
        // The app would live as long as its own listener otherwise.
        let weak = app.downgrade();
        drop(app);
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let Some(app) = weak.upgrade() else { return };
                tokio::spawn(async move {
                    if let Err(e) = serve(stream, app).await {
                        tracing::debug!("a command over the socket: {e}");
                    }
                });
            }
        });
        Ok(Listener { task, path })
    }
}

async fn serve(stream: UnixStream, app: App) -> io::Result<()> {
    let (from, mut to) = stream.into_split();
    let mut line = String::new();
    let mut from = BufReader::new(from.take(LINE_BYTES_MAX));
    tokio::time::timeout(COMMAND_TIMEOUT, from.read_line(&mut line)).await.map_err(|_| io::ErrorKind::TimedOut)??;
    let running = async {
        match serde_json::from_str::<Request>(&line) {
            Ok(request) => match app.control(&request.command, request.args).await {
                Ok(json) => Reply::Ok(json),
                Err(e) => Reply::Error(e),
            },
            Err(e) => Reply::Error(WireError::new("bad_arguments", format!("Not a command: {e}"))),
        }
    };
    // Whoever goes away does not want the answer: what only waits is given up.
    let mut rest = [0u8; 1];
    let reply = tokio::select! {
        reply = running => reply,
        _ = from.read(&mut rest) => return Ok(()),
    };
    let mut bytes = serde_json::to_vec(&reply)?;
    bytes.push(b'\n');
    to.write_all(&bytes).await
}

/// Passes a command to the process that owns the folder. `None` = nobody does.
///
/// Errors: the command's own; `busy` if the owner went away meanwhile.
pub async fn call(data_dir: &Path, command: &str, args: &Json) -> Result<Option<Json>> {
    let Ok(reach) = reach(data_dir) else { return Ok(None) };
    let Ok(stream) = UnixStream::connect(&reach.path).await else { return Ok(None) };
    let gone =
        |e: io::Error| WireError::retryable("busy", format!("The app that owns this data folder went away: {e}."));
    let (from, mut to) = stream.into_split();
    let request = Request { command: command.to_owned(), args: args.clone() };
    let mut bytes = serde_json::to_vec(&request).map_err(|e| internal("Passing a command", e))?;
    bytes.push(b'\n');
    to.write_all(&bytes).await.map_err(gone)?;
    let mut line = String::new();
    BufReader::new(from.take(LINE_BYTES_MAX)).read_line(&mut line).await.map_err(gone)?;
    if line.is_empty() {
        return Err(gone(io::ErrorKind::UnexpectedEof.into()));
    }
    match serde_json::from_str(&line).map_err(|e| internal("Reading the answer of the app", e))? {
        Reply::Ok(json) => Ok(Some(json)),
        Reply::Error(e) => Err(e),
    }
}
