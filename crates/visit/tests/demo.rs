//! The demo holds what it promises: every step of an exchange, and both ends of it.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use roundtrip_http::client::Scheme;
use roundtrip_record::{
    ConnectionId, Event, HostId, NeighbourState, Outcome, Role, Source, TcpState, What,
};

struct Demo {
    events: Vec<Event>,
    roles: BTreeMap<HostId, Role>,
}

impl Demo {
    fn visit(scheme: Scheme) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(common::demo(scheme, 1, folder.path()), 0);
        let events = common::events(folder.path());
        let roles = events.iter().filter_map(|event| match &event.what {
            What::HostDeclared(host) => Some((host.id, host.role)),
            _ => None,
        });
        let roles = roles.collect();
        Self { events, roles }
    }

    /// Events at hosts of this role.
    fn at(&self, role: Role) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(move |event| self.roles.get(&event.host) == Some(&role))
    }

    /// States that each connection passed through at hosts of this role, in order.
    fn states(&self, role: Role) -> BTreeMap<ConnectionId, Vec<TcpState>> {
        let mut states: BTreeMap<ConnectionId, Vec<TcpState>> = BTreeMap::new();
        for event in self.at(role) {
            if let What::TcpStateChanged(change) = &event.what {
                let passed = states.entry(change.connection).or_insert_with(|| vec![change.from]);
                assert_eq!(passed.last(), Some(&change.from), "a state was left out");
                passed.push(change.to);
            }
        }
        states
    }
}

#[test]
fn the_name_is_found_from_the_root_down() {
    let demo = Demo::visit(Scheme::Http);
    let referrals: Vec<&str> = demo
        .at(Role::Resolver)
        .filter_map(|event| match &event.what {
            What::NameAnswered(answer) => match (&answer.source, &answer.outcome) {
                (Source::Zone { .. }, Outcome::Referral { zone, servers, glue }) => {
                    assert!(!servers.is_empty() && !glue.is_empty());
                    Some(zone.as_str())
                }
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert!(referrals.starts_with(&["example."]), "{referrals:?}");
    assert!(referrals.contains(&"postcards.example."), "{referrals:?}");
    // And each of the three levels was really asked: by a message that its host received.
    for role in [Role::RootServer, Role::TldServer, Role::AuthoritativeServer] {
        let asked = demo.at(role).any(|event| matches!(&event.what, What::DnsMessage(_)));
        assert!(asked, "{role:?} got no message");
    }
    // Its own answer carries the address that the client connects to.
    let addresses: BTreeSet<_> = demo
        .at(Role::Client)
        .filter_map(|event| match &event.what {
            What::NameEnded(ended) => Some(ended.addresses.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    let connected = demo.at(Role::Client).filter_map(|event| match &event.what {
        What::ConnectAttempt(attempt) => Some(attempt.to.ip()),
        _ => None,
    });
    assert!(connected.into_iter().all(|to| addresses.contains(&to)));
}

#[test]
fn the_neighbour_is_asked_for_with_arp() {
    let demo = Demo::visit(Scheme::Http);
    let changes: Vec<_> = demo
        .at(Role::Client)
        .filter_map(|event| match &event.what {
            What::NeighbourChanged(change) => Some((change.from, change.to, change.mac.is_some())),
            _ => None,
        })
        .collect();
    assert_eq!(
        changes[..2],
        [
            (None, NeighbourState::Incomplete, false),
            (Some(NeighbourState::Incomplete), NeighbourState::Reachable, true)
        ]
    );
}

#[test]
fn an_order_is_posted_and_answered_with_a_redirect() {
    for scheme in [Scheme::Http, Scheme::Https] {
        let demo = Demo::visit(scheme);
        let requests: Vec<_> = demo
            .at(Role::Client)
            .filter_map(|event| match &event.what {
                What::RequestSent(request) => Some((request.method.as_str(), request.body_bytes)),
                _ => None,
            })
            .collect();
        assert_eq!(requests[0].0, "POST");
        assert!(requests[0].1 > 0);
        assert_eq!(requests[1], ("GET", 0));
        let statuses: Vec<u16> = demo
            .at(Role::Client)
            .filter_map(|event| match &event.what {
                What::ResponseHead(head) => Some(head.status),
                _ => None,
            })
            .collect();
        assert_eq!(statuses[..2], [303, 200]);
    }
}

/// TCP's whole life at both ends, both orders of closing among them.
#[test]
fn connections_pass_all_states_to_the_end() {
    use TcpState::*;
    let demo = Demo::visit(Scheme::Http);
    let (clients, servers) = (demo.states(Role::Client), demo.states(Role::WebServer));
    assert!(!clients.is_empty());
    assert_eq!(clients.len(), servers.len());
    for (id, passed) in &clients {
        assert_eq!(passed[..3], [Closed, SynSent, Established], "{id:?}");
        assert_eq!(passed.last(), Some(&Closed), "{id:?} never ended: {passed:?}");
    }
    for (id, passed) in &servers {
        assert_eq!(passed[..3], [Listen, SynReceived, Established], "{id:?}");
        assert_eq!(passed.last(), Some(&Closed), "{id:?} never ended: {passed:?}");
    }
    let all: BTreeSet<TcpState> =
        clients.values().chain(servers.values()).flatten().copied().collect();
    for state in [FinWait1, TimeWait, CloseWait, LastAck] {
        assert!(all.contains(&state), "no end was ever in {state}");
    }
    let waited = |states: &BTreeMap<_, Vec<_>>| {
        states.values().any(|passed| passed.ends_with(&[TimeWait, Closed]))
    };
    assert!(waited(&clients), "no client waited for 2 MSL: {clients:?}");
    assert!(waited(&servers), "no server waited for 2 MSL: {servers:?}");
}

/// `TIME_WAIT` takes its minute, in virtual time.
#[test]
fn time_wait_takes_a_minute() {
    let demo = Demo::visit(Scheme::Http);
    let mut entered = BTreeMap::new();
    let mut waited = 0;
    for event in &demo.events {
        let What::TcpStateChanged(change) = &event.what else { continue };
        if change.to == TcpState::TimeWait {
            entered.insert((event.host, change.connection), event.at);
        }
        if change.from == TcpState::TimeWait {
            let since = entered[&(event.host, change.connection)];
            assert_eq!((event.at - since).as_secs(), 60);
            waited += 1;
        }
    }
    assert!(waited > 0);
}

#[cfg(feature = "page")]
mod page {
    use roundtrip_record::Milestone;

    use super::*;

    /// Content comes on the display after the first paint, the largest last; pictures show the way there.
    #[test]
    fn what_was_painted_when_is_told() {
        let demo = Demo::visit(Scheme::Http);
        let reached = |name: Milestone| {
            let mut all = demo.events.iter().filter(
                |event| matches!(&event.what, What::Milestone(reached) if reached.name == name),
            );
            let first = all.next().unwrap_or_else(|| panic!("{name:?} was not reached"));
            assert!(all.next().is_none(), "{name:?} twice");
            first.at
        };
        let first = reached(Milestone::FirstPaint);
        assert_eq!(reached(Milestone::FirstContentfulPaint), first);
        let largest: Vec<_> = demo
            .events
            .iter()
            .filter_map(|event| match &event.what {
                What::LargestContent(largest) => Some((event.at, largest)),
                _ => None,
            })
            .collect();
        let [(at, content)] = largest[..] else { panic!("{largest:?}") };
        assert_eq!(reached(Milestone::LargestContentfulPaint), at);
        assert!(at >= first && content.size > 0, "{content:?}");
        let frames: Vec<_> = demo
            .events
            .iter()
            .filter_map(|event| match &event.what {
                What::PageFrame(frame) => Some((event.at, frame)),
                _ => None,
            })
            .collect();
        assert!((1..=8).contains(&frames.len()), "{}", frames.len());
        assert_eq!(frames[0].0, first);
        for pair in frames.windows(2) {
            assert!(pair[0].0 < pair[1].0 && pair[0].1.picture != pair[1].1.picture);
            assert!(pair[0].1.document <= pair[1].1.document);
            assert!(pair[0].1.resources <= pair[1].1.resources);
        }
        assert!(frames.iter().all(|(_, frame)| frame.width == 320 && frame.height == 200));
    }

    #[test]
    fn resources_come_over_reused_and_short_connections_from_two_origins() {
        let demo = Demo::visit(Scheme::Http);
        let mut uses: BTreeMap<ConnectionId, u32> = BTreeMap::new();
        let mut hosts = BTreeSet::new();
        for event in demo.at(Role::Client) {
            if let What::RequestSent(request) = &event.what {
                *uses.entry(request.connection).or_default() += 1;
                hosts.extend(
                    request.fields.iter().find(|field| field.0 == "Host").map(|f| f.1.clone()),
                );
            }
        }
        assert!(uses.values().any(|uses| *uses > 1), "no connection was used again: {uses:?}");
        assert!(uses.values().any(|uses| *uses == 1), "no connection was short: {uses:?}");
        assert!(hosts.contains("img.postcards.example"), "{hosts:?}");
        assert!(hosts.contains("www.postcards.example"), "{hosts:?}");
    }

    #[test]
    fn one_resource_is_missing_and_the_page_is_painted() {
        let demo = Demo::visit(Scheme::Http);
        let missing = demo.at(Role::Client).filter_map(|event| match &event.what {
            What::ResponseHead(head) => Some(head.status),
            _ => None,
        });
        assert_eq!(missing.filter(|status| *status == 404).count(), 1);
        let painted = demo.events.iter().any(
            |event| matches!(&event.what, What::PagePainted(painted) if painted.width == 1280),
        );
        assert!(painted);
    }
}
