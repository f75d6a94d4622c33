//! The domain commands.

use crate::command::Command;

/// Every command. Wire numbers are append-only.
pub static COMMANDS: &[Command] = &[];
