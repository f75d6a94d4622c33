//! The one command of the page.

use crate::engine::RpcError;
use crate::paint;
use crate::shell::Shell;
use serde::Deserialize;
use serde_json::{Value, json};
use std::io;
use tauri::{AppHandle, State};

/// Longest command name.
const MAX_COMMAND_BYTES: usize = 64;
/// Largest arguments of one call, as JSON.
const MAX_ARGS_BYTES: usize = 1024 * 1024;
/// Reported by the UI after its first frame; the shell answers it even where the engine did not start.
const PAINTED: &str = "app.painted";

/// One call of the UI.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RpcRequest {
    command: String,
    #[serde(default = "no_args")]
    args: Value,
}

fn no_args() -> Value {
    json!({})
}

/// Passes one call to the engine.
///
/// Errors: `too_large`, why the engine did not start, and whatever its handler answers.
#[tauri::command]
pub async fn rpc(handle: AppHandle, shell: State<'_, Shell>, request: RpcRequest) -> Result<Value, RpcError> {
    check_size(&request)?;
    if request.command == PAINTED {
        paint::on_painted(&handle, &shell.painted);
        return Ok(json!({}));
    }
    shell.engine().await?.rpc(&request.command, request.args).await
}

fn check_size(request: &RpcRequest) -> Result<(), RpcError> {
    if request.command.len() > MAX_COMMAND_BYTES {
        return Err(RpcError::new("too_large", "The command's name is too long."));
    }
    if serde_json::to_writer(Limit(MAX_ARGS_BYTES), &request.args).is_err() {
        return Err(RpcError::new(
            "too_large",
            "This is more than one call may carry (1 MiB). Do it in smaller parts.",
        ));
    }
    Ok(())
}

/// Counts bytes and fails past the limit.
struct Limit(usize);

impl io::Write for Limit {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_default_to_an_empty_object() {
        let request: RpcRequest = serde_json::from_value(json!({"command": "status"})).expect("valid");
        assert_eq!(request.args, json!({}));
    }

    #[test]
    fn unknown_fields_are_refused() {
        assert!(serde_json::from_value::<RpcRequest>(json!({"command": "status", "sql": "x"})).is_err());
    }

    #[test]
    fn sizes_are_limited_exactly() {
        let of = |length: usize| RpcRequest { command: "set".into(), args: Value::String("x".repeat(length)) };
        assert!(check_size(&of(MAX_ARGS_BYTES - 2)).is_ok());
        assert_eq!(check_size(&of(MAX_ARGS_BYTES - 1)).map_err(|e| e.code), Err("too_large".to_owned()));
        let long = RpcRequest { command: "c".repeat(MAX_COMMAND_BYTES + 1), args: no_args() };
        assert_eq!(check_size(&long).map_err(|e| e.code), Err("too_large".to_owned()));
    }
}
