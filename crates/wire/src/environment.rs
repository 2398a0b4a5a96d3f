//! What a host knows besides the network.

use core::future::Future;
use core::pin::Pin;
use std::io;
use std::net::IpAddr;

/// A future of the host's own thread.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A file of configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Where it is kept: `/etc/hosts`.
    pub path: String,
    /// What it holds.
    pub content: String,
}

/// What a service of the operating system answered to a question for a host's addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OsAnswer {
    /// The service is not there.
    Absent,
    /// It does not know, and others may.
    Miss,
    /// Addresses.
    Found {
        /// They, in the order given.
        addresses: Vec<IpAddr>,
        /// The canonical name, where it differs.
        canonical: Option<String>,
        /// Seconds they may be kept, where told.
        ttl: Option<u32>,
        /// Where the service had it from, where it says so: `cache`, `zone`, `network`, `synthetic`.
        origin: Option<String>,
    },
    /// The name does not exist.
    NotFound,
    /// The name exists, without an address of the family wanted.
    NoData,
    /// The service failed.
    Failed(String),
}

/// A host's surroundings. On the live wire the machine's own, in the lab a simulated host's.
pub trait Environment {
    /// The hosts file; `None` where there is none.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn hosts(&self) -> io::Result<Option<Text>>;

    /// `nsswitch.conf`.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn nsswitch(&self) -> io::Result<Option<Text>>;

    /// `resolv.conf`.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn resolv_conf(&self) -> io::Result<Option<Text>>;

    /// `gai.conf`: which addresses are tried first (gai.conf(5)).
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn gai_conf(&self) -> io::Result<Option<Text>> {
        Ok(None)
    }

    /// The index of a network interface by its name; `None` where there is none of that name.
    fn interface_index(&self, name: &str) -> Option<u32> {
        let _ = name;
        None
    }

    /// The operating system's cache that answers before any source of nsswitch.conf: its name
    /// (`nscd`, `lab`) and path; `None` where there is none.
    fn os_cache(&self) -> Option<Text>;

    /// Asks that cache.
    fn ask_os_cache<'a>(&'a self, name: &'a str) -> LocalFuture<'a, OsAnswer>;

    /// systemd-resolved's socket, where it is there.
    fn resolved(&self) -> Option<String>;

    /// Asks systemd-resolved.
    fn ask_resolved<'a>(&'a self, name: &'a str) -> LocalFuture<'a, OsAnswer>;

    /// What was kept under `key` by [`Environment::store`], in an earlier run too.
    fn load(&self, key: &str) -> Option<Vec<u8>>;

    /// Keeps bytes between runs. That it cannot (a full disk, no home) harms nothing but speed.
    fn store(&self, key: &str, bytes: &[u8]);

    /// The root name servers to walk from: name and address.
    fn root_hints(&self) -> Vec<(String, IpAddr)>;
}
