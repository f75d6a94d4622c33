//! `omnictl`: a laptop without a window. Same engine, same database as the desktop app; also serves its UI to a browser.

mod assign;
mod cli;
mod laptop;
mod output;
mod signal;
mod times;
mod ui;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::Cli::try_parse() {
        Ok(cli) => cli::run(cli),
        Err(e) => cli::usage(&e),
    }
}
