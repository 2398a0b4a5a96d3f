//! Options about who asks: names, passwords, tokens, and how they are told.

use std::path::PathBuf;

use clap::Args;

/// Who asks, and how that is told.
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// Tell name and password as they are (RFC 7617), which is the default
    #[arg(long)]
    pub(crate) basic: bool,
    /// Prove the password without telling it (RFC 7616)
    #[arg(long)]
    pub(crate) digest: bool,
    /// Ask first, then take the safest way that the server offers
    #[arg(long)]
    pub(crate) anyauth: bool,
    /// A token (RFC 6750)
    #[arg(long, value_name = "TOKEN")]
    pub(crate) oauth2_bearer: Option<String>,
    /// Take names and passwords from ~/.netrc
    #[arg(short = 'n', long)]
    pub(crate) netrc: bool,
    /// The same, but for what is given otherwise
    #[arg(long)]
    pub(crate) netrc_optional: bool,
    /// The same from another file
    #[arg(long, value_name = "FILE")]
    pub(crate) netrc_file: Option<PathBuf>,
    /// --basic for the proxy
    #[arg(long)]
    pub(crate) proxy_basic: bool,
    /// --digest for the proxy
    #[arg(long)]
    pub(crate) proxy_digest: bool,
    /// --anyauth for the proxy
    #[arg(long)]
    pub(crate) proxy_anyauth: bool,
    /// Refuse a URL with a user name in it
    #[arg(long)]
    pub(crate) disallow_username_in_url: bool,
}
