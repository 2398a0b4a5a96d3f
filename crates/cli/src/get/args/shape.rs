//! Options about the shape of requests.

use clap::Args;

/// The shape of a request.
#[derive(Debug, Args)]
pub(crate) struct Shape {
    /// Send this in place of the URL's path
    #[arg(long, value_name = "TARGET")]
    pub(crate) request_target: Option<String>,
    /// Leave /./ and /../ in the URL as they are
    #[arg(long)]
    pub(crate) path_as_is: bool,
    /// Add this to the URL's query, percent-encoded as --data-urlencode does; +DATA as it is
    #[arg(long, value_name = "DATA")]
    pub(crate) url_query: Vec<String>,
    /// Seconds to wait for leave to send a large body
    #[arg(long, value_name = "SECONDS")]
    pub(crate) expect100_timeout: Option<f64>,
    /// Pass a Content-Length over that may be wrong
    #[arg(long)]
    pub(crate) ignore_content_length: bool,
    /// Schemes that may be asked for: =http,https, -http, +all
    #[arg(long, value_name = "SCHEMES")]
    pub(crate) proto: Option<String>,
    /// The same for redirects
    #[arg(long, value_name = "SCHEMES")]
    pub(crate) proto_redir: Option<String>,
    /// The scheme of URLs without one
    #[arg(long, value_name = "SCHEME")]
    pub(crate) proto_default: Option<String>,
    /// Give a name a value for --expand-...: NAME=TEXT, NAME@FILE, %ENVIRONMENT
    #[arg(long, value_name = "NAME=TEXT")]
    pub(crate) variable: Vec<String>,
}
