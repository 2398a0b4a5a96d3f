//! The sources that ask over the network: recursive name servers, and our own walk from the root.

use core::future::Future;
use core::pin::pin;
use std::net::SocketAddr;

use futures_util::future::{Either, OptionFuture, join, select};
use hickory_proto::rr::{Name, RecordType};
use roundtrip_record::{EventId, FaultKind, Source};
use roundtrip_wire::Wire;

use crate::answer::{MOST_ALIASES, Reading, Said, addresses};
use crate::cache::Known;
use crate::delegation::DeadEnd;
use crate::exchange::NoReply;
use crate::family::Family;
use crate::iterate::iterate;
use crate::ladder::{Found, Ladder};
use crate::local::negative_fault;
use crate::lookup::Told;
use crate::message::Question;
use crate::nsswitch::Status;
use crate::realm::Realm;
use crate::resolv::{Aaaa, Pairing, Resolv};
use crate::rung::failure_outcome;
use crate::service::{owner, service_patience, services};
use crate::transport::{Panel, ask, before};

/// The answer of servers to one question.
pub(crate) struct Answered {
    pub(crate) end: Result<Reading, Failure>,
    pub(crate) source: Option<Source>,
    pub(crate) event: Option<EventId>,
}

/// Why servers gave no answer.
pub(crate) enum Failure {
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
    Walk(Box<DeadEnd>),
}

/// What the answer to one question comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
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

impl Verdict {
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
        realm: &Realm,
    ) -> Status {
        let asked = |family: &&Family| resolv.aaaa == Aaaa::Asked || **family != Family::V6;
        let wanted: Vec<Family> = wanted.iter().filter(asked).copied().collect();
        if wanted.is_empty()
            && let Some(name) = candidates.first()
        {
            self.fault(FaultKind::NoAddress { name: name.to_ascii() });
        }
        let own = self.own_cache(candidates, &wanted, realm);
        let left = candidates.get(own.ask).unwrap_or_default();
        let asked = self.ask_in_turn(left, &own.left, resolv, realm).await;
        if own.found { Status::Success } else { asked }
    }

    async fn ask_in_turn(
        &self,
        candidates: &[Name],
        wanted: &[Family],
        resolv: &Resolv,
        realm: &Realm,
    ) -> Status {
        let mut status = Status::NotFound;
        if wanted.is_empty() {
            return status;
        }
        for candidate in candidates {
            let servers = self.turned(resolv);
            let panel = self.panel(&servers, resolv);
            let said = self.beside_services(
                candidate,
                panel,
                self.ask_both(candidate, wanted, resolv.pairing, panel, realm),
            );
            let verdicts = said.await;
            if realm.outlives_the_run() {
                self.shared.save_cache();
            }
            if verdicts.contains(&Verdict::Found) {
                return Status::Success;
            }
            let failure = verdicts.iter().find(|verdict| **verdict != Verdict::None);
            status = failure.map_or(status, |verdict| verdict.status());
            // A server that failed for one name may know the next; servers that are silent stay
            // silent.
            if matches!(failure, Some(Verdict::Silence | Verdict::Unreachable)) {
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
        panel: Panel<'_>,
        realm: &Realm,
    ) -> Vec<Verdict> {
        let one = |family: Option<&Family>| {
            OptionFuture::from(family.map(|family| self.ask_family(name, *family, panel, realm)))
        };
        let said = match pairing {
            Pairing::Parallel => join(one(wanted.first()), one(wanted.get(1))).await,
            Pairing::Sequential => {
                // As libc does: A first, and no further question to servers that fail.
                let first = one(wanted.iter().find(|family| **family == Family::V4)).await;
                let goes_on = matches!(first, None | Some(Verdict::Found | Verdict::None));
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
        panel: Panel<'_>,
        addresses: impl Future<Output = T>,
    ) -> T {
        let Some(port) = self.options.https else { return addresses.await };
        let wire = &self.shared.wire;
        let begun = wire.now();
        let asked = async {
            let Ok(owner) = owner(name, port) else { return };
            let said = self.question(Question::new(owner, RecordType::HTTPS), panel).await;
            let found = match &said.end {
                Ok(Reading { said: Said::Records(records), .. }) => services(records),
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

    pub(crate) fn panel<'a>(&'a self, servers: &'a [SocketAddr], resolv: &Resolv) -> Panel<'a> {
        let policy = self.options.policy.unwrap_or(resolv.policy);
        Panel { servers, policy, edns: &self.shared.edns }
    }

    async fn ask_family(
        &self,
        name: &Name,
        family: Family,
        panel: Panel<'_>,
        realm: &Realm,
    ) -> Verdict {
        let said = self.question(Question::new(name.clone(), family.record_type()), panel).await;
        self.conclude(name, family, said, realm)
    }

    /// Puts a question to recursive servers. If the answer ends at an alias, the alias's target is
    /// asked for too.
    pub(crate) async fn question(&self, mut question: Question, panel: Panel<'_>) -> Answered {
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
                panel,
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
                    reading if reading.said == Said::Elsewhere => {
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
            let servers = panel.servers.to_vec();
            return Answered {
                end: end.map_err(|why| Failure::Servers { why, servers, last }),
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
        let realm = Realm::of_walk();
        for family in wanted.iter().rev() {
            let said = self.walk_for(Question::new(name.clone(), family.record_type())).await;
            // A name that does not exist has no records of any type (RFC 2308 §5), and a walk that
            // cannot reach the name cannot do so for any type.
            let is_all =
                !matches!(&said.end, Ok(Reading { said: Said::Records(_) | Said::NoData(_), .. }));
            self.conclude(name, *family, said, &realm);
            if is_all {
                break;
            }
        }
        self.shared.save_cache();
    }

    /// Walks from the root for one question.
    pub(crate) async fn walk_for(&self, question: Question) -> Answered {
        let (wire, tree) = (&self.shared.wire, &self.shared.tree);
        let walked = iterate(wire, self.id, question, tree, self.cause()).await;
        Answered {
            end: walked.end.map_err(Failure::Walk),
            source: walked.source,
            event: walked.event,
        }
    }

    /// Takes the answer for a name and family: for the caller, and into our own cache.
    fn conclude(&self, name: &Name, family: Family, said: Answered, realm: &Realm) -> Verdict {
        let verdict = self.answered(name, family, said, realm);
        if verdict != Verdict::Found {
            self.tell_of(Told::Nothing(family));
        }
        verdict
    }

    fn answered(&self, name: &Name, family: Family, said: Answered, realm: &Realm) -> Verdict {
        self.caused(said.event);
        let text = name.to_ascii();
        let reading = match said.end {
            Ok(reading) => reading,
            Err(failure) => return self.failed(text, failure),
        };
        let ttl = reading.lifetime();
        let aliases: Vec<String> = reading.aliases.iter().map(Name::to_ascii).collect();
        let (known, verdict) = match &reading.said {
            Said::Records(records) => {
                let addresses = addresses(records);
                self.take(Found {
                    name: text.clone(),
                    addresses: addresses.clone(),
                    aliases: aliases.clone(),
                    ttl: Some(ttl),
                    source: said.source.unwrap_or(Source::OwnCache),
                    event: said.event,
                });
                (Known::Addresses { addresses, aliases }, Verdict::Found)
            }
            Said::NxDomain(negative) => {
                let soa = negative.zone();
                self.fault(negative_fault(&text, &aliases, false, soa.clone(), negative.ttl));
                (Known::NxDomain { soa, aliases }, Verdict::None)
            }
            Said::NoData(negative) => {
                let soa = negative.zone();
                self.fault(negative_fault(&text, &aliases, true, soa.clone(), negative.ttl));
                (Known::NoData { soa, aliases }, Verdict::None)
            }
            Said::Elsewhere | Said::Refused(_) | Said::Broken(_) => {
                return self.useless(text, &reading);
            }
        };
        let wall = self.shared.wire.wall();
        self.shared.cache().borrow_mut().insert(realm, text, family, known, ttl, wall);
        verdict
    }

    /// Takes an answer that gives no records.
    pub(crate) fn useless(&self, name: String, reading: &Reading) -> Verdict {
        let aliases = reading.aliases.iter().map(Name::to_ascii).collect();
        self.fault(match &reading.said {
            Said::Broken(_) => FaultKind::AliasLoop { name, aliases },
            _ => FaultKind::NameFailed { name, why: "the answer leads nowhere".into() },
        });
        Verdict::Refused
    }

    /// Takes the failure to get an answer.
    pub(crate) fn failed(&self, name: String, failure: Failure) -> Verdict {
        let (verdict, fault) = match failure {
            Failure::Walk(dead_end) => (Verdict::Refused, dead_end.fault(name)),
            Failure::Servers { why, servers, last } => match why {
                NoReply::Code(code) => {
                    (Verdict::Refused, FaultKind::NameServerFailed { name, code })
                }
                NoReply::Cut(why) => {
                    (Verdict::Refused, FaultKind::NameTruncated { name, server: last, why })
                }
                NoReply::TimedOut { .. } => {
                    (Verdict::Silence, FaultKind::NameTimedOut { name, servers })
                }
                NoReply::Failed(why) => (Verdict::Unreachable, FaultKind::NameFailed { name, why }),
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
        Said::Broken("the aliases form a loop")
    } else if whole.aliases.len() > MOST_ALIASES {
        Said::Broken("too many aliases")
    } else {
        after.said
    };
    let alias_ttl = whole.alias_ttl.min(after.alias_ttl);
    Reading { aliases: whole.aliases, alias_ttl, said }
}
