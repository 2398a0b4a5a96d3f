//! Options about what TLS offers, and whom it takes.

use std::path::PathBuf;

use clap::Args;

/// TLS.
#[derive(Debug, Args)]
pub(crate) struct Secure {
    /// The suites of TLS 1.2 to offer, as OpenSSL names them
    #[arg(long, value_name = "LIST")]
    pub(crate) ciphers: Option<String>,
    /// The suites of TLS 1.3 to offer
    #[arg(long, value_name = "LIST")]
    pub(crate) tls13_ciphers: Option<String>,
    /// The groups for the key exchange, the best first: X25519:P-256:P-384
    #[arg(long, value_name = "LIST")]
    pub(crate) curves: Option<String>,
    /// Take a server only if its key has one of these hashes, sha256//BASE64;…, or is the one in a file
    #[arg(long, value_name = "HASHES|FILE")]
    pub(crate) pinnedpubkey: Option<String>,
    /// For the TLS of a proxy: a certificate of ours, with its chain (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) proxy_cert: Option<PathBuf>,
    /// For the TLS of a proxy: the key of --proxy-cert (PEM), where it stands in another file
    #[arg(long, value_name = "FILE")]
    pub(crate) proxy_key: Option<PathBuf>,
    /// For the TLS of a proxy: the suites of TLS 1.2 to offer
    #[arg(long, value_name = "LIST")]
    pub(crate) proxy_ciphers: Option<String>,
    /// For the TLS of a proxy: the suites of TLS 1.3 to offer
    #[arg(long, value_name = "LIST")]
    pub(crate) proxy_tls13_ciphers: Option<String>,
    /// For the TLS of a proxy: as --pinnedpubkey
    #[arg(long, value_name = "HASHES|FILE")]
    pub(crate) proxy_pinnedpubkey: Option<String>,
    /// For the TLS of a proxy: 1.2 or later, which is the default
    #[arg(long)]
    pub(crate) proxy_tlsv1: bool,
}
