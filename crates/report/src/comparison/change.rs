//! A change of an exchange, in words.

use roundtrip_story::{AskedBy, Both, Change, Way};

use super::cause::{blocks, priority, sizes_words, times};
use crate::names::short_url;
use crate::text::{clean, count};

/// A change in words: `size 210 → 484 kB`. URLs are shortened where they are of the page `base`.
pub(crate) fn change(change: &Change, base: Option<&str>) -> String {
    let arrow = |name: &str, a: &str, b: &str| format!("{name} {a} → {b}");
    match change {
        Change::Url(both) => format!("was {}", short_url(&both.a, base)),
        Change::Status(both) => {
            let status = |status: Option<u16>| status.map_or("none".into(), |one| one.to_string());
            arrow("status", &status(both.a), &status(both.b))
        }
        Change::Complete(Both { b: true, .. }) => "complete (was not)".into(),
        Change::Complete(_) => "not complete".into(),
        Change::Protocol(both) => {
            arrow("protocol", &clean(both.a.as_str()), &clean(both.b.as_str()))
        }
        Change::Encoded(both) => format!("size {}", sizes_words(*both)),
        Change::Decoded(both) => format!("decoded {}", sizes_words(*both)),
        Change::Codings(both) => {
            let coding = |codings: &[String]| match codings {
                [] => "none".to_owned(),
                codings => clean(&codings.join("+")),
            };
            arrow("coding", &coding(&both.a), &coding(&both.b))
        }
        Change::Connection(both) => {
            let way = |way: Way| match way {
                Way::New => "new",
                Way::Reused => "reused",
                Way::Cache => "cache",
                Way::Nothing => "none",
            };
            arrow("connection", way(both.a), way(both.b))
        }
        Change::Think(both) => format!("server {}", times(*both)),
        Change::Priority(both) => arrow("priority", priority(both.a), priority(both.b)),
        Change::Blocks(both) => {
            let word = |one| blocks(one).unwrap_or("blocks nothing");
            format!("{} (was: {})", word(both.b), word(both.a))
        }
        Change::Initiator(both) => {
            let named = |asked: &AskedBy| {
                let kind = asked.kind.replace('_', " ");
                match &asked.url {
                    Some(url) => format!("{kind} {}", short_url(url, base)),
                    None => kind,
                }
            };
            arrow("asked for by", &named(&both.a), &named(&both.b))
        }
        Change::Retried(Both { b: true, .. }) => "retried".into(),
        Change::Retried(_) => "not retried any more".into(),
        Change::Moved(both) => arrow("place in order", &both.a.to_string(), &both.b.to_string()),
    }
}

/// What changed about a server's connections, in words.
pub(crate) fn server(server: &roundtrip_story::ServerDiff) -> String {
    let mut said = Vec::new();
    if server.connections.differ() {
        let now = count(server.connections.b, "connection");
        said.push(format!(
            "{now} (was {}) for {}",
            server.connections.a,
            count(server.requests.b, "request")
        ));
    }
    if server.closed.differ() {
        said.push(match server.closed.b.as_slice() {
            [] => "closes no connection any more".into(),
            closed => {
                let after: Vec<String> = closed.iter().map(ToString::to_string).collect();
                let was = match server.closed.a.len() {
                    0 => "none before".to_owned(),
                    before => format!("{before} before"),
                };
                format!(
                    "closed {} after {} requests ({was})",
                    count(closed.len(), "connection"),
                    after.join(", ")
                )
            }
        });
    }
    let moved = server.address.map(|address| address.map(|at| at.ip())).known();
    if let Some(ips) = moved.filter(Both::differ) {
        said.push(format!("address {} → {}", ips.a, ips.b));
    }
    said.join("; ")
}

/// What changed about a name, in words.
pub(crate) fn name(name: &roundtrip_story::NameDiff) -> String {
    let mut said = Vec::new();
    if name.from.differ() {
        let from = name.from.map(super::cause::answered);
        said.push(format!("{} (was {})", from.b, from.a));
    }
    if name.aliases.differ() {
        let chain = |aliases: &[String]| match aliases {
            [] => "none".to_owned(),
            names => names.iter().map(|name| clean(name)).collect::<Vec<_>>().join(" → "),
        };
        said.push(format!("aliases {} (were {})", chain(&name.aliases.b), chain(&name.aliases.a)));
    }
    if name.addresses.differ() {
        let list = |ips: &[std::net::IpAddr]| match ips {
            [] => "none".to_owned(),
            ips => ips.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        };
        let both = name.addresses.as_ref().map(|ips| list(ips));
        said.push(format!("addresses {} (were {})", both.b, both.a));
    }
    if name.ttl.differ() {
        let ttl = |ttl: Option<u32>| ttl.map_or("none".to_owned(), |ttl| format!("{ttl} s"));
        said.push(format!("ttl {} (was {})", ttl(name.ttl.b), ttl(name.ttl.a)));
    }
    said.join("; ")
}
