//! The host's configuration of names.

use std::io;

use roundtrip_wire::{Environment, Text};

use crate::hosts::Hosts;
use crate::nsswitch::Nsswitch;
use crate::resolv::Resolv;

/// What the host's files say.
pub(crate) struct Config {
    /// The hosts file and its path; why it cannot be read.
    pub(crate) hosts: Result<Option<(String, Hosts)>, String>,
    pub(crate) nsswitch: Nsswitch,
    /// Files that are not followed, and why.
    pub(crate) unread: Vec<(&'static str, String)>,
    pub(crate) resolv: Resolv,
}

impl Config {
    /// Reads it. A file that cannot be read is as good as none, but for saying so.
    pub(crate) fn read(environment: &dyn Environment) -> Self {
        let hosts = environment.hosts().map_err(|why| why.to_string());
        let mut unread = Vec::new();
        let mut read = |file, text: io::Result<Option<Text>>| {
            let text = text.unwrap_or_else(|why| {
                unread.push((file, why.to_string()));
                None
            });
            text.map(|text| text.content).unwrap_or_default()
        };
        let nsswitch = read("nsswitch.conf", environment.nsswitch());
        let resolv = Resolv::parse(&read("resolv.conf", environment.resolv_conf()));
        let nsswitch = Nsswitch::parse(&nsswitch).unwrap_or_else(|why| {
            unread.push(("nsswitch.conf", why.to_string()));
            Nsswitch::default()
        });
        let hosts = hosts.map(|file| file.map(|file| (file.path, Hosts::parse(&file.content))));
        Self { hosts, nsswitch, unread, resolv }
    }
}
