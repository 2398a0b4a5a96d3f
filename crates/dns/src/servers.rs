//! The rungs that ask over the network: recursive name servers, and our own walk.

use std::net::SocketAddr;

use futures_util::future::{Either, join, ready};
use hickory_proto::rr::Name;
use roundtrip_record::{EventId, FaultKind, Source};
use roundtrip_wire::Wire;

use crate::answer::{MOST_ALIASES, Reading, Said, addresses};
use crate::cache::Known;
use crate::exchange::NoReply;
use crate::family::Family;
use crate::iterate::iterate;
use crate::ladder::{Found, Ladder};
use crate::lookup::Way;
use crate::message::Question;
use crate::nsswitch::Status;
use crate::resolv::{Aaaa, Pairing, Resolv};
use crate::rung::failure_outcome;
use crate::transport::ask;

/// What servers answered for one name and family.
struct Answered {
    end: Result<Reading, NoReply>,
    /// Who was asked.
    servers: Vec<SocketAddr>,
    source: Option<Source>,
    event: Option<EventId>,
}

/// What that comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Addresses.
    Found,
    /// There are none.
    None,
    /// Servers failed.
    Refused,
    /// Nobody answered.
    Silence,
    /// Nobody could be asked.
    Unreachable,
}

impl Verdict {
    /// Its status for nsswitch.conf. To glibc, servers that all failed are as good as none: its resolver
    /// ends with `ETIMEDOUT` or `ECONNREFUSED` then, and `resolv/nss_dns/dns-host.c` makes `UNAVAIL`
    /// of both.
    fn status(self) -> Status {
        match self {
            Self::Found => Status::Success,
            Self::None => Status::NotFound,
            Self::Refused | Self::Silence | Self::Unreachable => Status::Unavailable,
        }
    }
}

impl<W: Wire> Ladder<W> {
    /// The name servers of resolv.conf, for each name of the search list until one has addresses.
    pub(crate) async fn name_servers(
        &self,
        candidates: &[Name],
        wanted: &[Family],
        resolv: &Resolv,
    ) -> Status {
        let mut status = Status::NotFound;
        let asked = |family: &&Family| resolv.aaaa == Aaaa::Asked || **family != Family::V6;
        let wanted: Vec<Family> = wanted.iter().filter(asked).copied().collect();
        if wanted.is_empty()
            && let Some(name) = candidates.first()
        {
            self.fault(FaultKind::NoAddress { name: name.to_ascii() });
        }
        for candidate in candidates {
            let servers = self.turned(resolv);
            let one = |family: Option<&Family>| match family {
                Some(family) => Either::Left(self.recursive(candidate, *family, resolv, &servers)),
                None => Either::Right(ready(None)),
            };
            let said = match resolv.pairing {
                Pairing::Parallel => join(one(wanted.first()), one(wanted.get(1))).await,
                Pairing::Sequential => {
                    // As libc does: A first, and nothing more of servers that fail.
                    let first = one(wanted.iter().find(|family| **family == Family::V4)).await;
                    let goes_on = matches!(first, None | Some(Verdict::Found | Verdict::None));
                    let next = wanted.iter().find(|family| **family != Family::V4 && goes_on);
                    (first, one(next).await)
                }
            };
            let verdicts: Vec<Verdict> = [said.0, said.1].into_iter().flatten().collect();
            self.save_cache();
            if verdicts.contains(&Verdict::Found) {
                return Status::Success;
            }
            let failure = verdicts.iter().find(|verdict| **verdict != Verdict::None);
            status = failure.map_or(status, |verdict| verdict.status());
            // A server that failed for one name may have another; one that is silent is silent.
            if matches!(failure, Some(Verdict::Silence | Verdict::Unreachable)) {
                break;
            }
        }
        status
    }

    /// The servers in the order in which this question goes to them.
    fn turned(&self, resolv: &Resolv) -> Vec<SocketAddr> {
        let mut servers = resolv.servers.clone();
        if resolv.rotate && !servers.is_empty() {
            let turn = self.shared.turn.get();
            self.shared.turn.set(turn.wrapping_add(1));
            let places = turn % servers.len();
            servers.rotate_left(places);
        }
        servers
    }

    /// Asks for one name and family, and for what its aliases stand for where the answer does not say.
    async fn recursive(
        &self,
        name: &Name,
        family: Family,
        resolv: &Resolv,
        servers: &[SocketAddr],
    ) -> Option<Verdict> {
        let mut question = Question::new(name.clone(), family.record_type());
        let mut event = self.cause();
        let mut whole: Option<Reading> = None;
        let said = loop {
            let rung = self.rung(&question.name.to_ascii(), &question.record_type.to_string());
            let mut reading = None;
            let asked = ask(
                &rung,
                question.clone(),
                servers,
                self.options.policy.unwrap_or(resolv.policy),
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
            )
            .await;
            event = asked.event.or(event);
            let source = asked.server.map(|server| Source::NameServer { server });
            let end = match (asked.reply, reading) {
                (Err(why), _) => Err(why),
                (Ok(_), Some(reading)) => match join_aliases(whole.take(), reading, name) {
                    Ok(reading) if reading.said == Said::Elsewhere => {
                        if let Some(target) = reading.aliases.last() {
                            question.name = target.clone();
                        }
                        whole = Some(reading);
                        continue;
                    }
                    joined => joined,
                },
                (Ok(_), None) => Err(NoReply::Failed("no answer was read".into())),
            };
            break Answered { end, servers: servers.to_vec(), source, event };
        };
        Some(self.conclude(name, family, said))
    }

    /// Walks from the root, for one family after the other: the second finds the way known.
    pub(crate) async fn walk(&self, name: &Name, wanted: &[Family]) {
        let mut verdicts = Vec::new();
        for family in wanted.iter().rev() {
            let question = Question::new(name.clone(), family.record_type());
            let walked =
                iterate(&self.shared.wire, self.id, question, &self.shared.tree, self.cause())
                    .await;
            let said = Answered {
                end: walked.end,
                servers: walked.servers,
                source: walked.source,
                event: walked.event,
            };
            let missing = matches!(&said.end, Ok(Reading { said: Said::NxDomain(_), .. }));
            verdicts.push(self.conclude(name, *family, said));
            if missing {
                // A name that does not exist has no records of any type (RFC 2308 §5).
                break;
            }
        }
        self.save_cache();
    }

    /// Takes what was said of a name and family: for the caller, and into our own cache.
    fn conclude(&self, name: &Name, family: Family, said: Answered) -> Verdict {
        self.caused(said.event);
        let text = name.to_ascii();
        let reading = match said.end {
            Ok(reading) => reading,
            Err(why) => {
                let (verdict, fault) = match why {
                    NoReply::Code(code) => {
                        (Verdict::Refused, FaultKind::NameServerFailed { name: text, code })
                    }
                    NoReply::TimedOut { .. } => (
                        Verdict::Silence,
                        FaultKind::NameTimedOut { name: text, servers: said.servers },
                    ),
                    NoReply::Failed(why) => {
                        (Verdict::Unreachable, FaultKind::NameFailed { name: text, why })
                    }
                };
                self.fault(fault);
                return verdict;
            }
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
                let name = text.clone();
                self.fault(FaultKind::NxDomain { name, soa: soa.clone(), ttl: negative.ttl });
                (Known::NxDomain { soa }, Verdict::None)
            }
            Said::NoData(negative) => {
                self.fault(FaultKind::NoAddress { name: text.clone() });
                let soa = negative.zone();
                (Known::NoData { soa }, Verdict::None)
            }
            Said::Elsewhere | Said::Refused(_) | Said::Broken(_) => {
                let why = match reading.outcome() {
                    roundtrip_record::Outcome::Failed { why } => why,
                    _ => "the answer leads nowhere".into(),
                };
                self.fault(FaultKind::NameFailed { name: text, why });
                return Verdict::Refused;
            }
        };
        if !matches!(self.options.way, Way::Server(_)) {
            let wall = self.shared.wire.wall();
            self.shared.cache().borrow_mut().insert(text, family, known, ttl, wall);
        }
        verdict
    }

    fn save_cache(&self) {
        if !matches!(self.options.way, Way::Server(_)) {
            self.shared.save_cache();
        }
    }
}

/// What two answers along one chain of aliases say together.
fn join_aliases(before: Option<Reading>, after: Reading, name: &Name) -> Result<Reading, NoReply> {
    let Some(mut whole) = before else { return Ok(after) };
    if after.aliases.iter().any(|alias| alias == name || whole.aliases.contains(alias)) {
        return Err(NoReply::Failed("the aliases form a loop".into()));
    }
    whole.aliases.extend(after.aliases);
    if whole.aliases.len() > MOST_ALIASES {
        return Err(NoReply::Failed("too many aliases".into()));
    }
    let alias_ttl = whole.alias_ttl.min(after.alias_ttl);
    Ok(Reading { aliases: whole.aliases, alias_ttl, said: after.said })
}
