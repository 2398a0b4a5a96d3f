//! The sources that ask over the network: recursive name servers, and our own walk from the root.

use core::future::Future;
use core::pin::pin;
use std::net::SocketAddr;

use futures_util::future::{Either, OptionFuture, join, select};
use hickory_proto::rr::{Name, RecordType};
use roundtrip_record::{EventId, FaultKind, Source};
use roundtrip_wire::Wire;

use crate::answer::{AnswerContent, MOST_ALIASES, Reading, addresses};
use crate::cache::CachedAnswer;
use crate::cache_scope::CacheScope;
use crate::delegation::WalkFailure;
use crate::exchange::NoReply;
use crate::family::Family;
use crate::iterate::iterate;
use crate::ladder::{Found, Ladder};
use crate::local::negative_fault;
use crate::lookup::LookupProgress;
use crate::message::Question;
use crate::nsswitch::Status;
use crate::resolv::{Aaaa, Pairing, Resolv};
use crate::rung::failure_outcome;
use crate::service::{owner, service_patience, services};
use crate::transport::{Upstreams, ask, before};

/// The answer of servers to one question.
pub(crate) struct ServersAnswer {
    pub(crate) end: Result<Reading, ServersFailure>,
    pub(crate) source: Option<Source>,
    pub(crate) event: Option<EventId>,
}

/// Why servers gave no answer.
pub(crate) enum ServersFailure {
    /// Recursive servers gave none.
    Servers {
        /// Why they gave none.
        why: NoReply,
        /// The servers that were asked.
        servers: Vec<SocketAddr>,
        /// The server that was asked last.
        last: Option<SocketAddr>,
    },
    /// A walk from the root ended before it reached the name.
    Walk(Box<WalkFailure>),
}

/// What the answer to one question comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServersOutcome {
    /// The servers gave addresses.
    Found,
    /// The name has no such addresses.
    None,
    /// The servers answered with an error.
    Refused,
    /// No server answered in time.
    Silence,
    /// No server could be asked.
    Unreachable,
}

impl ServersOutcome {
    /// The status that nsswitch.conf knows for this. glibc treats servers that all failed like
    /// none: its resolver ends with `ETIMEDOUT` or `ECONNREFUSED`, and `resolv/nss_dns/dns-host.c`
    /// makes `UNAVAIL` of both.
    pub(crate) fn status(self) -> Status {
        match self {
            Self::Found => Status::Success,
            Self::None => Status::NotFound,
            Self::Refused | Self::Silence | Self::Unreachable => Status::Unavailable,
        }
    }
}

impl<W: Wire> Ladder<W> {
    /// Asks name servers for each name of the search list, until one has addresses. Answers of
    /// their realm that are still in the cache are used.
    pub(crate) async fn name_servers(
        &self,
        candidates: &[Name],
        wanted: &[Family],
        resolv: &Resolv,
        cache_scope: &CacheScope,
    ) -> Status {
        let asked = |family: &&Family| resolv.aaaa == Aaaa::Asked || **family != Family::V6;
        let wanted: Vec<Family> = wanted.iter().filter(asked).copied().collect();
        if wanted.is_empty()
            && let Some(name) = candidates.first()
        {
            self.fault(FaultKind::NoAddress { name: name.to_ascii() });
        }
        let own = self.own_cache(candidates, &wanted, cache_scope);
        let left = candidates.get(own.ask).unwrap_or_default();
        let asked = self.ask_in_turn(left, &own.left, resolv, cache_scope).await;
        if own.found { Status::Success } else { asked }
    }

    async fn ask_in_turn(
        &self,
        candidates: &[Name],
        wanted: &[Family],
        resolv: &Resolv,
        cache_scope: &CacheScope,
    ) -> Status {
        let mut status = Status::NotFound;
        if wanted.is_empty() {
            return status;
        }
        for candidate in candidates {
            let servers = self.turned(resolv);
            let upstreams = self.upstreams(&servers, resolv);
            let said = self.beside_services(
                candidate,
                upstreams,
                self.ask_both(candidate, wanted, resolv.pairing, upstreams, cache_scope),
            );
            let verdicts = said.await;
            if cache_scope.outlives_the_run() {
                self.shared.save_cache();
            }
            if verdicts.contains(&ServersOutcome::Found) {
                return Status::Success;
            }
            let failure = verdicts.iter().find(|verdict| **verdict != ServersOutcome::None);
            status = failure.map_or(status, |verdict| verdict.status());
            // A server that failed for one name may know the next; servers that are silent stay
            // silent.
            if matches!(failure, Some(ServersOutcome::Silence | ServersOutcome::Unreachable)) {
                break;
            }
        }
        status
    }

    /// Asks for the addresses of one name, of each wanted family.
    async fn ask_both(
        &self,
        name: &Name,
        wanted: &[Family],
        pairing: Pairing,
        upstreams: Upstreams<'_>,
        cache_scope: &CacheScope,
    ) -> Vec<ServersOutcome> {
        let one = |family: Option<&Family>| {
            OptionFuture::from(
                family.map(|family| self.ask_family(name, *family, upstreams, cache_scope)),
            )
        };
        let said = match pairing {
            Pairing::Parallel => join(one(wanted.first()), one(wanted.get(1))).await,
            Pairing::Sequential => {
                // As libc does: A first, and no further question to servers that fail.
                let first = one(wanted.iter().find(|family| **family == Family::V4)).await;
                let goes_on =
                    matches!(first, None | Some(ServersOutcome::Found | ServersOutcome::None));
                let next = wanted.iter().find(|family| **family != Family::V4 && goes_on);
                (first, one(next).await)
            }
        };
        [said.0, said.1].into_iter().flatten().collect()
    }

    /// Asks for the service's HTTPS records beside the addresses, if they are wanted. Once the
    /// addresses have come, the records are waited for only a little longer.
    async fn beside_services<T>(
        &self,
        name: &Name,
        upstreams: Upstreams<'_>,
        addresses: impl Future<Output = T>,
    ) -> T {
        let Some(port) = self.options.https else { return addresses.await };
        let wire = &self.shared.wire;
        let begun = wire.now();
        let asked = async {
            let Ok(owner) = owner(name, port) else { return };
            let said = self.question(Question::new(owner, RecordType::HTTPS), upstreams).await;
            let found = match &said.end {
                Ok(Reading { said: AnswerContent::Records(records), .. }) => services(records),
                _ => Vec::new(),
            };
            self.take_services(found);
        };
        match select(pin!(addresses), pin!(asked)).await {
            Either::Right(((), addresses)) => addresses.await,
            Either::Left((addresses, asked)) => {
                let until = wire.now() + service_patience(wire.now().since(begun));
                before(wire, until, asked).await;
                addresses
            }
        }
    }

    /// The servers in the order in which to ask them for this question; `rotate` changes it each
    /// time.
    pub(crate) fn turned(&self, resolv: &Resolv) -> Vec<SocketAddr> {
        let mut servers = resolv.servers.clone();
        if resolv.rotate && !servers.is_empty() {
            let turn = self.shared.turn.get();
            self.shared.turn.set(turn.wrapping_add(1));
            let places = turn % servers.len();
            servers.rotate_left(places);
        }
        servers
    }

    pub(crate) fn upstreams<'a>(
        &'a self,
        servers: &'a [SocketAddr],
        resolv: &Resolv,
    ) -> Upstreams<'a> {
        let policy = self.options.policy.unwrap_or(resolv.policy);
        Upstreams { servers, policy, edns: &self.shared.edns }
    }

    async fn ask_family(
        &self,
        name: &Name,
        family: Family,
        upstreams: Upstreams<'_>,
        cache_scope: &CacheScope,
    ) -> ServersOutcome {
        let said =
            self.question(Question::new(name.clone(), family.record_type()), upstreams).await;
        self.conclude(name, family, said, cache_scope)
    }

    /// Puts a question to recursive servers. If the answer ends at an alias, the alias's target is
    /// asked for too.
    pub(crate) async fn question(
        &self,
        mut question: Question,
        upstreams: Upstreams<'_>,
    ) -> ServersAnswer {
        let name = question.name.clone();
        let mut event = self.cause();
        let mut whole: Option<Reading> = None;
        loop {
            let rung = self.rung(&question.name.to_ascii(), &question.record_type.to_string());
            let mut reading = None;
            // Boxed, since the future of the whole ladder is as large as its largest part.
            let asked = Box::pin(ask(
                &rung,
                question.clone(),
                upstreams,
                |server| Source::NameServer { server },
                |reply| match reply {
                    Ok(message) => {
                        let read = Reading::of(message, &question, &Name::root());
                        let outcome = read.outcome();
                        reading = Some(read);
                        outcome
                    }
                    Err(why) => failure_outcome(why),
                },
                event,
            ))
            .await;
            event = asked.event.or(event);
            let end = match (asked.reply, reading) {
                (Err(why), _) => Err(why),
                (Ok(_), Some(reading)) => match join_aliases(whole.take(), reading, &name) {
                    reading if reading.said == AnswerContent::Alias => {
                        if let Some(target) = reading.aliases.last() {
                            question.name = target.clone();
                        }
                        whole = Some(reading);
                        continue;
                    }
                    joined => Ok(joined),
                },
                (Ok(_), None) => Err(NoReply::Failed("no answer was read".into())),
            };
            let last = asked.server;
            let servers = upstreams.servers.to_vec();
            return ServersAnswer {
                end: end.map_err(|why| ServersFailure::Servers { why, servers, last }),
                source: last.map(|server| Source::NameServer { server }),
                event,
            };
        }
    }

    /// Walks from the root for one family after the other; the second walk starts where the first
    /// ended.
    pub(crate) async fn walk(&self, name: &Name, wanted: &[Family]) {
        if wanted.is_empty() {
            return;
        }
        let cache_scope = CacheScope::of_walk();
        for family in wanted.iter().rev() {
            let said = self.walk_for(Question::new(name.clone(), family.record_type())).await;
            // A name that does not exist has no records of any type (RFC 2308 §5), and a walk that
            // cannot reach the name cannot do so for any type.
            let is_all = !matches!(
                &said.end,
                Ok(Reading { said: AnswerContent::Records(_) | AnswerContent::NoData(_), .. })
            );
            self.conclude(name, *family, said, &cache_scope);
            if is_all {
                break;
            }
        }
        self.shared.save_cache();
    }

    /// Walks from the root for one question.
    pub(crate) async fn walk_for(&self, question: Question) -> ServersAnswer {
        let (wire, tree) = (&self.shared.wire, &self.shared.tree);
        let walked = iterate(wire, self.id, question, tree, self.cause()).await;
        ServersAnswer {
            end: walked.end.map_err(ServersFailure::Walk),
            source: walked.source,
            event: walked.event,
        }
    }

    /// Takes the answer for a name and family: for the caller, and into our own cache.
    fn conclude(
        &self,
        name: &Name,
        family: Family,
        said: ServersAnswer,
        cache_scope: &CacheScope,
    ) -> ServersOutcome {
        let verdict = self.answered(name, family, said, cache_scope);
        if verdict != ServersOutcome::Found {
            self.tell_of(LookupProgress::Nothing(family));
        }
        verdict
    }

    fn answered(
        &self,
        name: &Name,
        family: Family,
        said: ServersAnswer,
        cache_scope: &CacheScope,
    ) -> ServersOutcome {
        self.caused(said.event);
        let text = name.to_ascii();
        let reading = match said.end {
            Ok(reading) => reading,
            Err(failure) => return self.failed(text, failure),
        };
        let ttl = reading.lifetime();
        let aliases: Vec<String> = reading.aliases.iter().map(Name::to_ascii).collect();
        let (known, verdict) = match &reading.said {
            AnswerContent::Records(records) => {
                let addresses = addresses(records);
                self.take(Found {
                    name: text.clone(),
                    addresses: addresses.clone(),
                    aliases: aliases.clone(),
                    ttl: Some(ttl),
                    source: said.source.unwrap_or(Source::OwnCache),
                    event: said.event,
                });
                (CachedAnswer::Addresses { addresses, aliases }, ServersOutcome::Found)
            }
            AnswerContent::NxDomain(negative) => {
                let soa = negative.zone();
                self.fault(negative_fault(&text, &aliases, false, soa.clone(), negative.ttl));
                (CachedAnswer::NxDomain { soa, aliases }, ServersOutcome::None)
            }
            AnswerContent::NoData(negative) => {
                let soa = negative.zone();
                self.fault(negative_fault(&text, &aliases, true, soa.clone(), negative.ttl));
                (CachedAnswer::NoData { soa, aliases }, ServersOutcome::None)
            }
            AnswerContent::Alias | AnswerContent::Refused(_) | AnswerContent::Broken(_) => {
                return self.useless(text, &reading);
            }
        };
        let wall = self.shared.wire.wall();
        self.shared.cache().borrow_mut().insert(cache_scope, text, family, known, ttl, wall);
        verdict
    }

    /// Takes an answer that gives no records.
    pub(crate) fn useless(&self, name: String, reading: &Reading) -> ServersOutcome {
        let aliases = reading.aliases.iter().map(Name::to_ascii).collect();
        self.fault(match &reading.said {
            AnswerContent::Broken(_) => FaultKind::AliasLoop { name, aliases },
            _ => FaultKind::NameFailed { name, why: "the answer leads nowhere".into() },
        });
        ServersOutcome::Refused
    }

    /// Takes the failure to get an answer.
    pub(crate) fn failed(&self, name: String, failure: ServersFailure) -> ServersOutcome {
        let (verdict, fault) = match failure {
            ServersFailure::Walk(walk_failure) => {
                (ServersOutcome::Refused, walk_failure.fault(name))
            }
            ServersFailure::Servers { why, servers, last } => match why {
                NoReply::Code(code) => {
                    (ServersOutcome::Refused, FaultKind::NameServerFailed { name, code })
                }
                NoReply::Cut(why) => {
                    (ServersOutcome::Refused, FaultKind::NameTruncated { name, server: last, why })
                }
                NoReply::TimedOut { .. } => {
                    (ServersOutcome::Silence, FaultKind::NameTimedOut { name, servers })
                }
                NoReply::Failed(why) => {
                    (ServersOutcome::Unreachable, FaultKind::NameFailed { name, why })
                }
            },
        };
        self.fault(fault);
        verdict
    }
}

/// Joins two readings along one chain of aliases.
fn join_aliases(before: Option<Reading>, after: Reading, name: &Name) -> Reading {
    let Some(mut whole) = before else { return after };
    let circle = after.aliases.iter().any(|alias| alias == name || whole.aliases.contains(alias));
    whole.aliases.extend(after.aliases);
    let said = if circle {
        AnswerContent::Broken("the aliases form a loop")
    } else if whole.aliases.len() > MOST_ALIASES {
        AnswerContent::Broken("too many aliases")
    } else {
        after.said
    };
    let alias_ttl = whole.alias_ttl.min(after.alias_ttl);
    Reading { aliases: whole.aliases, alias_ttl, said }
}
