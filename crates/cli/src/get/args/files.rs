//! Options about the files that answers are written to, and about files that say what is wanted.

use std::path::PathBuf;

use clap::Args;

/// Files, and what becomes of them.
#[derive(Debug, Args)]
pub(crate) struct Files {
    /// Make the folders that -o names
    #[arg(long)]
    pub(crate) create_dirs: bool,
    /// The mode of files that are made, in octal digits
    #[arg(long, value_name = "MODE")]
    pub(crate) create_file_mode: Option<String>,
    /// The folder of all files that -o and -O name
    #[arg(long, value_name = "DIR")]
    pub(crate) output_dir: Option<PathBuf>,
    /// Leave a file that exists, and write to NAME.1, NAME.2, ...
    #[arg(long)]
    pub(crate) no_clobber: bool,
    /// Overwrite files, also with -J
    #[arg(long)]
    pub(crate) clobber: bool,
    /// Remove what was written when the transfer fails
    #[arg(long)]
    pub(crate) remove_on_error: bool,
    /// Give the file the time that the server says (Last-Modified)
    #[arg(short = 'R', long)]
    pub(crate) remote_time: bool,
    /// Ask only for what is newer than a date or a file; -DATE: older
    #[arg(short = 'z', long, value_name = "DATE|FILE")]
    pub(crate) time_cond: Option<String>,
    /// Know hosts from this file that want https, and keep them there
    #[arg(long, value_name = "FILE")]
    pub(crate) hsts: Option<PathBuf>,
    /// Know from this file where else hosts can be had (HTTP/1 and 2), and keep it there
    #[arg(long, value_name = "FILE")]
    pub(crate) alt_svc: Option<PathBuf>,
    /// Write the answer's ETag to a file
    #[arg(long, value_name = "FILE")]
    pub(crate) etag_save: Option<PathBuf>,
    /// Ask only for what has another ETag than the one in a file
    #[arg(long, value_name = "FILE")]
    pub(crate) etag_compare: Option<PathBuf>,
}
