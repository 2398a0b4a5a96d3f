//! The host's configuration of names.

use roundtrip_wire::{Environment, Text};

use crate::gai::AddressPolicy;
use crate::hosts::Hosts;
use crate::nsswitch::Nsswitch;
use crate::resolv::Resolv;

/// The host's files as they were when they were read; why one could not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Files {
    hosts: Result<Option<Text>, String>,
    nsswitch: Result<Option<Text>, String>,
    resolv_conf: Result<Option<Text>, String>,
    gai_conf: Result<Option<Text>, String>,
}

/// What the host's files say.
pub(crate) struct Config {
    files: Files,
    /// The hosts file and its path; why it cannot be read.
    pub(crate) hosts: Result<Option<(String, Hosts)>, String>,
    pub(crate) nsswitch: Nsswitch,
    /// Files that are not followed, and why.
    pub(crate) unread: Vec<(&'static str, String)>,
    pub(crate) resolv: Resolv,
    pub(crate) addresses: AddressPolicy,
}

impl Files {
    /// Reads them.
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
    /// Understands them. A file that cannot be read is as good as none, but for saying so.
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

    /// Whether it is what these files say.
    pub(crate) fn is_of(&self, files: &Files) -> bool {
        self.files == *files
    }
}
