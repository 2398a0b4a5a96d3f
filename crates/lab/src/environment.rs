//! The files and caches of a simulated host.

use core::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;

use roundtrip_host::KnownServers;
use roundtrip_wire::{Environment, LocalFuture, OsAnswer, Text};
use serde::{Deserialize, Serialize};

/// The files and caches of a simulated host. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct HostEnvironment(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    hosts: Option<String>,
    nsswitch: Option<String>,
    resolv_conf: Option<String>,
    root_hints: Vec<(String, IpAddr)>,
    caches: Caches,
}

/// The caches that a simulated host keeps from one visit to the next (`--warm`); empty in a new
/// lab.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caches {
    /// The operating system's cache of names.
    pub names: BTreeMap<String, Vec<IpAddr>>,
    /// The data that programs keep under a key ([`Environment::store`]).
    pub kept: BTreeMap<String, Vec<u8>>,
    /// What the host's TCP knows of servers that give Fast Open cookies.
    #[serde(default, skip)]
    pub fast_open: KnownServers,
}

impl HostEnvironment {
    /// Sets the content of the hosts file.
    pub fn set_hosts(&self, content: impl Into<String>) {
        self.0.borrow_mut().hosts = Some(content.into());
    }

    /// Sets the content of `nsswitch.conf`.
    pub fn set_nsswitch(&self, content: impl Into<String>) {
        self.0.borrow_mut().nsswitch = Some(content.into());
    }

    /// Sets the content of `resolv.conf`.
    pub fn set_resolv_conf(&self, content: impl Into<String>) {
        self.0.borrow_mut().resolv_conf = Some(content.into());
    }

    /// Sets the names and addresses of the root servers.
    pub fn set_root_hints(&self, hints: Vec<(String, IpAddr)>) {
        self.0.borrow_mut().root_hints = hints;
    }

    /// Adds a name to the operating system's cache.
    pub fn cache_name(&self, name: &str, addresses: Vec<IpAddr>) {
        self.0.borrow_mut().caches.names.insert(canonical(name), addresses);
    }

    /// A copy of the caches, to be kept for a later visit.
    pub fn caches(&self) -> Caches {
        self.0.borrow().caches.clone()
    }

    /// Sets the caches to those that an earlier visit left.
    pub fn set_caches(&self, caches: Caches) {
        self.0.borrow_mut().caches = caches;
    }

    fn file(&self, path: &str, content: impl FnOnce(&State) -> &Option<String>) -> Option<Text> {
        let content = content(&self.0.borrow()).clone();
        content.map(|content| Text { path: path.into(), content })
    }
}

/// A name in lower case and without the dot at the end.
fn canonical(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

impl Environment for HostEnvironment {
    fn hosts(&self) -> io::Result<Option<Text>> {
        Ok(self.file("/etc/hosts", |state| &state.hosts))
    }

    fn nsswitch(&self) -> io::Result<Option<Text>> {
        Ok(self.file("/etc/nsswitch.conf", |state| &state.nsswitch))
    }

    fn resolv_conf(&self) -> io::Result<Option<Text>> {
        Ok(self.file("/etc/resolv.conf", |state| &state.resolv_conf))
    }

    fn os_cache(&self) -> Option<Text> {
        let names = self.0.borrow().caches.names.len();
        Some(Text { path: "lab".into(), content: format!("{names} names") })
    }

    fn ask_os_cache<'a>(&'a self, name: &'a str) -> LocalFuture<'a, OsAnswer> {
        let found = self.0.borrow().caches.names.get(&canonical(name)).cloned();
        let answer = found.map_or(OsAnswer::Miss, |addresses| OsAnswer::Found {
            addresses,
            canonical: None,
            ttl: None,
            origin: Some("cache".into()),
        });
        Box::pin(core::future::ready(answer))
    }

    fn resolved(&self) -> Option<String> {
        None
    }

    fn ask_resolved<'a>(&'a self, _: &'a str) -> LocalFuture<'a, OsAnswer> {
        Box::pin(core::future::ready(OsAnswer::Absent))
    }

    fn load(&self, key: &str) -> Option<Vec<u8>> {
        self.0.borrow().caches.kept.get(key).cloned()
    }

    fn store(&self, key: &str, bytes: &[u8]) {
        self.0.borrow_mut().caches.kept.insert(key.into(), bytes.to_vec());
    }

    fn root_hints(&self) -> Vec<(String, IpAddr)> {
        self.0.borrow().root_hints.clone()
    }
}
