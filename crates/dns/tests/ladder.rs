//! The ladder on a simulated network: which source is asked when, and what is believed.

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::{World, ips};
use roundtrip_dns::proto::op::Message;
use roundtrip_dns::proto::rr::RecordType;
use roundtrip_dns::{CacheUse, Families, Family, Options, Respond, Response, serve};
use roundtrip_lab::Internet;
use roundtrip_record::{EventId, FaultKind, Role, What};
use roundtrip_wire::{Datagram as _, Wire as _};

const LAN: &str = "rtt=20ms";

fn four() -> Options {
    Options::default().of(Families::V4)
}

#[test]
fn the_sources_are_asked_in_their_order_and_the_second_time_the_own_cache_knows() {
    let world = World::new(LAN, 1);
    let resolver = world.resolver();
    let (first, second) = world.run(async {
        let first = resolver.lookup("www.example.com", four(), None).await.unwrap();
        world.client().sleep(Duration::from_secs(100)).await;
        (first, resolver.lookup("WWW.example.com.", four(), None).await.unwrap())
    });
    assert_eq!(first.addresses(), ips(&["203.0.113.10"]));
    assert_eq!((first.ttl, first.name.as_str()), (Some(300), "www.example.com."));
    assert_eq!(second.addresses(), first.addresses());
    assert_eq!(second.ttl, Some(200));
    assert_eq!(second.until, second.since);
    assert_eq!(
        world.rungs(),
        [
            "lab miss",
            "hosts miss",
            "own miss",
            "198.51.100.8 203.0.113.10",
            "lab miss",
            "hosts miss",
            "own 203.0.113.10",
        ]
    );
}

#[test]
fn what_is_kept_outlives_the_resolver_but_not_its_time() {
    let world = World::new(LAN, 1);
    world.lookup("www.example.com", four()).unwrap();
    let again = world.lookup("www.example.com", four()).unwrap();
    assert_eq!(again.since, again.until);
    world.run(world.client().sleep(Duration::from_mins(5)));
    let late = world.lookup("www.example.com", four()).unwrap();
    assert!(late.until > late.since);
    let fresh = Options { cache: CacheUse::Refresh, ..four() };
    let anew = world.lookup("www.example.com", fresh).unwrap();
    assert!(anew.until > anew.since);
}

#[test]
fn every_event_follows_from_an_earlier_one_back_to_the_start() {
    let world = World::new(LAN, 1);
    let lookup = world.lookup("www.example.com", four()).unwrap();
    let events = world.events();
    let mut at = lookup.event;
    let mut kinds = Vec::new();
    while let Some(id) = at {
        let event = events.iter().find(|event| event.id == id).unwrap();
        kinds.push(event.what.kind());
        at = event.cause;
    }
    assert_eq!(kinds.last(), Some(&"name.started"));
    assert_eq!(kinds[..3], ["name.ended", "name.answered", "dns.message"]);
    // The walk of the recursive server, and the frames both ways, are part of the chain.
    assert!(kinds.iter().filter(|kind| **kind == "dns.message").count() > 4, "{kinds:?}");
    assert!(kinds.contains(&"frame"), "{kinds:?}");
}

#[test]
fn hosts_file_and_the_systems_cache_come_before_the_network() {
    let world = World::new(LAN, 1);
    let environment = world.client().port().host_environment();
    environment.set_hosts("127.0.0.1 localhost\n192.0.2.9 printer printer.example.com # one\n");
    environment.cache_name("cached.example.com", ips(&["192.0.2.8"]));
    let address = |name: &str| world.lookup(name, four()).unwrap().addresses();
    assert_eq!(address("Printer.Example.COM"), ips(&["192.0.2.9"]));
    assert_eq!(address("cached.example.com."), ips(&["192.0.2.8"]));
    assert_eq!(world.messages().len(), 0);
}

#[test]
fn addresses_and_special_names_ask_nobody() {
    let world = World::new(LAN, 1);
    let found = |name: &str| world.lookup(name, Options::default()).map(|l| l.addresses());
    assert_eq!(found("203.0.113.7").unwrap(), ips(&["203.0.113.7"]));
    assert_eq!(found("[2001:db8::7]").unwrap(), ips(&["2001:db8::7"]));
    // This host has no way to any IPv6 address: those come last (RFC 6724 §6, rule 1).
    assert_eq!(found("app.localhost").unwrap(), ips(&["127.0.0.1", "::1"]));
    let fault = found("www.invalid").unwrap_err();
    assert!(matches!(*fault.kind, FaultKind::NxDomain { .. }));
    let fault = found("a..b").unwrap_err();
    assert!(matches!(*fault.kind, FaultKind::NameFailed { .. }));
    let fault = world.lookup("203.0.113.7", Options::default().of(Families::V6)).unwrap_err();
    assert!(matches!(*fault.kind, FaultKind::NoAddress { .. }));
    assert_eq!(world.messages().len(), 0);
}

#[test]
fn a_no_is_a_fault_with_its_soa_and_is_kept_as_long_as_that_says() {
    let world = World::new(LAN, 1);
    let fault = world.lookup("nope.example.com", four()).unwrap_err();
    assert_eq!(
        *fault.kind,
        FaultKind::NxDomain {
            name: "nope.example.com.".into(),
            soa: Some("example.com.".into()),
            ttl: Some(60),
        }
    );
    let sent = world.messages().len();
    world.run(world.client().sleep(Duration::from_secs(59)));
    let again = world.lookup("nope.example.com", four()).unwrap_err();
    assert!(matches!(&*again.kind, FaultKind::NxDomain { ttl: Some(0 | 1), .. }), "{again:?}");
    assert_eq!(world.messages().len(), sent);
    world.run(world.client().sleep(Duration::from_secs(2)));
    world.lookup("nope.example.com", four()).unwrap_err();
    assert!(world.messages().len() > sent);
    let fault = world.lookup("four.example.com", Options::default().of(Families::V6)).unwrap_err();
    assert_eq!(*fault.kind, FaultKind::NoAddress { name: "four.example.com.".into() });
}

#[test]
fn both_families_are_asked_at_once_and_each_counts() {
    let world = World::new(LAN, 1);
    let lookup = world.lookup("www.example.com", Options::default()).unwrap();
    assert_eq!(lookup.addresses(), ips(&["203.0.113.10", "2001:db8::10"]));
    let lookup = world.lookup("four.example.com", Options::default()).unwrap();
    assert_eq!(lookup.addresses(), ips(&["203.0.113.14"]));
    let sent: Vec<_> = world
        .events()
        .into_iter()
        .filter(|event| event.host == world.client_id())
        .filter(|event| {
            matches!(&event.what, What::DnsMessage(m) if m.code.is_none() && m.question.starts_with("four"))
        })
        .map(|event| event.at)
        .collect();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0], sent[1]);
}

#[test]
fn aliases_are_followed_and_the_least_lifetime_counts() {
    let world = World::new(LAN, 1);
    let lookup = world.lookup("cdn.example.com", four()).unwrap();
    assert_eq!(lookup.addresses(), ips(&["203.0.113.20"]));
    assert_eq!(lookup.aliases, ["edge.example.net."]);
    assert_eq!(lookup.ttl, Some(20));
    assert_eq!(world.lookup("near.example.com", four()).unwrap().ttl, Some(120));
    assert!(world.lookup("one.example.com", four()).is_err());
}

#[test]
fn the_search_list_makes_short_names_whole() {
    let world = World::new(LAN, 1);
    world.resolv_conf("nameserver 198.51.100.8\nsearch example.net example.com\n");
    let lookup = world.lookup("www", four()).unwrap();
    assert_eq!(lookup.name, "www.example.com.");
    let again = world.lookup("www", four()).unwrap();
    assert_eq!((again.since, again.addresses()), (again.until, lookup.addresses()));
    assert!(world.lookup("www.", four()).is_err());
}

#[test]
fn nsswitch_actions_are_followed() {
    let world = World::new(LAN, 1);
    let environment = world.client().port().host_environment();
    environment.set_hosts("192.0.2.9 www.example.com\n");
    let addresses = |line: &str| {
        environment.set_nsswitch(line);
        let options = Options { cache: CacheUse::Refresh, ..four() };
        world.lookup("www.example.com", options).map(|lookup| lookup.addresses()).ok()
    };
    assert_eq!(addresses("hosts: files dns"), Some(ips(&["192.0.2.9"])));
    assert_eq!(addresses("hosts: dns files"), Some(ips(&["203.0.113.10"])));
    assert_eq!(
        addresses("hosts: files [SUCCESS=merge] dns"),
        Some(ips(&["192.0.2.9", "203.0.113.10"]))
    );
    assert_eq!(addresses("hosts: files [SUCCESS=continue] dns"), Some(ips(&["203.0.113.10"])));
    assert_eq!(addresses("hosts: mdns4_minimal [!SUCCESS=return] dns"), None);
    assert_eq!(
        addresses("hosts: resolve [!UNAVAIL=return] mymachines dns"),
        Some(ips(&["203.0.113.10"]))
    );
    assert!(world.rungs().contains(&"skipped mymachines not carried out".to_owned()));
}

/// Answers after a while, or with a code, or not at all.
struct Odd(fn(&Message) -> Option<(Duration, Message)>, roundtrip_lab::LabHost);

impl Respond for Odd {
    async fn respond(
        &self,
        query: &Message,
        _: SocketAddr,
        cause: Option<EventId>,
    ) -> Option<Response> {
        let (wait, message) = self.0(query)?;
        self.1.sleep(wait).await;
        Some(Response { message, cause })
    }
}

fn empty(query: &Message) -> Message {
    let mut response = Message::response(query.metadata.id, query.metadata.op_code);
    response.add_queries(query.queries.iter().cloned());
    response
}

const ODD: [u8; 4] = [198, 51, 100, 66];

fn odd(
    world: &mut World,
    answer: fn(&Message) -> Option<(Duration, Message)>,
) -> roundtrip_dns::NameServer {
    let host = world.internet.add_server("odd", Role::Resolver, ODD.into());
    serve(&host, (ODD, 53).into(), Odd(answer, host.clone())).unwrap()
}

#[test]
fn a_server_that_is_silent_or_fails_is_followed_by_the_next() {
    let mut world = World::new(LAN, 1);
    world.resolv_conf("nameserver 198.51.100.66\nnameserver 198.51.100.8\noptions timeout:2\n");
    let server = odd(&mut world, |_| None);
    let lookup = world.lookup("www.example.com", four()).unwrap();
    assert!((2_000..2_200).contains(&lookup.until.millis()), "{}", lookup.until);
    // After half of its time without an answer the question is put to it again, without EDNS.
    assert_eq!(world.rungs()[3..], ["198.51.100.66 silent ×2", "198.51.100.8 203.0.113.10"]);
    drop(server);

    let mut world = World::new(LAN, 1);
    world.resolv_conf("nameserver 198.51.100.66\nnameserver 198.51.100.8\n");
    let _server = odd(&mut world, |query| {
        let mut refusal = empty(query);
        refusal.metadata.response_code = roundtrip_dns::proto::op::ResponseCode::ServFail;
        Some((Duration::ZERO, refusal))
    });
    world.lookup("www.example.com", four()).unwrap();
    assert_eq!(world.rungs()[3..], ["198.51.100.66 SERVFAIL", "198.51.100.8 203.0.113.10"]);
}

#[test]
fn silence_and_failure_of_all_are_told_apart() {
    let mut world = World::new(LAN, 1);
    world.resolv_conf("nameserver 198.51.100.66\noptions timeout:1 attempts:3\n");
    let server = odd(&mut world, |_| None);
    let fault = world.lookup("www.example.com", four()).unwrap_err();
    let servers = vec![SocketAddr::from((ODD, 53))];
    assert_eq!(*fault.kind, FaultKind::NameTimedOut { name: "www.example.com.".into(), servers });
    // Three rounds, and one question more without EDNS.
    assert_eq!(world.messages().len(), 4);
    drop(server);

    // Nothing listens there any more: ICMP says so at once.
    let fault = world.lookup("www.example.com", four()).unwrap_err();
    assert!(matches!(*fault.kind, FaultKind::NameFailed { .. }), "{fault:?}");

    let mut world = World::new(LAN, 1);
    world.resolv_conf("nameserver 198.51.100.66\n");
    let _server = odd(&mut world, |query| {
        let mut refusal = empty(query);
        refusal.metadata.response_code = roundtrip_dns::proto::op::ResponseCode::Refused;
        Some((Duration::ZERO, refusal))
    });
    let fault = world.lookup("www.example.com", four()).unwrap_err();
    assert!(matches!(&*fault.kind, FaultKind::NameServerFailed { code, .. } if code == "REFUSED"));
}

#[test]
fn silence_ends_the_search_list_and_failure_does_not() {
    let mut world = World::new(LAN, 1);
    world.resolv_conf(
        "nameserver 198.51.100.66\nsearch a.example b.example\noptions timeout:1 attempts:1\n",
    );
    let server = odd(&mut world, |_| None);
    world.lookup("www", four()).unwrap_err();
    assert_eq!(world.asked().iter().filter(|asked| asked.record_type == "A").count(), 1);
    drop(server);

    let mut world = World::new(LAN, 1);
    world.resolv_conf("nameserver 198.51.100.66\nsearch a.example b.example\n");
    let _server = odd(&mut world, |query| {
        let mut refusal = empty(query);
        refusal.metadata.response_code = roundtrip_dns::proto::op::ResponseCode::ServFail;
        Some((Duration::ZERO, refusal))
    });
    world.lookup("www", four()).unwrap_err();
    let names: Vec<String> = world.asked().into_iter().skip(3).map(|asked| asked.name).collect();
    assert_eq!(names, ["www.a.example.", "www.b.example.", "www."]);
}

#[test]
fn connecting_may_begin_when_the_first_family_is_there() {
    // AAAA comes late: IPv4 may begin 50 ms after its own answer (RFC 8305 §3).
    let mut world = World::new(LAN, 1);
    world.resolv_conf("nameserver 198.51.100.66\n");
    let _server = odd(&mut world, |query| {
        let mut answer = empty(query);
        let text = if query.queries[0].query_type() == RecordType::A {
            "192.0.2.1"
        } else {
            "2001:db8::1"
        };
        let address: std::net::IpAddr = text.parse().unwrap();
        answer.add_answer(roundtrip_dns::proto::rr::Record::from_rdata(
            query.queries[0].name().clone(),
            60,
            address.into(),
        ));
        let late = if address.is_ipv6() { 200 } else { 0 };
        Some((Duration::from_millis(late), answer))
    });
    let resolver = world.resolver();
    let mut pending = resolver.start("late.example", Options::default(), None);
    let (ready, at, next, lookup) = world.run(async {
        let ready = pending.ready().await;
        let at = world.client().now();
        let next = pending.next().await.unwrap();
        (ready, at, next, pending.finish().await.unwrap())
    });
    assert_eq!(ready.iter().map(|a| a.family).collect::<Vec<_>>(), [Family::V4]);
    assert_eq!(at.since(ready[0].at), Duration::from_millis(50));
    assert_eq!(next.family, Family::V6);
    assert!(next.at.since(ready[0].at) >= Duration::from_millis(199));
    assert_eq!(lookup.arrivals.len(), 2);
    assert_eq!(lookup.addresses(), ips(&["192.0.2.1", "2001:db8::1"]));
}

#[test]
fn forged_answers_are_dropped_and_recorded() {
    let mut world = World::new(LAN, 1);
    world.resolv_conf("nameserver 198.51.100.66\n");
    let host = world.internet.add_server("forger", Role::Resolver, ODD.into());
    let socket = host.datagram((ODD, 53).into()).unwrap();
    let other = host.datagram((ODD, 5353).into()).unwrap();
    let _task = host.spawn(async move {
        let query = socket.receive().await.unwrap();
        let asked = Message::from_vec(&query.bytes).unwrap();
        let with = |change: fn(&mut Message), address: &str| {
            let mut answer = empty(&asked);
            let address: std::net::IpAddr = address.parse().unwrap();
            let owner = asked.queries[0].name().clone();
            answer.add_answer(roundtrip_dns::proto::rr::Record::from_rdata(
                owner,
                60,
                address.into(),
            ));
            change(&mut answer);
            answer.to_vec().unwrap()
        };
        let wrong_id = with(|m| m.metadata.id ^= 1, "192.0.2.66");
        let wrong_question = with(
            |m| {
                m.queries[0].set_query_type(RecordType::AAAA);
            },
            "192.0.2.66",
        );
        let right = with(|_| {}, "192.0.2.1");
        for bytes in [&wrong_id, &wrong_question, &b"nonsense"[..].to_vec()] {
            socket.send_to(bytes, query.from, None).await.unwrap();
        }
        other.send_to(&with(|_| {}, "192.0.2.66"), query.from, None).await.unwrap();
        socket.send_to(&query.bytes, query.from, None).await.unwrap();
        socket.send_to(&right, query.from, None).await.unwrap();
    });
    let lookup = world.lookup("www.example", four()).unwrap();
    assert_eq!(lookup.addresses(), ips(&["192.0.2.1"]));
    let dropped: Vec<_> = world.messages().into_iter().filter_map(|m| m.dropped).collect();
    assert_eq!(
        dropped,
        ["wrong id", "wrong question", "not a message", "wrong source", "not a response"]
    );
}

#[test]
fn ids_and_ports_are_drawn_anew_for_each_question() {
    let world = World::new(LAN, 1);
    for n in 0..8 {
        let _ = world.lookup(&format!("n{n}.example.com"), four());
    }
    let mut ids: Vec<u16> =
        world.messages().iter().filter(|m| m.code.is_none()).map(|m| m.id).collect();
    assert_eq!(ids.len(), 8);
    let sorted = ids.is_sorted();
    ids.sort_unstable();
    ids.dedup();
    assert!(ids.len() == 8 && !sorted);
}

#[test]
fn an_answer_too_long_for_a_datagram_comes_over_tcp() {
    let world = World::new(LAN, 1);
    let lookup = world.lookup("many.example.com", Options::walk().of(Families::V4)).unwrap();
    assert_eq!(lookup.addresses().len(), 100);
    let many: Vec<(String, bool, [u16; 3])> = world
        .messages()
        .into_iter()
        .filter(|m| m.question.starts_with("many") && m.code.is_some())
        .map(|m| (m.transport, m.flags.contains(&"TC".into()), m.counts))
        .collect();
    assert_eq!(many, [("udp".into(), true, [0, 0, 1]), ("tcp".into(), false, [100, 0, 1])]);
    // The segment that brought the last byte is the cause of the message.
    let events = world.events();
    let message = events
        .iter()
        .rfind(
            |e| matches!(&e.what, What::DnsMessage(m) if m.transport == "tcp" && m.code.is_some()),
        )
        .unwrap();
    let cause = events.iter().find(|event| Some(event.id) == message.cause).unwrap();
    assert_eq!((cause.what.kind(), cause.host), ("tcp.segment", world.client_id()));

    let world = World::new(LAN, 1);
    world.resolv_conf("nameserver 198.51.100.8\noptions use-vc\n");
    let lookup = world.lookup("many.example.com", four()).unwrap();
    assert_eq!(lookup.addresses().len(), 100);
    assert!(world.messages().iter().all(|message| message.transport == "tcp"));
}

#[test]
fn one_server_can_be_named() {
    let world = World::new(LAN, 1);
    let server = (Internet::AUTHORITATIVE, 53).into();
    let lookup = world.lookup("www.example.com", Options::server(server).of(Families::V4)).unwrap();
    assert_eq!(lookup.addresses(), ips(&["203.0.113.10"]));
    assert_eq!(world.rungs(), ["198.51.100.53 203.0.113.10"]);
}

#[test]
fn lookups_of_one_name_at_one_time_ask_once() {
    let world = World::new(LAN, 1);
    let resolver = world.resolver();
    let (one, two, other) = world.run(async {
        let one = resolver.start("www.example.com", four(), None);
        let two = resolver.start("WWW.example.com.", four(), None);
        let given_up = resolver.start("four.example.com", four(), None);
        let other = resolver.start("four.example.com", four(), None);
        world.client().sleep(Duration::from_millis(5)).await;
        given_up.give_up();
        (one.finish().await.unwrap(), two.finish().await.unwrap(), other.finish().await.unwrap())
    });
    assert_eq!(one.addresses(), two.addresses());
    assert_ne!(one.id, two.id);
    assert_eq!(other.addresses(), ips(&["203.0.113.14"]));
    let www = |m: &&roundtrip_record::DnsMessage| m.question.starts_with("www") && m.code.is_none();
    assert_eq!(world.messages().iter().filter(www).count(), 1);
    let events = world.events();
    let end = events.iter().find(|event| Some(event.id) == two.event).unwrap();
    assert_eq!(end.cause, one.event);
}

#[test]
fn the_recursive_server_walks_once_and_counts_down() {
    let world = World::new(LAN, 1);
    let server = (Internet::RESOLVER, 53).into();
    let options = Options::server(server).of(Families::V4);
    let first = world.lookup("www.example.com", options).unwrap();
    world.run(world.client().sleep(Duration::from_secs(30)));
    let second = world.lookup("www.example.com", options).unwrap();
    assert_eq!((first.ttl, second.ttl), (Some(300), Some(270)));
    // One round trip of the access link, and nothing behind the server.
    assert!(second.until.since(second.since) < Duration::from_millis(21));
    let fault = world.lookup("nope.example.com", options).unwrap_err();
    assert!(matches!(*fault.kind, FaultKind::NxDomain { ttl: Some(60), .. }));
    world.run(world.client().sleep(Duration::from_secs(20)));
    let fault = world.lookup("nope.example.com", options).unwrap_err();
    assert!(matches!(*fault.kind, FaultKind::NxDomain { ttl: Some(40), .. }), "{fault:?}");
    let resolver = world.hosts.resolver.log().host_id();
    let walks = world
        .events()
        .iter()
        .filter(|event| event.host == resolver && event.what.kind() == "name.started")
        .count();
    assert_eq!(walks, 2);
}

#[test]
fn no_aaaa_asks_for_none() {
    let world = World::new(LAN, 1);
    world.resolv_conf("nameserver 198.51.100.8\noptions no-aaaa\n");
    let lookup = world.lookup("www.example.com", Options::default()).unwrap();
    assert_eq!(lookup.addresses(), ips(&["203.0.113.10"]));
    let six = Options::default().of(Families::V6);
    assert!(world.lookup("four.example.com", six).is_err());
    assert!(world.messages().iter().all(|message| !message.question.ends_with("AAAA")));
}

#[test]
fn lookups_come_through_a_link_that_loses_and_repeat_with_their_seed() {
    for seed in 0..200 {
        let run = || {
            let world = World::new("rtt=40ms,loss=5%", seed);
            world.resolv_conf("nameserver 198.51.100.8\noptions timeout:1 attempts:5\n");
            let lookup = world.lookup("cdn.example.com", Options::default());
            let addresses = lookup.map(|lookup| lookup.addresses());
            (addresses, world.events())
        };
        let (addresses, events) = run();
        assert_eq!(addresses.as_deref(), Ok(&ips(&["203.0.113.20"])[..]), "seed {seed}");
        if seed % 20 == 0 {
            assert_eq!(events, run().1, "seed {seed}");
        }
    }
}

#[test]
fn long_answers_come_through_a_link_that_loses() {
    for seed in 0..50 {
        let world = World::new("rtt=40ms,loss=5%", seed);
        let lookup = world.lookup("many.example.com", Options::walk().of(Families::V4));
        assert_eq!(lookup.map(|lookup| lookup.addresses().len()), Ok(100), "seed {seed}");
    }
}
