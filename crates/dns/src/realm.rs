//! Where answers are had from. An answer is good only there.

use std::net::SocketAddr;

use crate::resolv::Resolv;

/// A way of asking. Two lookups whose realms differ are never answered by each other's answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Realm {
    name: String,
    outlives: bool,
}

impl Realm {
    /// The name servers of resolv.conf, with the options by which they are asked.
    ///
    /// A server on this host (systemd-resolved, dnsmasq, a container's) is asked anew by each run: it has a
    /// cache of its own, and whom it asks may change without resolv.conf showing it.
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

    /// One server that was named. Whoever names it wants to hear what it says now.
    pub(crate) fn of_server(server: SocketAddr) -> Self {
        Self { name: format!("server {server}"), outlives: false }
    }

    /// The tree itself, from its root servers down.
    pub(crate) fn of_walk() -> Self {
        Self { name: "walk".into(), outlives: true }
    }

    /// Its name: equal for equal ways of asking.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether what is had from it may be kept for a later run.
    pub(crate) fn outlives_the_run(&self) -> bool {
        self.outlives
    }
}
