//! `batch`: many edits from a file of JSON lines.

use crate::laptop::{Laptop, Result};
use crate::output::{counted, line, text};
use crate::times;
use clap::Args;
use omni_protocol::WireError;
use serde_json::{Value as Json, json};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Lines saved by one call; a group is one call whatever its size.
const LINES_AT_ONCE: usize = 1_000;
/// Largest file, bytes.
const FILE_BYTES_MAX: u64 = 48 * 1024 * 1024;

/// Flags of `batch`.
#[derive(Debug, Args)]
pub struct BatchArgs {
    /// The file; - reads from the standard input.
    file: PathBuf,
    /// One group: all of it or nothing, one undo.
    #[arg(long)]
    group: bool,
}

/// Runs it: a line out for each line in, in order. Exits 1 if any line was not saved.
pub async fn batch(args: BatchArgs, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let file = args.file.clone();
    let read = tokio::task::spawn_blocking(move || read(&file)).await;
    let lines = parse(&read.map_err(|e| WireError::new("io", format!("Reading the file: {e}")))??)?;
    let size = if args.group { lines.len().max(1) } else { LINES_AT_ONCE };
    let (mut saved, mut failed) = (0u64, 0u64);
    for part in lines.chunks(size) {
        let reply = laptop.call("batch", json!({"lines": part, "group": args.group})).await?;
        for done in reply["done"].as_array().into_iter().flatten() {
            let bad = !done["error"].is_null();
            (saved, failed) = if bad { (saved, failed + 1) } else { (saved + 1, failed) };
            let told = match (json, bad) {
                (true, _) => line(done),
                (false, true) => text(&format!("line {}: {}", saved + failed, message(&done["error"]))),
                (false, false) => Ok(()),
            };
            if told.is_err() {
                return Ok(u8::from(failed > 0));
            }
        }
    }
    if !json {
        let _ = text(&format!("{} saved, {failed} not.", counted(saved, "edit", "edits")));
    }
    Ok(u8::from(failed > 0))
}

fn message(error: &Json) -> String {
    error["message"].as_str().map_or_else(|| error.to_string(), str::to_owned)
}

fn read(path: &Path) -> Result<String> {
    let fail = |e: std::io::Error| WireError::new("io", format!("{}: {e}", path.display()));
    let mut out = String::new();
    let source: Box<dyn Read> = match path.as_os_str() == "-" {
        true => Box::new(std::io::stdin().lock()),
        false => Box::new(std::fs::File::open(path).map_err(fail)?),
    };
    let read = source.take(FILE_BYTES_MAX + 1).read_to_string(&mut out).map_err(fail)?;
    if read as u64 > FILE_BYTES_MAX {
        let message = format!("{}: larger than {FILE_BYTES_MAX} bytes. Split it.", path.display());
        return Err(WireError::new("too_large", message));
    }
    Ok(out)
}

/// The lines as objects; empty ones are skipped. Nothing is saved if one cannot be read.
fn parse(content: &str) -> Result<Vec<Json>> {
    let filled = content.lines().enumerate().filter(|(_, l)| !l.trim().is_empty());
    let parsed = filled.map(|(number, l)| match serde_json::from_str::<Json>(l) {
        Ok(Json::Object(mut edit)) => {
            let collection = edit.get("collection").and_then(Json::as_str).unwrap_or_default().to_owned();
            if let Some(fields) = edit.get_mut("fields").and_then(Json::as_object_mut) {
                times::read(&collection, fields);
            }
            Ok(Json::Object(edit))
        }
        Ok(_) => Err(bad(number, "an object is expected")),
        Err(e) => Err(bad(number, &e.to_string())),
    });
    parsed.collect()
}

fn bad(number: usize, why: &str) -> WireError {
    WireError::new("bad_arguments", format!("Line {}: {why}. Nothing was saved.", number + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_an_object_or_nothing_is_read() {
        let lines = parse("{\"op\":\"delete\"}\n\n  \n{\"op\":\"do\"}\n").unwrap();
        assert_eq!(lines, [json!({"op": "delete"}), json!({"op": "do"})]);
        for (content, line) in [("{}\n[1]", "Line 2"), ("nonsense", "Line 1"), ("{}\n\n{", "Line 3")] {
            let e = parse(content).unwrap_err();
            assert_eq!(e.code, "bad_arguments");
            assert!(e.message.starts_with(line), "{}", e.message);
        }
    }
}
