//! What a log tells of sockets, of the sessions of HTTP/2 and QUIC over them, and of lookups.

use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use super::event::{Event, Kind, Phase};

/// The most addresses that are kept of one lookup or socket.
const MOST: usize = 100;

/// An attempt to connect to one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) to: SocketAddr,
    pub(crate) began: u64,
    /// When it ended, and whether it failed.
    pub(crate) ended: Option<(u64, bool)>,
}

/// What both ends of TLS agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Agreed {
    pub(crate) version: String,
    pub(crate) cipher: u16,
    pub(crate) group: Option<u16>,
    pub(crate) alpn: Option<String>,
    pub(crate) resumed: bool,
}

/// A socket of TCP.
#[derive(Clone, Debug, Default)]
pub(crate) struct Socket {
    /// Who opened it: the connect job.
    pub(crate) job: Option<u64>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) remote: Option<SocketAddr>,
    /// When it was connected.
    pub(crate) connected: Option<u64>,
    pub(crate) error: Option<i64>,
    /// When its TLS began, and when that was done.
    pub(crate) tls: Option<(u64, Option<u64>)>,
    pub(crate) agreed: Option<Agreed>,
    pub(crate) closed: Option<u64>,
}

impl Socket {
    /// Takes an event of this socket.
    pub(crate) fn take(&mut self, event: &Event) {
        let time = event.time;
        match (event.kind, event.phase) {
            (Kind::Socket, Phase::Begin) => self.job = event.dependency(),
            (Kind::Socket, Phase::End) => self.closed = Some(time),
            (Kind::Attempt, Phase::Begin) => {
                if let Some(to) =
                    event.text("address").and_then(address).filter(|_| self.attempts.len() < MOST)
                {
                    self.attempts.push(Attempt { to, began: time, ended: None });
                }
            }
            (Kind::Attempt, Phase::End) => {
                let failed = event.number("os_error").is_some_and(|error| error != 0)
                    || event.error().is_some();
                if let Some(attempt) = self.attempts.last_mut() {
                    attempt.ended = Some((time, failed));
                }
            }
            (Kind::Connect, Phase::End) => self.connected(event),
            (Kind::Secure, Phase::Begin) => self.tls = Some((time, None)),
            (Kind::Secure, Phase::End) => {
                self.error = event.error().or(self.error);
                if let Some((_, done)) = self.tls.as_mut().filter(|_| event.error().is_none()) {
                    *done = Some(time);
                    self.agreed = Some(agreed(event));
                }
            }
            _ => {}
        }
    }

    fn connected(&mut self, event: &Event) {
        self.error = event.error();
        if self.error.is_some() {
            return;
        }
        self.connected = Some(event.time);
        let own = event.text("local_address").or(event.text("source_address"));
        self.local = own.and_then(address);
        let succeeded = self.attempts.last().map(|attempt| attempt.to);
        self.remote = event.text("remote_address").and_then(address).or(succeeded);
    }
}

fn agreed(event: &Event) -> Agreed {
    let number = |name| event.number(name).and_then(|number| u16::try_from(number).ok());
    let protocol = event.text("next_proto").filter(|protocol| !matches!(*protocol, "" | "unknown"));
    Agreed {
        version: event.text("version").unwrap_or_default().to_owned(),
        cipher: number("cipher_suite").unwrap_or(0),
        group: number("key_exchange_group").filter(|group| *group != 0),
        alpn: protocol.map(str::to_owned),
        resumed: event.params.get("is_resumed").and_then(Value::as_bool).unwrap_or(false),
    }
}

/// An address and port, `192.0.2.1:443` or `[2001:db8::1]:443`.
pub(crate) fn address(text: &str) -> Option<SocketAddr> {
    text.parse().ok()
}

/// A session of HTTP/2.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    pub(crate) socket: Option<u64>,
    /// When the server said that it would take no more, and in which words.
    pub(crate) going: Option<(u64, String)>,
    /// When the browser gave it up, and why.
    pub(crate) closed: Option<(u64, String)>,
}

impl Session {
    /// Takes an event of this session.
    pub(crate) fn take(&mut self, event: &Event) {
        match event.kind {
            Kind::SessionSocket => self.socket = event.dependency(),
            Kind::GoAway => {
                let code = event.text("error_code").unwrap_or_default();
                let said = event.text("debug_data").unwrap_or_default();
                self.going = Some((event.time, format!("GOAWAY {code} {said}").trim().to_owned()));
            }
            Kind::SessionClosed => {
                let why = event.text("description").unwrap_or("the browser closed it");
                self.closed = Some((event.time, why.to_owned()));
            }
            _ => {}
        }
    }
}

/// A session of QUIC.
#[derive(Clone, Debug, Default)]
pub(crate) struct QuicSession {
    /// Who opened it: the job of the pool.
    pub(crate) job: Option<u64>,
    pub(crate) host: String,
    pub(crate) began: Option<u64>,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) remote: Option<SocketAddr>,
    /// When its handshake was done.
    pub(crate) ready: Option<u64>,
    pub(crate) closed: Option<(u64, String)>,
}

impl QuicSession {
    /// Takes an event of this session.
    pub(crate) fn take(&mut self, event: &Event) {
        let time = event.time;
        match (event.kind, event.phase) {
            (Kind::QuicSession, Phase::Begin) => {
                self.began = Some(time);
                self.job = event.dependency();
                event.text("host").unwrap_or_default().clone_into(&mut self.host);
            }
            (Kind::QuicSession, Phase::End) => {
                self.closed.get_or_insert((time, "the browser gave the session up".into()));
            }
            (Kind::QuicPacket, _) => {
                self.local = self.local.or_else(|| event.text("self_address").and_then(address));
                self.remote = self.remote.or_else(|| event.text("peer_address").and_then(address));
            }
            (Kind::QuicReady, _) => self.ready = self.ready.or(Some(time)),
            (Kind::QuicClosed, _) => {
                let why = event.text("details").filter(|why| !why.is_empty()).unwrap_or("closed");
                self.closed = Some((time, why.to_owned()));
            }
            _ => {}
        }
    }
}

/// A lookup of a name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lookup {
    /// The name, without scheme and port.
    pub(crate) name: String,
    pub(crate) types: Vec<String>,
    pub(crate) began: u64,
    pub(crate) ended: Option<u64>,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) aliases: Vec<String>,
}

impl Lookup {
    /// Takes an event of this lookup.
    pub(crate) fn take(&mut self, event: &Event) {
        match (event.kind, event.phase) {
            (Kind::Lookup, Phase::Begin) => {
                self.began = event.time;
                let host = event.params.get("host").map(|host| match host {
                    Value::String(text) => text.as_str(),
                    host => host.get("host").and_then(Value::as_str).unwrap_or_default(),
                });
                self.name = bare(host.unwrap_or_default());
                self.types = event.texts("dns_query_types");
            }
            (Kind::Lookup, Phase::End) => {
                self.ended = Some(event.time);
                self.results(&event.params, 0);
            }
            (Kind::LookupResults, _) => self.results(&event.params, 0),
            _ => {}
        }
    }

    /// Collects addresses and aliases, wherever they stand: the form differs from version to version.
    fn results(&mut self, value: &Value, depth: u32) {
        const DEEPEST: u32 = 8;
        match value {
            Value::String(text) => {
                let found = text.parse().ok().or_else(|| address(text).map(|address| address.ip()));
                if let Some(found) = found
                    .filter(|found| self.addresses.len() < MOST && !self.addresses.contains(found))
                {
                    self.addresses.push(found);
                }
            }
            Value::Array(list) if depth < DEEPEST => {
                for value in list {
                    self.results(value, depth + 1);
                }
            }
            Value::Object(members) if depth < DEEPEST => {
                let alias = members.get("alias_target").and_then(Value::as_str);
                if let Some(alias) = alias.filter(|alias| {
                    self.aliases.len() < MOST && !self.aliases.iter().any(|known| known == alias)
                }) {
                    self.aliases.push(alias.to_owned());
                }
                for value in members.values() {
                    self.results(value, depth + 1);
                }
            }
            _ => {}
        }
    }
}

/// A host's name without the scheme and the port around it.
fn bare(host: &str) -> String {
    let host = host.split_once("://").map_or(host, |(_, host)| host);
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.contains(':') =>
        {
            name.to_owned()
        }
        _ => host.trim_matches(['[', ']']).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_what_is_around_them() {
        for (host, name) in [
            ("https://a.example", "a.example"),
            ("https://a.example:8443", "a.example"),
            ("a.example:80", "a.example"),
            ("a.example", "a.example"),
            ("[2001:db8::1]", "2001:db8::1"),
        ] {
            assert_eq!(bare(host), name, "{host}");
        }
    }
}
