//! The command line, as CLI.md has it.

mod args;
mod batch;
mod conflicts;
mod edit;
mod history;
mod later;
mod past;
mod queue;
mod read;
mod run;
mod sync;
mod text;
mod transfer;
mod ui;

pub use args::Cli;

use crate::laptop::{Laptop, Result, usage as wrong};
use crate::output;
use args::Command;
use omni_protocol::WireError;
use std::process::ExitCode;

const EXIT_FAILURE: u8 = 1;
const EXIT_USAGE: u8 = 2;

/// Wrong usage: what clap says, as JSON if that was asked for.
pub fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if std::env::args().any(|a| a == "--json") {
        let message = error.to_string();
        let first = message.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        output::error(&wrong(first));
    } else {
        let _ = error.print();
    }
    ExitCode::from(EXIT_USAGE)
}

/// Runs a command and turns its result into an exit code.
pub fn run(cli: Cli) -> ExitCode {
    let json = cli.json;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(async {
            let mut laptop = Laptop::new(cli.data, cli.keys);
            let result = dispatch(cli.command, &mut laptop, json).await;
            laptop.close().await;
            result
        }),
        Err(e) => Err(WireError::new("io", format!("The program's threads could not start: {e}."))),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            if json {
                output::error(&error);
            } else {
                eprintln!("{error}");
            }
            ExitCode::from(if error.code == "usage" { EXIT_USAGE } else { EXIT_FAILURE })
        }
    }
}

async fn dispatch(command: Command, laptop: &mut Laptop, json: bool) -> Result<u8> {
    match command {
        Command::Enrol(args) => sync::enrol(args, laptop, json).await,
        Command::Status => sync::status(laptop, json).await,
        Command::Sync(args) => sync::sync(args, laptop, json).await,
        Command::Verify(args) => sync::verify(args, laptop, json).await,
        Command::Collections => read::collections(laptop, json).await,
        Command::Commands => read::commands(laptop, json).await,
        Command::Count(args) => read::count(args, laptop, json).await,
        Command::List(args) => read::list(args, laptop, json).await,
        Command::Get(args) => read::get(args, laptop, json).await,
        Command::Set(args) => edit::set(args, laptop, json).await,
        Command::Create(args) => edit::create(args, laptop, json).await,
        Command::Delete(args) => edit::delete(args, laptop, json).await,
        Command::Do(args) => edit::run_command(args, laptop, json).await,
        Command::Batch(args) => batch::batch(args, laptop, json).await,
        Command::Queue(args) => queue::queue(args, laptop, json).await,
        Command::Conflicts(args) => conflicts::conflicts(args, laptop, json).await,
        Command::History(args) => history::history(args, laptop, json).await,
        Command::Run(args) => run::run(args, laptop, json).await,
        Command::Import(args) => transfer::import(args, laptop, json).await,
        Command::Export(args) => transfer::export(args, laptop, json).await,
        Command::Backup(args) => transfer::backup(&args.file, laptop, json).await,
        Command::Restore(args) => transfer::restore(&args.file, laptop, json).await,
        Command::Diagnostics(args) => transfer::diagnostics(&args.file, laptop, json).await,
        Command::Ui(args) => ui::ui(args, laptop, json).await,
        Command::Text(args) => text::text(args, laptop, json).await,
        Command::Rollback(args) => past::rollback(args, laptop, json).await,
        Command::Undo(args) => past::undo(args, laptop, json).await,
        Command::Redo => past::redo(laptop, json).await,
        Command::AsOf(args) => past::as_of(args, laptop, json).await,
        Command::Node(_) => later::not_available("node"),
        Command::Bench(_) => later::bench(),
    }
}
