//! `Config`: the host's configuration of name resolution.

use roundtrip_wire::{Environment, Text};

use crate::gai::AddressPolicy;
use crate::hosts::Hosts;
use crate::nsswitch::Nsswitch;
use crate::resolv::Resolv;

/// The contents of the host's files when they were read, or why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Files {
    hosts: Result<Option<Text>, String>,
    nsswitch: Result<Option<Text>, String>,
    resolv_conf: Result<Option<Text>, String>,
    gai_conf: Result<Option<Text>, String>,
}

/// The host's configuration: its files, parsed.
pub(crate) struct Config {
    files: Files,
    /// The hosts file and its path, or why it cannot be read.
    pub(crate) hosts: Result<Option<(String, Hosts)>, String>,
    pub(crate) nsswitch: Nsswitch,
    /// Files that are ignored, and why.
    pub(crate) unread: Vec<(&'static str, String)>,
    pub(crate) resolv: Resolv,
    pub(crate) addresses: AddressPolicy,
}

impl Files {
    /// Reads the files.
    pub(crate) fn read(environment: &dyn Environment) -> Self {
        let words = |why: std::io::Error| why.to_string();
        Self {
            hosts: environment.hosts().map_err(words),
            nsswitch: environment.nsswitch().map_err(words),
            resolv_conf: environment.resolv_conf().map_err(words),
            gai_conf: environment.gai_conf().map_err(words),
        }
    }
}

impl Config {
    /// Parses the files. A file that cannot be read is treated as missing, and noted.
    pub(crate) fn of(files: Files, environment: &dyn Environment) -> Self {
        let mut unread = Vec::new();
        let mut content = |name, file: &Result<Option<Text>, String>| match file {
            Ok(text) => text.as_ref().map(|text| text.content.clone()).unwrap_or_default(),
            Err(why) => {
                unread.push((name, why.clone()));
                String::new()
            }
        };
        let nsswitch = content("nsswitch.conf", &files.nsswitch);
        let resolv = content("resolv.conf", &files.resolv_conf);
        let gai = content("gai.conf", &files.gai_conf);
        let nsswitch = Nsswitch::parse(&nsswitch).unwrap_or_else(|why| {
            unread.push(("nsswitch.conf", why.to_string()));
            Nsswitch::default()
        });
        let hosts = files.hosts.clone();
        Self {
            hosts: hosts.map(|file| file.map(|file| (file.path, Hosts::parse(&file.content)))),
            nsswitch,
            unread,
            resolv: Resolv::parse_with(&resolv, |name| environment.interface_index(name)),
            addresses: AddressPolicy::parse(&gai),
            files,
        }
    }

    /// Whether this configuration was made from these files.
    pub(crate) fn is_of(&self, files: &Files) -> bool {
        self.files == *files
    }
}
