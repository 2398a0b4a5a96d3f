//! `Recursive`: a recursive name server, which walks from the root and caches answers.

use core::cell::RefCell;
use core::time::Duration;
use std::collections::BTreeMap;
use std::net::SocketAddr;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::CNAME;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use roundtrip_record::{EventId, NameEnded, NameStarted, Time, Trace as _, What};
use roundtrip_wire::Wire;

use crate::answer::{AnswerContent, Reading, addresses};
use crate::authority::begin;
use crate::expiring::Expiring;
use crate::gate::{Gate, Keeper, gate};
use crate::iterate::iterate;
use crate::message::{Question, ttl};
use crate::server::{Respond, Response};
use crate::tree::Tree;

/// The most answers that are kept.
const CAPACITY: usize = 8192;
/// The longest time an answer is kept, in seconds.
const LONGEST: u32 = 86_400;
/// How long a failure is kept, in seconds (RFC 9520 §3.2: at least one).
const FAILURE: u32 = 1;

type Key = (Name, RecordType);

/// A recursive name server, to be [served](crate::serve) on its own wire.
pub struct Recursive<W> {
    wire: W,
    tree: RefCell<Tree>,
    answers: RefCell<Expiring<Key, CachedResponse, Time>>,
    /// The questions being walked for; later clients with the same question wait for the result.
    in_flight: RefCell<BTreeMap<Key, Gate>>,
}

/// An answer as it is cached.
#[derive(Clone, Debug)]
struct CachedResponse {
    code: ResponseCode,
    records: Vec<Record>,
    soa: Option<Record>,
}

impl<W: Wire> Recursive<W> {
    /// A server that knows the root servers of its environment.
    pub fn new(wire: W) -> Self {
        let root_hints = wire.environment().root_hints();
        Self::with_tree(wire, Tree::new(&root_hints))
    }

    /// A server that walks another delegation tree.
    pub fn with_tree(wire: W, tree: Tree) -> Self {
        Self {
            wire,
            tree: RefCell::new(tree),
            answers: RefCell::new(Expiring::new(CAPACITY)),
            in_flight: RefCell::default(),
        }
    }

    /// The cached answer, with the rest of its time to live.
    fn kept(&self, key: &Key) -> Option<CachedResponse> {
        let (answers, now) = (self.answers.borrow(), self.wire.now());
        let entry = answers.get(key, now)?;
        let age = u32::try_from(now.since(entry.since).as_secs()).unwrap_or(u32::MAX);
        let mut answer = entry.value.clone();
        for record in answer.records.iter_mut().chain(&mut answer.soa) {
            record.ttl = ttl(record).saturating_sub(age);
        }
        Some(answer)
    }

    /// Finds the answer to a question, and the event that brought it.
    async fn find(&self, key: Key, event: Option<EventId>) -> (CachedResponse, Option<EventId>) {
        loop {
            if let Some(answer) = self.kept(&key) {
                return (answer, event);
            }
            let waiting = self.in_flight.borrow().get(&key).cloned();
            let Some(waiting) = waiting else { break };
            waiting.end().await;
            if self.kept(&key).is_none() && !self.in_flight.borrow().contains_key(&key) {
                break;
            }
        }
        let (done, waiting) = gate();
        self.in_flight.borrow_mut().insert(key.clone(), waiting);
        let _end = WalkGuard { server: self, key: &key, _done: done };
        self.walk(&key, event).await
    }

    async fn walk(&self, key: &Key, cause: Option<EventId>) -> (CachedResponse, Option<EventId>) {
        let (wire, lookup) = (&self.wire, self.wire.log().lookup_id());
        let (name, record_type) = key.clone();
        let started = wire.log().emit(wire.now(), cause, || {
            let types = vec![record_type.to_string()];
            What::NameStarted(NameStarted { lookup, name: name.to_ascii(), types })
        });
        let question = Question::new(name, record_type);
        let walked = iterate(wire, lookup, question, &self.tree, started.or(cause)).await;
        let (answer, lifetime) = CachedResponse::of(&key.0, walked.end.as_ref().ok());
        let ended = wire.log().emit(wire.now(), walked.event, || {
            let aliases = walked.end.as_ref().ok().map(|reading| reading.aliases.as_slice());
            What::NameEnded(NameEnded {
                lookup,
                addresses: addresses(&answer.records),
                aliases: aliases.unwrap_or_default().iter().map(Name::to_ascii).collect(),
                ttl: walked.end.as_ref().ok().map(|_| lifetime),
            })
        });
        let now = wire.now();
        let until = now + Duration::from_secs(lifetime.min(LONGEST).into());
        self.answers.borrow_mut().insert(key.clone(), answer.clone(), now, until);
        (answer, ended.or(walked.event))
    }
}

/// Ends the wait of other clients when a walk ends, whatever its result.
struct WalkGuard<'a, W> {
    server: &'a Recursive<W>,
    key: &'a Key,
    _done: Keeper,
}

impl<W> Drop for WalkGuard<'_, W> {
    fn drop(&mut self) {
        self.server.in_flight.borrow_mut().remove(self.key);
    }
}

impl CachedResponse {
    /// The answer that a walk's end gives, and for how many seconds it may be kept.
    fn of(name: &Name, end: Option<&Reading>) -> (Self, u32) {
        let failure = Self { code: ResponseCode::ServFail, records: Vec::new(), soa: None };
        let Some(reading) = end else { return (failure, FAILURE) };
        let lifetime = reading.lifetime();
        let mut records = Vec::new();
        let mut owner = name;
        for alias in &reading.aliases {
            let target = RData::CNAME(CNAME(alias.clone()));
            records.push(Record::from_rdata(owner.clone(), reading.alias_ttl, target));
            owner = alias;
        }
        let (code, soa) = match &reading.said {
            AnswerContent::Records(found) => {
                records.extend(found.iter().cloned());
                (ResponseCode::NoError, None)
            }
            AnswerContent::NxDomain(negative) => {
                (ResponseCode::NXDomain, negative.soa.as_deref().cloned())
            }
            AnswerContent::NoData(negative) => {
                (ResponseCode::NoError, negative.soa.as_deref().cloned())
            }
            AnswerContent::Alias | AnswerContent::Refused(_) | AnswerContent::Broken(_) => {
                return (failure, FAILURE);
            }
        };
        (Self { code, records, soa }, lifetime)
    }
}

impl<W: Wire> Respond for Recursive<W> {
    async fn respond(
        &self,
        query: &Message,
        _: SocketAddr,
        event: Option<EventId>,
    ) -> Option<Response> {
        let (mut message, question) = match begin(query) {
            Ok(begun) => begun,
            Err(refusal) => return Some(Response { message: *refusal, cause: event }),
        };
        message.metadata.recursion_available = true;
        if !query.metadata.recursion_desired {
            // The server has no data of its own, and knows nothing without recursion.
            message.metadata.response_code = ResponseCode::Refused;
            return Some(Response { message, cause: event });
        }
        let key = (question.name().to_lowercase(), question.query_type());
        let (answer, cause) = self.find(key, event).await;
        message.metadata.response_code = answer.code;
        message.add_answers(answer.records);
        message.add_authorities(answer.soa);
        Some(Response { message, cause })
    }
}
