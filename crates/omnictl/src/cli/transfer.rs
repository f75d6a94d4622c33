//! Files: `import`, `export`, `backup`, `restore`, `diagnostics`.

use crate::assign::{Pair, object};
use crate::laptop::{Keys, Laptop, Result, usage};
use crate::output::{cell, counted, show};
use clap::{Args, ValueEnum};
use omni_protocol::WireError;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

/// Bad rows shown to people; scripts get all.
const ERRORS_SHOWN: usize = 50;

/// Flags of `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The collection.
    collection: String,
    /// A CSV or JSON file.
    file: PathBuf,
    /// Says what would happen, and changes nothing.
    #[arg(long)]
    dry_run: bool,
    /// Fields whose columns have other names: f=column …
    #[arg(long, num_args = 1.., value_name = "f=column")]
    map: Vec<Pair>,
    /// Applies the good rows although others are bad.
    #[arg(long)]
    skip_bad: bool,
}

/// How an export is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Csv,
    Json,
}

/// Flags of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The collection.
    collection: String,
    /// The file to make.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// How it is written [default: as the file's name ends, else csv].
    #[arg(long, value_enum)]
    format: Option<Format>,
}

/// A file.
#[derive(Debug, Args)]
pub struct FileArgs {
    /// The file.
    pub file: PathBuf,
}

/// The path as another process sees it too.
fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|e| usage(format!("{}: {e}.", path.display())))
}

/// `import`. Exits 1 if bad rows kept it from being applied; a dry run answers as the real one would.
pub async fn import(args: ImportArgs, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let map = object(args.map).map_err(|e| usage(format!("--map: {e}.")))?;
    let ask = json!({
        "collection": args.collection,
        "path": absolute(&args.file)?,
        "dry_run": args.dry_run,
        "map": map,
        "skip_bad": args.skip_bad,
    });
    let report = laptop.call("import", ask).await?;
    let refused = !args.skip_bad && report["errors"].as_array().is_some_and(|e| !e.is_empty());
    show(json, &report, || import_text(&report, args.dry_run, refused))?;
    Ok(u8::from(refused))
}

fn import_text(report: &Json, dry_run: bool, refused: bool) -> String {
    let number = |name: &str| report[name].as_u64().unwrap_or(0);
    let verdict = match (dry_run, refused) {
        (true, true) => "Would not be imported: some rows are bad.",
        (true, false) => "Would be imported.",
        (false, true) => "Not imported: some rows are bad. Nothing was changed.",
        (false, false) => "Imported.",
    };
    let mut out = format!(
        "{verdict} {}: {} new, {} changed, {} as they were.",
        counted(number("rows"), "row", "rows"),
        number("created"),
        number("updated"),
        number("unchanged")
    );
    for note in report["notes"].as_array().into_iter().flatten() {
        out.push_str(&format!("\n{}", cell(note)));
    }
    let errors = report["errors"].as_array().cloned().unwrap_or_default();
    if !errors.is_empty() {
        let row = |e: &Json| format!("row {}, {}: {}", cell(&e["row"]), cell(&e["field"]), cell(&e["message"]));
        out.push('\n');
        errors.iter().take(ERRORS_SHOWN).for_each(|e| out.push_str(&format!("\n{}", row(e))));
        if errors.len() > ERRORS_SHOWN {
            out.push_str(&format!("\n… and {} more; --json shows all.", errors.len() - ERRORS_SHOWN));
        }
    }
    out
}

/// `export`.
pub async fn export(args: ExportArgs, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let format = args.format.map(|f| match f {
        Format::Csv => "csv",
        Format::Json => "json",
    });
    let path = absolute(&args.out)?;
    let reply = laptop.call("export", json!({"collection": args.collection, "path": path, "format": format})).await?;
    show(json, &reply, || {
        let rows = counted(reply["rows"].as_u64().unwrap_or(0), "record is", "records are");
        format!("{rows} in {}.", path.display())
    })
}

/// `backup`.
pub async fn backup(file: &Path, laptop: &mut Laptop, json: bool) -> Result<u8> {
    to_file("backup", file, laptop, json, "holds the copy and its queue. It opens with this laptop's keys only.").await
}

/// `diagnostics`.
pub async fn diagnostics(file: &Path, laptop: &mut Laptop, json: bool) -> Result<u8> {
    to_file("diagnostics", file, laptop, json, "holds figures and states; no record, no name, no secret.").await
}

async fn to_file(command: &str, file: &Path, laptop: &mut Laptop, json: bool, words: &str) -> Result<u8> {
    let path = absolute(file)?;
    let mut reply = laptop.call(command, json!({"path": path})).await?;
    if let Some(object) = reply.as_object_mut() {
        object.entry("file").or_insert_with(|| json!(path));
    }
    show(json, &reply, || format!("{} {words}", path.display()))
}

/// `restore`: needs the folder for itself.
pub async fn restore(file: &Path, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let passphrase = laptop.passphrase()?;
    if passphrase.is_none() && laptop.keys() == Keys::Passphrase {
        return Err(laptop.no_passphrase());
    }
    let path = absolute(file)?;
    if !path.is_file() {
        return Err(WireError::new("not_found", format!("{}: there is no such file.", path.display())));
    }
    let reply = omni_agent::restore(laptop.data(), &path, passphrase).await?;
    show(json, &reply, || {
        let rows = counted(reply["rows"].as_u64().unwrap_or(0), "record", "records");
        format!("Restored: {rows}. This laptop goes on under a new identity; the copy before is kept beside it.")
    })
}
