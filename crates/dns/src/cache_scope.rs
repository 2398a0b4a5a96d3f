//! `CacheScope`: where an answer came from, which bounds what it can be used for.

use std::net::SocketAddr;

use crate::resolv::Resolv;

/// A way of asking. Lookups in different realms never use each other's answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CacheScope {
    name: String,
    outlives: bool,
}

impl CacheScope {
    /// The name servers of resolv.conf, with the options for asking them.
    ///
    /// A server on this host (systemd-resolved, dnsmasq, a container's) is asked anew in each run:
    /// it has a cache of its own, and the servers behind it may change while resolv.conf stays the
    /// same.
    pub(crate) fn of_resolv(resolv: &Resolv) -> Self {
        let servers: Vec<String> = resolv.servers.iter().map(ToString::to_string).collect();
        let policy = resolv.policy;
        Self {
            name: format!(
                "resolv.conf {} {:?} {:?} {:?} trust-ad={} timeout={}s attempts={}",
                servers.join(","),
                policy.transport,
                resolv.pairing,
                resolv.aaaa,
                policy.authentic_data,
                policy.timeout.as_secs(),
                policy.attempts,
            ),
            outlives: resolv.servers.iter().all(|server| !server.ip().is_loopback()),
        }
    }

    /// One server that was named by the user, who wants to know its present answer.
    pub(crate) fn of_server(server: SocketAddr) -> Self {
        Self { name: format!("server {server}"), outlives: false }
    }

    /// The delegation tree itself, from the root down.
    pub(crate) fn of_walk() -> Self {
        Self { name: "walk".into(), outlives: true }
    }

    /// The realm's name, equal for equal ways of asking.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether its answers may be kept for later runs.
    pub(crate) fn outlives_the_run(&self) -> bool {
        self.outlives
    }
}
