//! The process that lays out and paints: `roundtrip` itself, started by `roundtrip` with an
//! argument that stands in no `--help`.

use std::process::ExitCode;

use anyhow::Context as _;
use roundtrip_page::Program;

const ARGUMENT: &str = "paint-for-parent";

/// What starts it.
pub(crate) fn program() -> anyhow::Result<Program> {
    Program::this(ARGUMENT).context("cannot find this program's own file, which paints")
}

/// Whether this is it. Asked before the arguments are read: it starts with each visit, and soon.
pub(crate) fn is_asked_for() -> bool {
    let mut arguments = std::env::args_os().skip(1);
    arguments.next().is_some_and(|first| first == ARGUMENT) && arguments.next().is_none()
}

/// Takes the parent's orders until there are no more.
pub(crate) fn run() -> ExitCode {
    roundtrip_page::child::serve(None)
}
