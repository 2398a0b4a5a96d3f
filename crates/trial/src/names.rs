//! The trial of everything that reads names: files of the host, zone files, host texts, and DNS
//! messages.

use std::net::{IpAddr, SocketAddr};

use roundtrip_dns::proto::op::{Message, MessageType, OpCode, Query};
use roundtrip_dns::proto::rr::{Name, RecordType};
use roundtrip_dns::{
    AddressPolicy, Authority, Exchange, ExchangeAction, Host, Hosts, Nsswitch, Question, Recursion,
    Resolv, Zone,
};
use roundtrip_record::Time;

/// Reads the bytes as each file that a lookup depends on, as the text of a host, as a zone file,
/// and as a message from a name server.
///
/// # Panics
/// If a reader panics, or if the result of reading breaks its own promises.
pub fn names(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    files(&text);
    host(&text);
    zone(&text);
    server(bytes);
    reply(bytes);
}

fn files(text: &str) {
    let hosts = Hosts::parse(text);
    for line in hosts.lines() {
        assert!(!line.names.is_empty() && line.line > 0, "{line:?}");
        for name in &line.names {
            // Every name finds its line, and the line's address finds names.
            assert!(hosts.find(name).any(|found| found == line), "{line:?}");
        }
        assert!(!hosts.names_of(line.address).is_empty(), "{line:?}");
    }
    let resolv = Resolv::parse_with(text, |name| u32::try_from(name.len()).ok());
    assert!((1..=3).contains(&resolv.servers.len()), "{resolv:?}");
    assert!(resolv.ndots <= 15 && (1..=5).contains(&resolv.policy.attempts), "{resolv:?}");
    let seconds = resolv.policy.timeout.as_secs();
    assert!((1..=30).contains(&seconds), "{resolv:?}");
    if let Err(why) = Nsswitch::parse(text) {
        assert!(!why.to_string().is_empty());
    }
    let policy = AddressPolicy::parse(text);
    assert_eq!(policy, AddressPolicy::parse(text));
}

fn host(text: &str) {
    for word in text.split_ascii_whitespace().take(8) {
        match Host::parse(word) {
            Ok(Host::Name(name)) => {
                // The written form of a host is parsed to the same host.
                let again = Host::parse(&name.to_ascii());
                assert!(
                    matches!(again, Ok(Host::Name(again)) if again.to_ascii() == name.to_ascii())
                );
            }
            Ok(Host::Address(address)) => {
                assert_eq!(Host::parse(&address.to_string()), Ok(Host::Address(address)));
            }
            Ok(Host::Scoped(address, zone)) => assert!(
                address.is_unicast_link_local()
                    || address.is_multicast()
                    || zone.parse::<u32>().is_ok()
            ),
            Err(why) => assert!(!why.to_string().is_empty()),
        }
    }
}

/// A zone that can be parsed can be served, and every answer can be encoded.
fn zone(text: &str) {
    let Ok(zone) = Zone::parse("example.", text) else { return };
    assert_eq!(zone.origin(), "example.");
    let authority = Authority::new(vec![zone]);
    for name in ["example.", "www.example.", "a.b.example.", "example.net."] {
        let name = Name::from_ascii(name).expect("a name");
        for of in [RecordType::A, RecordType::NS, RecordType::CNAME, RecordType::SOA] {
            let mut query = Message::new(7, MessageType::Query, OpCode::Query);
            query.add_query(Query::query(name.clone(), of));
            let answer = authority.answer(&query);
            assert_eq!(answer.queries, query.queries);
        }
    }
}

/// A server answers every query that can be parsed.
fn server(bytes: &[u8]) {
    let Ok(query) = Message::from_vec(bytes) else { return };
    let zone = "$TTL 1\n@ IN SOA ns root 1 1 1 1 1\nwww IN A 192.0.2.1\n* IN CNAME www\n";
    let zone = Zone::parse("example.", zone).expect("a zone");
    let answer = Authority::new(vec![zone]).answer(&query);
    assert_eq!(answer.metadata.id, query.metadata.id);
}

/// Whatever is received, a question to two servers ends after a bounded number of queries.
fn reply(bytes: &[u8]) {
    const MOST: u32 = 32;
    let question = Question::new(Name::from_ascii("www.example.").expect("a name"), RecordType::A);
    let servers = [1, 2].map(|n| SocketAddr::new(IpAddr::from([192, 0, 2, n]), 53));
    let mut policy = Resolv::default().policy;
    if bytes.first().is_some_and(|byte| byte & 1 == 1) {
        policy.recursion = Recursion::No;
    }
    let mut exchange = Exchange::new(question, &servers, policy);
    let mut rest = bytes.chunks(64).cycle();
    for tries in 0.. {
        assert!(tries < MOST, "a question without an end");
        let ExchangeAction::Send(sent) = exchange.poll(Time::ZERO, 7) else { break };
        let Some(piece) = rest.next() else {
            exchange.handle_timeout();
            continue;
        };
        // Received are arbitrary bytes, and the query itself with arbitrary bytes laid over it.
        exchange.handle_message(sent.to, piece);
        let mut shaped = sent.bytes.clone();
        if let Some(flags) = shaped.get_mut(2) {
            *flags |= 0x80;
        }
        for (at, byte) in piece.iter().enumerate().skip(1) {
            if let Some(slot) = shaped.get_mut(3 + usize::from(*byte) % 60)
                && at % 5 == 0
            {
                *slot = byte.wrapping_mul(31);
            }
        }
        exchange.handle_message(sent.to, &shaped);
        match piece.first() {
            Some(0..=99) => exchange.handle_error("an error"),
            _ => exchange.handle_timeout(),
        }
    }
}
