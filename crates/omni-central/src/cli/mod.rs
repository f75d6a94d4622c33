//! The command line, as CLI.md has it.

mod admin;
mod serve;

use clap::{Args, Parser, Subcommand};
use omni_central::{CentralError, Result};
use serde_json::{Value as Json, json};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

const EXIT_FAILURE: u8 = 1;
const EXIT_USAGE: u8 = 2;

/// The service that orders everybody's changes.
#[derive(Debug, Parser)]
#[command(name = "omni-central", version)]
pub struct Cli {
    /// One JSON object on stdout (lines where the command prints lines), errors as JSON too.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Data {
    /// The data folder.
    #[arg(long)]
    data: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs central until SIGTERM.
    Serve(serve::ServeArgs),
    /// Makes a code that enrols one device; good once, for 24 hours.
    EnrolCode(admin::EnrolCodeArgs),
    /// Where central stands.
    Status(Data),
    /// Every enrolled device.
    Devices(Data),
    /// Ends a device's access, by id or name.
    Revoke {
        #[command(flatten)]
        data: Data,
        /// The device.
        device: String,
    },
    /// Copies central's state to a file and verifies the copy; works while central runs.
    Backup {
        #[command(flatten)]
        data: Data,
        /// The file to make.
        file: PathBuf,
    },
    /// Puts a backup in place and opens a new epoch; refused while central runs.
    Restore {
        #[command(flatten)]
        data: Data,
        /// The backup.
        file: PathBuf,
    },
    /// How far the recovery is; with --end, commits what was brought, whoever is missing. With --begin, a laptop that is ahead
    /// of central is believed again, though nothing came of it before.
    Recover {
        #[command(flatten)]
        data: Data,
        /// Do not wait for those who have not reported.
        #[arg(long)]
        end: bool,
        /// Believe every laptop's word once more.
        #[arg(long, conflicts_with = "end")]
        begin: bool,
    },
    /// Recomputes digests, the chain of commits and signatures; exits 1 on any difference.
    Verify(Data),
}

/// Wrong usage: what clap says, as JSON if that was asked for.
pub fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if std::env::args().any(|a| a == "--json") {
        let message = error.to_string();
        let first = message.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        print_error(&CentralError::new("usage", first));
    } else {
        let _ = error.print();
    }
    ExitCode::from(EXIT_USAGE)
}

/// Runs a command and turns its result into an exit code.
pub fn run(cli: Cli) -> ExitCode {
    start_log();
    let json = cli.json;
    let result = match cli.command {
        Command::Serve(args) => serve::serve(args),
        Command::EnrolCode(args) => admin::enrol_code(args, json),
        Command::Status(d) => admin::status(&d.data, json),
        Command::Devices(d) => admin::devices(&d.data, json),
        Command::Revoke { data, device } => admin::revoke(&data.data, &device, json),
        Command::Backup { data, file } => admin::backup(&data.data, &file, json),
        Command::Restore { data, file } => admin::restore(&data.data, &file, json),
        Command::Recover { data, end, begin } => admin::recover(&data.data, end, begin, json),
        Command::Verify(d) => admin::verify(&d.data, json),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            if json {
                print_error(&error);
            } else {
                eprintln!("{error} [{}]", error.code);
            }
            ExitCode::from(if error.code == "usage" { EXIT_USAGE } else { EXIT_FAILURE })
        }
    }
}

fn print_error(e: &CentralError) {
    print_json(&json!({"error": {"code": e.code, "message": e.message, "retryable": e.retryable}}));
}

/// One object on one line. A closed pipe is not our failure.
fn print_json(value: &Json) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{value}");
    let _ = out.flush();
}

/// A result for people or for scripts.
fn show(json: bool, value: &Json, text: impl FnOnce() -> String) -> Result<u8> {
    if json {
        print_json(value);
    } else {
        println!("{}", text());
    }
    Ok(0)
}

fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("OMNI_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
