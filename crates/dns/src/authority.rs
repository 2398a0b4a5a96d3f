//! `Authority`: an authoritative name server's answers from its zones (RFC 1034 §4.3.2). Sans I/O.

use hickory_proto::ProtoError;
use hickory_proto::op::{Message, Metadata, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

use crate::answer::MOST_ALIASES;
use crate::message::{UDP_FLOOR, edns};
use crate::resolv::UDP_PAYLOAD;
use crate::via::Via;
use crate::zone::{Zone, ZoneMatch};

/// An authoritative server for a set of zones.
#[derive(Clone, Debug, Default)]
pub struct Authority {
    zones: Vec<Zone>,
}

impl Authority {
    /// A server for these zones.
    pub fn new(zones: Vec<Zone>) -> Self {
        Self { zones }
    }

    /// The response to a query.
    pub fn answer(&self, query: &Message) -> Message {
        match begin(query) {
            Ok((mut response, question)) => {
                self.fill(&mut response, &question);
                response
            }
            Err(refusal) => *refusal,
        }
    }

    /// The zone that holds `name`; the one with the most labels if there are several.
    fn zone(&self, name: &Name) -> Option<&Zone> {
        let holding = self.zones.iter().filter(|zone| zone.apex().zone_of(name));
        holding.max_by_key(|zone| zone.apex().iter().count())
    }

    fn fill(&self, response: &mut Message, question: &Query) {
        let wanted = question.query_type();
        let mut name = question.name().clone();
        let Some(mut zone) = self.zone(&name) else {
            response.metadata.response_code = ResponseCode::Refused;
            return;
        };
        for _ in 0..MOST_ALIASES {
            let (node, synthesised) = match zone.place(&name) {
                ZoneMatch::Node { node, synthesised } => (node, synthesised),
                ZoneMatch::Delegation(servers) => return refer(response, zone, servers),
                place @ (ZoneMatch::Empty | ZoneMatch::NameError) => {
                    response.metadata.authoritative = true;
                    if place == ZoneMatch::NameError {
                        response.metadata.response_code = ResponseCode::NXDomain;
                    }
                    response.add_authority(zone.soa().clone());
                    return;
                }
            };
            response.metadata.authoritative = true;
            let owned = |records: &[Record]| -> Vec<Record> {
                let mut records = records.to_vec();
                if synthesised {
                    for record in &mut records {
                        record.name = name.clone();
                    }
                }
                records
            };
            if let Some(records) = node.get(&wanted) {
                let records = owned(records);
                self.add_addresses(response, &records);
                response.add_answers(records);
                return;
            }
            let Some(alias) = node.get(&RecordType::CNAME) else {
                response.add_authority(zone.soa().clone());
                return;
            };
            response.add_answers(owned(alias));
            let Some(RData::CNAME(target)) = alias.first().map(|record| &record.data) else {
                return;
            };
            name = target.0.clone();
            let seen = response.answers.iter().any(|record| record.name == name);
            match self.zone(&name) {
                Some(next) if !seen => zone = next,
                _ => return,
            }
        }
    }

    /// Adds the addresses of the servers that `records` name.
    fn add_addresses(&self, response: &mut Message, records: &[Record]) {
        for record in records {
            let name = match &record.data {
                RData::NS(server) => &server.0,
                RData::MX(mail) => &mail.exchange,
                _ => continue,
            };
            if let Some(zone) = self.zone(name) {
                for of in [RecordType::A, RecordType::AAAA] {
                    response.add_additionals(zone.at(name, of).to_vec());
                }
            }
        }
    }
}

/// Makes the response a referral to the servers below a zone cut, with the addresses that lie in
/// the zone (glue).
fn refer(response: &mut Message, zone: &Zone, servers: &[Record]) {
    if !response.answers.is_empty() {
        return;
    }
    response.metadata.authoritative = false;
    response.add_authorities(servers.to_vec());
    for server in servers {
        if let RData::NS(name) = &server.data {
            for of in [RecordType::A, RecordType::AAAA] {
                response.add_additionals(zone.at(&name.0, of).to_vec());
            }
        }
    }
}

/// An empty response to a query, with its question; as an error, the response that refuses the
/// query.
pub(crate) fn begin(query: &Message) -> Result<(Message, Query), Box<Message>> {
    let mut response = Message::response(query.metadata.id, query.metadata.op_code);
    response.metadata = Metadata::response_from_request(&query.metadata);
    response.add_queries(query.queries.iter().cloned());
    if query.edns.is_some() {
        response.set_edns(edns());
    }
    let code = match query.queries.as_slice() {
        _ if query.metadata.op_code != OpCode::Query => ResponseCode::NotImp,
        _ if query.version() > 0 => ResponseCode::BADVERS,
        [question] if question.query_class() != DNSClass::IN => ResponseCode::Refused,
        // ANY queries are refused, as RFC 8482 allows.
        [question] if question.query_type() == RecordType::ANY => ResponseCode::NotImp,
        [question] => {
            let question = question.clone();
            return Ok((response, question));
        }
        _ => ResponseCode::FormErr,
    };
    response.metadata.response_code = code;
    Err(Box::new(response))
}

/// Encodes a response so that it fits what the client accepts over `via`. Additional records are
/// dropped first; if that is not enough, the response is marked as truncated (RFC 2181 §9).
pub(crate) fn encode(
    mut response: Message,
    query: &Message,
    via: Via,
) -> Result<Vec<u8>, ProtoError> {
    let limit = match via {
        Via::Tcp => usize::from(u16::MAX),
        Via::Udp => usize::from(query.max_payload().clamp(UDP_FLOOR, UDP_PAYLOAD)),
    };
    let bytes = response.to_vec()?;
    if bytes.len() <= limit {
        return Ok(bytes);
    }
    // The glue of a referral may not be dropped (RFC 9471).
    if !response.answers.is_empty() {
        response.additionals.clear();
        let bytes = response.to_vec()?;
        if bytes.len() <= limit {
            return Ok(bytes);
        }
    }
    response.truncate().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Question;
    use crate::testing::name;
    use core::fmt::Write as _;
    use hickory_proto::op::{Edns, MessageType};

    const EXAMPLE: &str = "
$TTL 300
@        IN SOA ns root 1 7200 900 86400 60
@        IN NS  ns
ns       IN A   192.0.2.53
www      IN CNAME web
web      IN A   192.0.2.80
web      IN AAAA 2001:db8::80
out      IN CNAME www.example.org.
near     IN CNAME www.example.net.
loop     IN CNAME pool
pool     IN CNAME loop
*.wild   IN A   192.0.2.99
sub      IN NS  ns.sub
sub      IN NS  ns.example.org.
ns.sub   IN A   192.0.2.54
";
    const NET: &str = "
$TTL 300
@        IN SOA ns root 1 7200 900 86400 60
www      IN A   192.0.2.81
";

    fn authority() -> Authority {
        Authority::new(vec![
            Zone::parse("example.com", EXAMPLE).unwrap(),
            Zone::parse("example.net", NET).unwrap(),
        ])
    }

    fn query(text: &str, record_type: RecordType) -> Message {
        let question = Question::new(name(text), record_type);
        let mut query = Message::new(7, MessageType::Query, OpCode::Query);
        query.add_query(Query::query(question.name, question.record_type));
        query
    }

    fn answer(text: &str, record_type: RecordType) -> Message {
        authority().answer(&query(text, record_type))
    }

    /// Code, AA, and the records of each section.
    fn shape(message: &Message) -> (ResponseCode, bool, [usize; 3]) {
        let counts = [&message.answers, &message.authorities, &message.additionals].map(Vec::len);
        (message.metadata.response_code, message.metadata.authoritative, counts)
    }

    #[test]
    fn answers_aliases_and_noes() {
        use RecordType::{A, AAAA, MX};
        use ResponseCode::{NXDomain, NoError, Refused};
        for (text, record_type, expected) in [
            ("web.example.com", A, (NoError, true, [1, 0, 0])),
            ("www.example.com", AAAA, (NoError, true, [2, 0, 0])),
            ("near.example.com", A, (NoError, true, [2, 0, 0])),
            ("out.example.com", A, (NoError, true, [1, 0, 0])),
            ("loop.example.com", A, (NoError, true, [2, 0, 0])),
            ("web.example.com", MX, (NoError, true, [0, 1, 0])),
            ("nope.example.com", A, (NXDomain, true, [0, 1, 0])),
            ("wild.example.com", A, (NoError, true, [0, 1, 0])),
            ("sub.example.com", A, (NoError, false, [0, 2, 1])),
            ("www.sub.example.com", A, (NoError, false, [0, 2, 1])),
            ("www.example.org", A, (Refused, false, [0, 0, 0])),
        ] {
            assert_eq!(shape(&answer(text, record_type)), expected, "{text}");
        }
        assert_eq!(shape(&answer("example.com", RecordType::NS)).2, [1, 0, 1]);
    }

    #[test]
    fn a_wildcards_records_bear_the_name_that_was_asked_for() {
        let answer = answer("any.wild.example.com", RecordType::A);
        assert_eq!(answer.answers[0].name, name("any.wild.example.com"));
    }

    #[test]
    fn odd_queries_are_refused_with_their_code() {
        let mut status = query("web.example.com", RecordType::A);
        status.metadata.op_code = OpCode::Status;
        let mut two = query("web.example.com", RecordType::A);
        two.add_query(two.queries[0].clone());
        let mut chaos = query("web.example.com", RecordType::A);
        chaos.queries[0].set_query_class(DNSClass::CH);
        let mut future = query("web.example.com", RecordType::A);
        future.set_edns(Edns::new().set_version(1).clone());
        for (query, code) in [
            (status, ResponseCode::NotImp),
            (two, ResponseCode::FormErr),
            (chaos, ResponseCode::Refused),
            (future, ResponseCode::BADVERS),
            (query("example.com", RecordType::ANY), ResponseCode::NotImp),
        ] {
            assert_eq!(authority().answer(&query).metadata.response_code, code);
        }
    }

    #[test]
    fn what_does_not_fit_is_cut_over_udp_and_whole_over_tcp() {
        let mut text = String::from("$TTL 300\n@ IN SOA ns root 1 7200 900 86400 60\n");
        for n in 0..60 {
            writeln!(text, "many IN A 192.0.2.{n}").unwrap();
        }
        let authority = Authority::new(vec![Zone::parse("example.com", &text).unwrap()]);
        let mut query = query("many.example.com", RecordType::A);
        let read = |query: &Message, via| {
            let bytes = encode(authority.answer(query), query, via).unwrap();
            (bytes.len(), Message::from_vec(&bytes).unwrap())
        };
        let (length, cut) = read(&query, Via::Udp);
        assert!(length <= 512 && cut.metadata.truncation && cut.answers.is_empty());
        let (_, whole) = read(&query, Via::Tcp);
        assert!(!whole.metadata.truncation && whole.answers.len() == 60);
        query.set_edns(edns());
        let (length, whole) = read(&query, Via::Udp);
        assert!(length > 512 && whole.answers.len() == 60);
    }
}
