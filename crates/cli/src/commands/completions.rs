//! `slipway completions`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;

/// Prints them.
pub(crate) fn run(shell: Shell) {
    clap_complete::generate(shell, &mut Cli::command(), "slipway", &mut std::io::stdout());
}
