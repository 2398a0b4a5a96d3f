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
    /// Why nsswitch.conf is not followed.
    pub(crate) bad_nsswitch: Option<String>,
    pub(crate) resolv: Resolv,
}

impl Config {
    /// Reads it. A file that cannot be read is as good as none, but for saying so.
    pub(crate) fn read(environment: &dyn Environment) -> Self {
        let hosts = environment.hosts().map_err(|why| format!("hosts file: {why}"));
        let (nsswitch, bad_nsswitch) = match text(environment.nsswitch()) {
            Ok(text) => match Nsswitch::parse(&text) {
                Ok(nsswitch) => (nsswitch, None),
                Err(why) => (Nsswitch::default(), Some(why.to_string())),
            },
            Err(why) => (Nsswitch::default(), Some(format!("nsswitch.conf: {why}"))),
        };
        Self {
            hosts: hosts.map(|file| file.map(|file| (file.path, Hosts::parse(&file.content)))),
            nsswitch,
            bad_nsswitch,
            resolv: Resolv::parse(&text(environment.resolv_conf()).unwrap_or_default()),
        }
    }
}

fn text(file: io::Result<Option<Text>>) -> io::Result<String> {
    Ok(file?.map(|file| file.content).unwrap_or_default())
}
