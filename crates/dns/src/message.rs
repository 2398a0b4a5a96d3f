//! DNS messages as this crate uses them: hickory-proto's format, our checks, and their form in the
//! record.

use core::fmt::Write as _;
use std::net::SocketAddr;

use hickory_proto::ProtoError;
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use roundtrip_record::{Direction, DnsMessage, LookupId, ResourceRecord, What};

use crate::edns::Extension;
use crate::resolv::{Policy, Recursion, UDP_PAYLOAD};
use crate::via::Via;

/// The question of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name asked for, fully qualified.
    pub name: Name,
    /// The record type asked for.
    pub record_type: RecordType,
}

/// The bytes of a UDP message that every client accepts (RFC 1035 §4.2.1).
pub(crate) const UDP_FLOOR: u16 = 512;

/// Why a received message is no answer to the question (RFC 5452 §9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RejectReason {
    /// The message came from an address that was not asked.
    #[error("wrong source")]
    WrongSource,
    /// The message's id is not that of the query.
    #[error("wrong id")]
    WrongId,
    /// The message answers another question.
    #[error("wrong question")]
    WrongQuestion,
    /// The message is a query, or for an operation that was not asked for.
    #[error("not a response")]
    NotAResponse,
    /// The message cannot be parsed.
    #[error("not a message")]
    NotAMessage,
}

impl Question {
    /// A question of class IN.
    pub fn new(name: Name, record_type: RecordType) -> Self {
        Self { name, record_type }
    }

    /// The bytes of a query with this question.
    pub(crate) fn encode(
        &self,
        id: u16,
        policy: &Policy,
        extension: Extension,
    ) -> Result<Vec<u8>, ProtoError> {
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = policy.recursion == Recursion::Desired;
        message.metadata.authentic_data = policy.authentic_data;
        message.add_query(Query::query(self.name.clone(), self.record_type));
        if extension == Extension::Edns {
            message.set_edns(edns());
        }
        message.to_vec()
    }

    /// Parses received bytes, and checks that they answer this question.
    pub(crate) fn answer(&self, id: u16, bytes: &[u8]) -> Result<Message, RejectReason> {
        let head = Header::read(bytes).ok_or(RejectReason::NotAMessage)?;
        if head.id != id {
            return Err(RejectReason::WrongId);
        }
        let message = Message::from_vec(bytes).map_err(|_| RejectReason::NotAMessage)?;
        if message.metadata.message_type != MessageType::Response
            || message.metadata.op_code != OpCode::Query
        {
            return Err(RejectReason::NotAResponse);
        }
        let fits = match message.queries.as_slice() {
            [asked] => {
                asked.query_class() == DNSClass::IN
                    && asked.query_type() == self.record_type
                    && *asked.name() == self.name
            }
            // A server that could not parse the query cannot repeat the question (RFC 1035 §4.1.1,
            // RCODE 1).
            [] => !matches!(
                message.metadata.response_code,
                ResponseCode::NoError | ResponseCode::NXDomain
            ),
            _ => false,
        };
        if fits { Ok(message) } else { Err(RejectReason::WrongQuestion) }
    }
}

/// The OPT record that our queries carry (RFC 6891 §6.1).
pub(crate) fn edns() -> Edns {
    let mut edns = Edns::new();
    edns.set_max_payload(UDP_PAYLOAD).set_version(0);
    edns
}

/// The header, the 12 bytes before the question (RFC 1035 §4.1.1). It can be read even where the
/// rest cannot.
struct Header {
    id: u16,
    flags: u16,
    counts: [u16; 3],
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
        Some(Self { id: word(0)?, flags: word(2)?, counts: [word(6)?, word(8)?, word(10)?] })
    }

    fn is_response(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    fn flag_names(&self) -> Vec<String> {
        const FLAGS: [(u16, &str); 6] = [
            (0x0400, "AA"),
            (0x0200, "TC"),
            (0x0100, "RD"),
            (0x0080, "RA"),
            (0x0020, "AD"),
            (0x0010, "CD"),
        ];
        let set = FLAGS.iter().filter(|(bit, _)| self.flags & bit != 0);
        set.map(|(_, name)| (*name).to_owned()).collect()
    }
}

/// A message that is sent or was received, with what the record needs to know of it.
#[derive(Clone, Copy)]
pub(crate) struct RecordedMessage<'a> {
    pub(crate) lookup: Option<LookupId>,
    pub(crate) direction: Direction,
    pub(crate) peer: SocketAddr,
    pub(crate) via: Via,
    pub(crate) bytes: &'a [u8],
    pub(crate) dropped: Option<RejectReason>,
}

impl RecordedMessage<'_> {
    /// The event that reports the message.
    pub(crate) fn event(self) -> What {
        let head = Header::read(self.bytes).unwrap_or(Header { id: 0, flags: 0, counts: [0; 3] });
        let message = Message::from_vec(self.bytes).ok();
        let question = message.as_ref().and_then(|message| message.queries.first());
        let code = message.as_ref().map_or_else(
            || ResponseCode::from_low((head.flags & 0xf) as u8),
            |message| message.metadata.response_code,
        );
        What::DnsMessage(DnsMessage {
            lookup: self.lookup,
            direction: self.direction,
            peer: self.peer,
            transport: self.via.name().to_owned(),
            id: head.id,
            question: question
                .map(|q| format!("{} {}", q.name().to_ascii(), q.query_type()))
                .unwrap_or_default(),
            code: head.is_response().then(|| code_name(code)),
            flags: head.flag_names(),
            counts: head.counts,
            length: self.bytes.len() as u32,
            dropped: self.dropped.map(|why| why.to_string()),
            arrived: None,
        })
    }
}

/// The records of all sections as a zone file writes them.
pub(crate) fn records(message: &Message) -> Vec<ResourceRecord> {
    message.all_sections().map(record).collect()
}

/// A resource record as a zone file writes it.
pub(crate) fn record(record: &Record) -> ResourceRecord {
    let mut data = String::new();
    match &record.data {
        RData::TXT(text) => {
            let strings: Vec<String> = text.txt_data.iter().map(|part| quoted(part)).collect();
            data = strings.join(" ");
        }
        other => {
            if write!(data, "{other}").is_err() {
                data.clear();
            }
        }
    }
    ResourceRecord {
        name: record.name.to_ascii(),
        ttl: ttl(record),
        record_type: record.record_type().to_string(),
        data,
    }
}

/// A character string in quotes, as a zone file writes it (RFC 1035 §5.1).
fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for byte in bytes {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => text.push(char::from(*byte)),
            other => text.extend(format!("\\{other:03}").chars()),
        }
    }
    text.push('"');
    text
}

/// A record's time to live in seconds; 0 if its highest bit is set (RFC 2181 §8).
pub(crate) fn ttl(record: &Record) -> u32 {
    if record.ttl > i32::MAX as u32 { 0 } else { record.ttl }
}

/// The name of a response code, as dig writes it.
pub(crate) fn code_name(code: ResponseCode) -> String {
    let name = match code {
        ResponseCode::NoError => "NOERROR",
        ResponseCode::FormErr => "FORMERR",
        ResponseCode::ServFail => "SERVFAIL",
        ResponseCode::NXDomain => "NXDOMAIN",
        ResponseCode::NotImp => "NOTIMP",
        ResponseCode::Refused => "REFUSED",
        ResponseCode::YXDomain => "YXDOMAIN",
        ResponseCode::YXRRSet => "YXRRSET",
        ResponseCode::NXRRSet => "NXRRSET",
        ResponseCode::NotAuth => "NOTAUTH",
        ResponseCode::NotZone => "NOTZONE",
        // The number also stands for BADSIG, which name servers do not send us.
        ResponseCode::BADVERS | ResponseCode::BADSIG => "BADVERS",
        ResponseCode::BADCOOKIE => "BADCOOKIE",
        other => return format!("RCODE{}", u16::from(other)),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::absolute;
    use crate::resolv::Resolv;
    use proptest::prelude::*;

    fn question() -> Question {
        Question::new(absolute("www.example.com").unwrap(), RecordType::A)
    }

    fn query(id: u16) -> Vec<u8> {
        question().encode(id, &Resolv::default().policy, Extension::Edns).unwrap()
    }

    fn response(id: u16) -> Vec<u8> {
        let mut bytes = query(id);
        bytes[2] |= 0x80;
        bytes
    }

    #[test]
    fn only_the_answer_to_the_question_is_taken() {
        assert!(question().answer(7, &response(7)).is_ok());
        assert_eq!(question().answer(8, &response(7)), Err(RejectReason::WrongId));
        assert_eq!(question().answer(7, &query(7)), Err(RejectReason::NotAResponse));
        assert_eq!(question().answer(7, &response(7)[..20]), Err(RejectReason::NotAMessage));
        let other = Question::new(absolute("www.example.net").unwrap(), RecordType::A);
        assert_eq!(other.answer(7, &response(7)), Err(RejectReason::WrongQuestion));
        let aaaa = Question::new(question().name, RecordType::AAAA);
        assert_eq!(aaaa.answer(7, &response(7)), Err(RejectReason::WrongQuestion));
        let loud = Question::new(Name::from_ascii("WWW.EXAMPLE.COM.").unwrap(), RecordType::A);
        assert!(loud.answer(7, &response(7)).is_ok());
    }

    #[test]
    fn the_event_tells_what_the_header_says_even_of_what_cannot_be_read() {
        let bytes = response(0x1234);
        for (bytes, question) in [(&bytes[..], "www.example.com. A"), (&bytes[..20], "")] {
            let passing = RecordedMessage {
                lookup: None,
                direction: Direction::Received,
                peer: "192.0.2.53:53".parse().unwrap(),
                via: Via::Udp,
                bytes,
                dropped: None,
            };
            let What::DnsMessage(event) = passing.event() else { panic!("another event") };
            assert_eq!((event.id, event.question.as_str()), (0x1234, question));
            assert_eq!(event.code.as_deref(), Some("NOERROR"));
            assert_eq!(event.flags, ["RD"]);
            assert_eq!(event.counts, [0, 0, 1]);
        }
    }

    #[test]
    fn text_is_written_as_zone_files_have_it() {
        assert_eq!(quoted(b"v=spf1 -all"), "\"v=spf1 -all\"");
        assert_eq!(quoted(b"a\"b\\c\n\xff"), "\"a\\\"b\\\\c\\010\\255\"");
    }

    #[test]
    fn compression_loops_end() {
        let mut bytes = response(7);
        bytes[12] = 0xc0;
        bytes[13] = 12;
        assert_eq!(question().answer(7, &bytes), Err(RejectReason::NotAMessage));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let id = u16::from_be_bytes([*bytes.first().unwrap_or(&0), *bytes.get(1).unwrap_or(&0)]);
            if let Ok(message) = question().answer(id, &bytes) {
                records(&message);
            }
        }

        #[test]
        fn damaged_messages_are_read_or_refused(
            at in proptest::collection::vec((0usize..512, any::<u8>()), 1..12),
            tail in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut bytes = response(7);
            bytes.extend(tail);
            for (at, byte) in at {
                let length = bytes.len();
                bytes[at % length] = byte;
            }
            let passing = RecordedMessage {
                lookup: None, direction: Direction::Received, peer: "192.0.2.53:53".parse().unwrap(),
                via: Via::Udp, bytes: &bytes, dropped: None,
            };
            passing.event();
            if let Ok(message) = Message::from_vec(&bytes) {
                records(&message);
            }
        }
    }
}
