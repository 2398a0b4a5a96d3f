//! This machine's own files and services.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use roundtrip_wire::{Environment, LocalFuture, OsAnswer, Text};
use rustix::net::{AddressFamily, SocketType, netdevice, socket};

use crate::file::{text, write};
use crate::{nscd, resolved};

/// The machine this runs on.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    cache: Option<PathBuf>,
}

impl Machine {
    /// The machine, with a folder to keep things in between runs.
    pub fn new(cache: Option<PathBuf>) -> Self {
        Self { cache }
    }

    /// A key is ours, never a path from outside.
    fn kept(&self, key: &str) -> Option<PathBuf> {
        let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        (plain && !key.starts_with('.')).then(|| Some(self.cache.as_ref()?.join(key)))?
    }
}

impl Environment for Machine {
    fn hosts(&self) -> io::Result<Option<Text>> {
        text("/etc/hosts")
    }

    fn nsswitch(&self) -> io::Result<Option<Text>> {
        text("/etc/nsswitch.conf")
    }

    /// What a user's environment says stands above the file (resolv.conf(5)): as in libc, it is read
    /// as further lines of it.
    fn resolv_conf(&self) -> io::Result<Option<Text>> {
        let file = text("/etc/resolv.conf")?;
        Ok(file.map(|mut file| {
            for (variable, keyword) in [("LOCALDOMAIN", "search"), ("RES_OPTIONS", "options")] {
                let value = std::env::var(variable).unwrap_or_default();
                if !value.trim().is_empty() {
                    file.content.extend(["\n", keyword, " ", &value.replace('\n', " "), "\n"]);
                }
            }
            file
        }))
    }

    fn gai_conf(&self) -> io::Result<Option<Text>> {
        text("/etc/gai.conf")
    }

    fn interface_index(&self, name: &str) -> Option<u32> {
        // Asked of the kernel, not of /sys: that shows the network namespace it was mounted in.
        let socket = socket(AddressFamily::INET, SocketType::DGRAM, None).ok()?;
        netdevice::name_to_index(&socket, name).ok()
    }

    fn os_cache(&self) -> Option<Text> {
        let path = nscd::socket()?;
        Some(Text { path: path.to_owned(), content: "nscd".into() })
    }

    fn ask_os_cache<'a>(&'a self, name: &'a str) -> LocalFuture<'a, OsAnswer> {
        Box::pin(nscd::ask(name))
    }

    fn resolved(&self) -> Option<String> {
        resolved::socket().map(str::to_owned)
    }

    fn ask_resolved<'a>(&'a self, name: &'a str) -> LocalFuture<'a, OsAnswer> {
        Box::pin(resolved::ask(name))
    }

    fn load(&self, key: &str) -> Option<Vec<u8>> {
        fs::read(self.kept(key)?).ok()
    }

    fn store(&self, key: &str, bytes: &[u8]) {
        if let Some(path) = self.kept(key) {
            // That it cannot be kept harms nothing but the next run's speed.
            let _ = write(&path, bytes);
        }
    }

    /// The root servers' addresses as IANA publishes them (`named.root`).
    fn root_hints(&self) -> Vec<(String, IpAddr)> {
        const ROOTS: [(&str, [u8; 4]); 13] = [
            ("a", [198, 41, 0, 4]),
            ("b", [170, 247, 170, 2]),
            ("c", [192, 33, 4, 12]),
            ("d", [199, 7, 91, 13]),
            ("e", [192, 203, 230, 10]),
            ("f", [192, 5, 5, 241]),
            ("g", [192, 112, 36, 4]),
            ("h", [198, 97, 190, 53]),
            ("i", [192, 36, 148, 17]),
            ("j", [192, 58, 128, 30]),
            ("k", [193, 0, 14, 129]),
            ("l", [199, 7, 83, 42]),
            ("m", [202, 12, 27, 33]),
        ];
        ROOTS
            .iter()
            .map(|(letter, address)| (format!("{letter}.root-servers.net."), (*address).into()))
            .collect()
    }
}
