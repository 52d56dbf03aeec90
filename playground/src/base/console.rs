//! Output to the terminal, and the exit code for wrong usage.

use std::io::Write as _;

/// The exit code when a command cannot run with the given options. clap uses the same one.
pub const EXIT_USAGE: u8 = 2;

/// Prints one line and flushes it. A closed pipe is not an error.
pub fn print_line(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

/// Prints to stderr why `command` failed.
pub fn print_error(command: &str, reason: &str) {
    let _ = writeln!(std::io::stderr(), "{command}: {reason}");
}
