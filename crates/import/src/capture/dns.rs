//! DNS as a capture shows it: questions to name servers, and their answers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::{RData, Record};
use roundtrip_record::{
    Direction, DnsMessage, LookupId, NameAnswered, NameAsked, NameEnded, NameStarted, Outcome,
    ResourceRecord, Source, Time, What,
};

use super::stream::Stamp;
use super::talk::Desk;

/// The most lookups that are followed at a time.
const MOST: usize = 10_000;

/// A question on its way: who asked whom, the message's id, the name and the type.
type Key = (SocketAddr, SocketAddr, u16, String);

/// All lookups.
#[derive(Default)]
pub(crate) struct Dns {
    open: BTreeMap<String, Lookup>,
    asked: BTreeMap<Key, Time>,
    pub(crate) messages: u64,
    pub(crate) unreadable: u64,
}

/// A lookup of one name.
struct Lookup {
    id: LookupId,
    /// Questions without an answer yet.
    waiting: u32,
    addresses: Vec<IpAddr>,
    aliases: Vec<String>,
    ttl: Option<u32>,
}

impl Dns {
    /// Takes a message from one socket to another.
    pub(crate) fn message(
        &mut self,
        desk: &mut Desk,
        from: SocketAddr,
        to: SocketAddr,
        transport: &str,
        bytes: &[u8],
        stamp: Stamp,
    ) {
        let Ok(message) = Message::from_vec(bytes) else {
            self.unreadable += 1;
            return;
        };
        self.messages += 1;
        let question = message.queries.first();
        let name =
            question.map(|query| query.name().to_ascii().to_ascii_lowercase()).unwrap_or_default();
        let record_type = question.map(|query| query.query_type().to_string()).unwrap_or_default();
        let asks = message.metadata.message_type == MessageType::Query;
        let (client, server) = if asks { (from, to) } else { (to, from) };
        let passed = Passed { client, server, name, record_type, stamp };
        let lookup = if asks {
            self.ask(desk, &message, &passed)
        } else {
            self.open.get(&passed.name).map(|lookup| lookup.id)
        };
        desk.emit(
            stamp,
            What::DnsMessage(described(&message, &passed, lookup, transport, bytes.len())),
        );
        if !asks {
            self.answer(desk, &message, &passed);
        }
    }

    fn ask(&mut self, desk: &mut Desk, message: &Message, passed: &Passed) -> Option<LookupId> {
        if self.open.len() >= MOST || self.asked.len() >= MOST {
            return None;
        }
        let lookup = self.open.entry(passed.name.clone()).or_insert_with(|| {
            let id = desk.log.lookup_id();
            let started = NameStarted {
                lookup: id,
                name: passed.name.clone(),
                types: vec![passed.record_type.clone()],
            };
            desk.emit(passed.stamp, What::NameStarted(started));
            let host = passed.name.trim_end_matches('.').to_owned();
            desk.lookups.insert(host, (id, passed.stamp.at, false));
            Lookup { id, waiting: 0, addresses: Vec::new(), aliases: Vec::new(), ttl: None }
        });
        let id = lookup.id;
        let again = self.asked.insert(passed.key(message), passed.stamp.at).is_some();
        if !again {
            lookup.waiting += 1;
            let asked = NameAsked {
                lookup: id,
                source: Source::NameServer { server: passed.server },
                name: passed.name.clone(),
                record_type: passed.record_type.clone(),
            };
            desk.emit(passed.stamp, What::NameAsked(asked));
        }
        Some(id)
    }

    fn answer(&mut self, desk: &mut Desk, message: &Message, passed: &Passed) {
        let Some(asked) = self.asked.remove(&passed.key(message)) else { return };
        let Some(lookup) = self.open.get_mut(&passed.name) else { return };
        let addresses: Vec<IpAddr> =
            message.answers.iter().filter_map(|r| r.data.ip_addr()).collect();
        let ttl = message.answers.iter().map(|record| record.ttl).min();
        let outcome = match message.metadata.response_code {
            ResponseCode::NXDomain => Outcome::NxDomain { ttl: None, soa: None },
            ResponseCode::NoError if !addresses.is_empty() => {
                Outcome::Found { addresses: addresses.clone(), ttl, origin: None }
            }
            ResponseCode::NoError => Outcome::NoData { ttl: None, soa: None },
            code => Outcome::Refused { code: code_name(code) },
        };
        let answered = NameAnswered {
            lookup: lookup.id,
            source: Source::NameServer { server: passed.server },
            name: passed.name.clone(),
            record_type: passed.record_type.clone(),
            outcome,
            records: message.answers.iter().map(record).collect(),
            took: passed.stamp.at - asked,
        };
        desk.emit(passed.stamp, What::NameAnswered(answered));
        lookup.addresses.extend(addresses);
        lookup.ttl = ttl.or(lookup.ttl);
        for record in &message.answers {
            if let RData::CNAME(alias) = &record.data
                && !lookup.aliases.contains(&alias.to_string())
            {
                lookup.aliases.push(alias.to_string());
            }
        }
        // Whoever asked again, with another id or another server, is answered too.
        let question = passed.key(message).3;
        let before = self.asked.len();
        self.asked.retain(|key, _| key.0.ip() != passed.client.ip() || key.3 != question);
        lookup.waiting = lookup.waiting.saturating_sub(1 + (before - self.asked.len()) as u32);
        if lookup.waiting == 0 {
            self.end(desk, &passed.name, passed.stamp);
        }
    }

    fn end(&mut self, desk: &mut Desk, name: &str, stamp: Stamp) {
        if let Some(lookup) = self.open.remove(name) {
            let Lookup { id, addresses, aliases, ttl, .. } = lookup;
            desk.emit(stamp, What::NameEnded(NameEnded { lookup: id, addresses, aliases, ttl }));
        }
    }

    /// The capture is over: what was not answered has had no answer.
    pub(crate) fn finish(&mut self, desk: &mut Desk) {
        let at = desk.latest;
        for (_, server, _, question) in core::mem::take(&mut self.asked).into_keys() {
            let (name, record_type) = question.rsplit_once(' ').unwrap_or((&question, ""));
            let Some(lookup) = self.open.get(name) else { continue };
            let answered = NameAnswered {
                lookup: lookup.id,
                source: Source::NameServer { server },
                name: name.to_owned(),
                record_type: record_type.to_owned(),
                outcome: Outcome::TimedOut { tries: 1 },
                records: Vec::new(),
                took: core::time::Duration::ZERO,
            };
            desk.emit(Stamp { at, event: None }, What::NameAnswered(answered));
        }
        for name in self.open.keys().cloned().collect::<Vec<_>>() {
            self.end(desk, &name, Stamp { at, event: None });
        }
    }
}

/// A message that passed.
struct Passed {
    client: SocketAddr,
    server: SocketAddr,
    name: String,
    record_type: String,
    stamp: Stamp,
}

impl Passed {
    fn key(&self, message: &Message) -> Key {
        let question = format!("{} {}", self.name, self.record_type);
        (self.client, self.server, message.metadata.id, question)
    }
}

fn described(
    message: &Message,
    passed: &Passed,
    lookup: Option<LookupId>,
    transport: &str,
    length: usize,
) -> DnsMessage {
    let head = &message.metadata;
    let asks = head.message_type == MessageType::Query;
    let flags = [
        (head.authoritative, "AA"),
        (head.truncation, "TC"),
        (head.recursion_desired, "RD"),
        (head.recursion_available, "RA"),
        (head.authentic_data, "AD"),
        (head.checking_disabled, "CD"),
    ];
    let count = |records: &[Record]| records.len() as u16;
    DnsMessage {
        lookup,
        direction: if asks { Direction::Sent } else { Direction::Received },
        peer: passed.server,
        transport: transport.to_owned(),
        id: head.id,
        question: format!("{} {}", passed.name, passed.record_type),
        code: (!asks).then(|| code_name(head.response_code)),
        flags: flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name.to_owned()).collect(),
        counts: [count(&message.answers), count(&message.authorities), count(&message.additionals)],
        length: length as u32,
        dropped: None,
        arrived: None,
    }
}

fn record(record: &Record) -> ResourceRecord {
    let mut data = String::new();
    let _ = write!(data, "{}", record.data);
    ResourceRecord {
        name: record.name.to_ascii(),
        ttl: record.ttl,
        record_type: record.record_type().to_string(),
        data,
    }
}

/// The name of a response code, as dig writes it.
fn code_name(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR".into(),
        ResponseCode::FormErr => "FORMERR".into(),
        ResponseCode::ServFail => "SERVFAIL".into(),
        ResponseCode::NXDomain => "NXDOMAIN".into(),
        ResponseCode::NotImp => "NOTIMP".into(),
        ResponseCode::Refused => "REFUSED".into(),
        other => format!("{other:?}").to_uppercase(),
    }
}
