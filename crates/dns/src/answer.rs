//! `Reading`: the meaning of an answer, as its chain of aliases and its records, or why there are
//! none.

use std::net::IpAddr;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RData, Record};
use roundtrip_record::Outcome;

use crate::message::{Question, code_name, ttl};

/// The most aliases that are followed for one name; unbound follows 11, BIND 16.
pub(crate) const MOST_ALIASES: usize = 16;

/// The meaning of an answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The aliases followed, the first one first.
    pub(crate) aliases: Vec<Name>,
    /// The smallest time to live of the aliases' records, in seconds.
    pub(crate) alias_ttl: u32,
    /// What the answer says of the name at the end of the aliases.
    pub(crate) said: AnswerContent,
}

/// What an answer says of one name and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AnswerContent {
    /// The records.
    Records(Vec<Record>),
    /// Nothing: the name is the target of an alias and has to be asked for.
    Alias,
    /// The name does not exist.
    NxDomain(Negative),
    /// The name exists, but has no such records.
    NoData(Negative),
    /// The server answered with an error.
    Refused(ResponseCode),
    /// The answer contradicts itself, in this way.
    Broken(&'static str),
}

/// How long a negative answer holds, and which zone gave it (RFC 2308 §5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Negative {
    /// The SOA record that came with the answer.
    pub(crate) soa: Option<Box<Record>>,
    /// How long the answer may be kept, in seconds: the smaller of the SOA's minimum and its time
    /// to live.
    pub(crate) ttl: Option<u32>,
}

impl Negative {
    /// The zone of the SOA record.
    pub(crate) fn zone(&self) -> Option<String> {
        self.soa.as_ref().map(|soa| soa.name.to_ascii())
    }
}

impl Reading {
    /// Reads an answer from a server that is believed for names in `zone` only, which is `.` for a
    /// recursive server. What it says of other names is ignored (RFC 2181 §5.4.1).
    pub(crate) fn of(message: &Message, question: &Question, zone: &Name) -> Self {
        let mut reading =
            Self { aliases: Vec::new(), alias_ttl: u32::MAX, said: AnswerContent::Alias };
        reading.said = reading.follow(message, question, zone);
        reading
    }

    /// The name at the end of the aliases.
    pub(crate) fn owner<'a>(&'a self, question: &'a Question) -> &'a Name {
        self.aliases.last().unwrap_or(&question.name)
    }

    fn follow(&mut self, message: &Message, question: &Question, zone: &Name) -> AnswerContent {
        let code = message.metadata.response_code;
        if !matches!(code, ResponseCode::NoError | ResponseCode::NXDomain) {
            return AnswerContent::Refused(code);
        }
        loop {
            let owner = self.owner(question).clone();
            if !zone.zone_of(&owner) {
                return AnswerContent::Alias;
            }
            let own = of(&message.answers, &owner);
            let wanted: Vec<Record> =
                own.clone().filter(|r| r.record_type() == question.record_type).cloned().collect();
            if !wanted.is_empty() {
                return AnswerContent::Records(wanted);
            }
            let alias = own.filter_map(|r| match &r.data {
                RData::CNAME(target) => Some((target.0.to_lowercase(), ttl(r))),
                _ => None,
            });
            let Some((target, ttl)) = alias.take(1).next() else {
                return self.nothing(message, &owner, zone);
            };
            if target == question.name || self.aliases.contains(&target) {
                self.aliases.push(target);
                return AnswerContent::Broken("the aliases form a loop");
            }
            if self.aliases.len() == MOST_ALIASES {
                return AnswerContent::Broken("too many aliases");
            }
            self.alias_ttl = self.alias_ttl.min(ttl);
            self.aliases.push(target);
        }
    }

    /// The reason why the answer has no record of `owner`.
    fn nothing(&self, message: &Message, owner: &Name, zone: &Name) -> AnswerContent {
        let negative = message.authorities.iter().find_map(|record| match &record.data {
            RData::SOA(soa) if record.name.zone_of(owner) && zone.zone_of(&record.name) => {
                let ttl = ttl(record).min(soa.minimum);
                Some(Negative { soa: Some(Box::new(record.clone())), ttl: Some(ttl) })
            }
            _ => None,
        });
        match (message.metadata.response_code, negative) {
            (ResponseCode::NXDomain, negative) => {
                AnswerContent::NxDomain(negative.unwrap_or_default())
            }
            (_, Some(negative)) => AnswerContent::NoData(negative),
            (_, None) if !self.aliases.is_empty() => AnswerContent::Alias,
            (_, None) => AnswerContent::NoData(Negative::default()),
        }
    }

    /// How long the whole answer may be kept, in seconds.
    pub(crate) fn lifetime(&self) -> u32 {
        match &self.said {
            AnswerContent::Records(records) => {
                records.iter().map(ttl).fold(self.alias_ttl, u32::min)
            }
            AnswerContent::NxDomain(negative) | AnswerContent::NoData(negative) => {
                negative.ttl.unwrap_or(0).min(self.alias_ttl)
            }
            _ => 0,
        }
    }

    /// The outcome of the answer for the record.
    pub(crate) fn outcome(&self) -> Outcome {
        match &self.said {
            AnswerContent::Records(records) => Outcome::Found {
                addresses: addresses(records),
                ttl: Some(self.lifetime()),
                origin: None,
            },
            AnswerContent::Alias => match self.aliases.last() {
                Some(target) => Outcome::Alias { target: target.to_ascii() },
                None => Outcome::Failed { why: "the answer is of another zone".into() },
            },
            AnswerContent::NxDomain(negative) => {
                Outcome::NxDomain { ttl: negative.ttl, soa: negative.zone() }
            }
            AnswerContent::NoData(negative) => {
                Outcome::NoData { ttl: negative.ttl, soa: negative.zone() }
            }
            AnswerContent::Refused(code) => Outcome::Refused { code: code_name(*code) },
            AnswerContent::Broken(why) => Outcome::Failed { why: (*why).to_owned() },
        }
    }
}

/// The records of one owner name, of class IN.
pub(crate) fn of<'a>(
    records: &'a [Record],
    owner: &'a Name,
) -> impl Iterator<Item = &'a Record> + Clone {
    records.iter().filter(move |r| r.dns_class == DNSClass::IN && r.name == *owner)
}

/// The addresses among records, in their order.
pub(crate) fn addresses(records: &[Record]) -> Vec<IpAddr> {
    records.iter().filter_map(|record| record.data.ip_addr()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::absolute;
    use crate::testing::{message, name};
    use core::fmt::Write as _;
    use hickory_proto::rr::RecordType;

    fn question() -> Question {
        Question::new(name("www.example.com."), RecordType::A)
    }

    fn read(answers: &str, authorities: &str, code: ResponseCode, zone: &str) -> Reading {
        let mut message = message(&question(), answers, authorities, "");
        message.metadata.response_code = code;
        Reading::of(&message, &question(), &absolute(zone).unwrap())
    }

    const SOA: &str =
        "example.com. 900 IN SOA ns.example.com. root.example.com. 1 7200 900 86400 300";

    #[test]
    fn a_chain_within_the_answer_is_followed_and_the_least_lifetime_counts() {
        let reading = read(
            "b.example.com. 60 IN A 192.0.2.1\n\
             www.example.com. 30 IN CNAME a.example.com.\n\
             a.example.com. 90 IN CNAME B.example.com.\n\
             other.example.com. 5 IN A 192.0.2.66",
            "",
            ResponseCode::NoError,
            ".",
        );
        let AnswerContent::Records(records) = &reading.said else { panic!("{reading:?}") };
        assert_eq!(addresses(records), ["192.0.2.1".parse::<IpAddr>().unwrap()]);
        assert_eq!(reading.aliases, [name("a.example.com."), name("b.example.com.")]);
        assert_eq!(reading.lifetime(), 30);
    }

    #[test]
    fn negatives_hold_as_long_as_the_soa_says() {
        let soa = Some("example.com.".to_owned());
        let reading = read("", SOA, ResponseCode::NXDomain, ".");
        assert_eq!(reading.outcome(), Outcome::NxDomain { ttl: Some(300), soa: soa.clone() });
        let reading = read("", SOA, ResponseCode::NoError, ".");
        assert_eq!(reading.outcome(), Outcome::NoData { ttl: Some(300), soa });
        assert_eq!(reading.lifetime(), 300);
        let foreign = SOA.replacen("example.com.", "example.net.", 1);
        let reading = read("", &foreign, ResponseCode::NXDomain, ".");
        assert_eq!(reading.said, AnswerContent::NxDomain(Negative::default()));
    }

    #[test]
    fn loops_and_long_chains_end() {
        let looped = "www.example.com. 1 IN CNAME a.example.com.\na.example.com. 1 IN CNAME www.example.com.";
        assert!(matches!(
            read(looped, "", ResponseCode::NoError, ".").said,
            AnswerContent::Broken(_)
        ));
        let mut long = String::from("www.example.com. 1 IN CNAME n0.example.com.\n");
        for n in 0..20 {
            writeln!(long, "n{n}.example.com. 1 IN CNAME n{}.example.com.", n + 1).unwrap();
        }
        assert!(matches!(
            read(&long, "", ResponseCode::NoError, ".").said,
            AnswerContent::Broken(_)
        ));
    }

    #[test]
    fn a_server_is_not_believed_outside_its_zone() {
        let reading = read(
            "www.example.com. 30 IN CNAME www.example.net.\nwww.example.net. 30 IN A 192.0.2.66",
            "",
            ResponseCode::NoError,
            "example.com.",
        );
        assert_eq!(reading.said, AnswerContent::Alias);
        assert_eq!(reading.aliases, [name("www.example.net.")]);
    }
}
