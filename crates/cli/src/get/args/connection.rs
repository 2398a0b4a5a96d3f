//! Options about connections: from where, to where, through what, and TLS.

use std::path::PathBuf;

use clap::Args;

/// The connection.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// Accepted for curl's sake: the kernel is not asked to probe connections
    #[arg(long)]
    pub(crate) no_keepalive: bool,
    /// Accepted for curl's sake: small pieces are always sent at once
    #[arg(long)]
    pub(crate) tcp_nodelay: bool,
    /// Send the first data with the SYN where the server has given a cookie for it (RFC 7413)
    #[arg(long)]
    pub(crate) tcp_fastopen: bool,
    /// Milliseconds before the next address is tried beside the one before it
    #[arg(long, value_name = "MS", default_value_t = 250)]
    pub(crate) happy_eyeballs_timeout_ms: u64,
    /// An HTTP proxy that is asked with HTTP/1.0
    #[arg(long = "proxy1.0", value_name = "HOST[:PORT]")]
    pub(crate) proxy10: Option<String>,
    /// A header field for the proxy alone
    #[arg(long, value_name = "FIELD")]
    pub(crate) proxy_header: Vec<String>,
    /// Leave the heads of a proxy's answer to CONNECT out
    #[arg(long)]
    pub(crate) suppress_connect_headers: bool,
    /// A SOCKS4 proxy; names are looked up here
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(crate) socks4: Option<String>,
    /// A SOCKS4 proxy that looks names up (4A)
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(crate) socks4a: Option<String>,
    /// A SOCKS5 proxy; names are looked up here
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(crate) socks5: Option<String>,
    /// A SOCKS5 proxy that looks names up
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(crate) socks5_hostname: Option<String>,
    /// Tell a SOCKS5 proxy name and password (RFC 1929), which is done anyway where there are some
    #[arg(long)]
    pub(crate) socks5_basic: bool,
    /// Leave by this network device, or from this address; if!DEVICE, host!ADDRESS
    #[arg(long, value_name = "DEVICE|ADDRESS")]
    pub(crate) interface: Option<String>,
    /// Come from this port, or the first free one of several
    #[arg(long, value_name = "PORT[-PORT]")]
    pub(crate) local_port: Option<String>,
    /// Connect to this Unix domain socket, whatever host is asked for
    #[arg(long, value_name = "PATH", overrides_with = "abstract_unix_socket")]
    pub(crate) unix_socket: Option<PathBuf>,
    /// The same, by its name in the abstract namespace
    #[arg(long, value_name = "NAME", overrides_with = "unix_socket")]
    pub(crate) abstract_unix_socket: Option<String>,
    /// A certificate of ours, with its chain (PEM)
    #[arg(short = 'E', long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,
    /// The key of --cert (PEM), where it stands in another file
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// TLS 1.2 or later, which is the default
    #[arg(short = '1', long, visible_aliases = ["tlsv1.0", "tlsv1.1", "tlsv1.2"])]
    pub(crate) tlsv1: bool,
    /// TLS 1.3
    #[arg(long = "tlsv1.3")]
    pub(crate) tlsv13: bool,
    /// The highest version of TLS
    #[arg(long, value_name = "VERSION")]
    pub(crate) tls_max: Option<String>,
}
