//! Options about a trace of what goes over the wire.

use std::path::PathBuf;

use clap::Args;

/// The trace.
#[derive(Debug, Args)]
pub(crate) struct Trace {
    /// Write all that is sent and received to a file, as hexadecimal digits and text; - is standard
    /// output, % standard error. Bodies stand there as they are written, that is decoded
    #[arg(long, value_name = "FILE", overrides_with = "trace_ascii")]
    pub(crate) trace: Option<PathBuf>,
    /// The same as text alone
    #[arg(long, value_name = "FILE", overrides_with = "trace")]
    pub(crate) trace_ascii: Option<PathBuf>,
    /// In the trace, and in -v, tell when (UTC)
    #[arg(long)]
    pub(crate) trace_time: bool,
}
