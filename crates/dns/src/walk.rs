//! The walk from the root: one question followed down the delegation tree (RFC 1034 §5.3.3). Sans I/O.

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;

use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RecordType};
use roundtrip_record::{Outcome, Time};

use crate::answer::{MOST_ALIASES, Reading, Said, addresses};
use crate::exchange::NoReply;
use crate::message::Question;
use crate::minimise::Minimise;
use crate::rung::failure_outcome;
use crate::tree::{Cut, Referral, Tree};

/// Queries of one walk at most, with all that it has to find out on the way. A name of ten labels
/// whose servers all answer needs fewer than twenty.
const MOST_QUERIES: u32 = 64;
/// Servers without glue whose addresses one walk looks for (`NXNSAttack`, Afek et al. 2020: without
/// such a bound a referral to many makes the resolver attack their zone).
const MOST_GLUELESS: u32 = 8;
/// The same for one zone.
const MOST_GLUELESS_OF_ZONE: usize = 3;
/// How often the servers of a zone are asked at least before their silence is believed: on a link
/// that loses a packet in twenty one walk in ten thousand then fails for it.
const TRIES_OF_ZONE: usize = 5;
/// How deep such searches lie within each other.
const DEEPEST: usize = 4;

/// One question on its way down the tree.
///
/// The contract: [`Walk::poll`] says whom to ask next, and [`Walk::handle_reply`] is called with what
/// came of it, until the walk is done.
#[derive(Debug)]
pub(crate) struct Walk {
    /// What is being looked for; what that needs lies above it.
    goals: Vec<Goal>,
    queries: u32,
    glueless: u32,
    asked: BTreeSet<IpAddr>,
    end: Option<Result<Reading, NoReply>>,
}

/// What to do next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Ask this.
    Ask(Box<Ask>),
    /// The walk is over.
    Done(Result<Reading, NoReply>),
}

/// A question to one server.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) zone: Name,
    pub(crate) server_name: Name,
    pub(crate) server: IpAddr,
    pub(crate) question: Question,
}

/// A name and type looked for.
#[derive(Debug)]
struct Goal {
    question: Question,
    aliases: Vec<Name>,
    alias_ttl: u32,
    zone: Name,
    /// Servers of the zone still to ask; the first one is asked next, and again as long as it answers.
    servers: VecDeque<(Name, IpAddr)>,
    /// Servers of the zone whose addresses are not known, with the type to look for.
    unknown: VecDeque<(Name, RecordType)>,
    minimise: Minimise,
    /// Questions to servers of this zone that nobody answered.
    silences: usize,
    failure: Option<NoReply>,
}

impl Walk {
    /// A walk for `question`, beginning at the lowest cut that `tree` knows.
    pub(crate) fn new(question: Question, tree: &Tree, now: Time) -> Self {
        Self {
            goals: vec![Goal::new(question, tree, now)],
            queries: 0,
            glueless: 0,
            asked: BTreeSet::new(),
            end: None,
        }
    }

    /// The servers that were asked so far, in the order of their addresses.
    pub(crate) fn asked(&self) -> impl Iterator<Item = IpAddr> {
        self.asked.iter().copied()
    }

    /// Whom to ask next.
    pub(crate) fn poll(&mut self, tree: &mut Tree, now: Time) -> Next {
        loop {
            if let Some(end) = &self.end {
                return Next::Done(end.clone());
            }
            let depth = self.goals.len();
            let Some(goal) = self.goals.last_mut() else {
                self.end = Some(Err(NoReply::Failed("nothing was asked".into())));
                continue;
            };
            if let Some((server_name, server)) = goal.servers.front().cloned() {
                if self.queries == MOST_QUERIES {
                    let why = format!("gave up after {MOST_QUERIES} queries");
                    self.end = Some(Err(NoReply::Failed(why)));
                    continue;
                }
                self.queries += 1;
                self.asked.insert(server);
                return Next::Ask(Box::new(Ask {
                    zone: goal.zone.clone(),
                    server_name,
                    server,
                    question: goal.minimise.question(&goal.question),
                }));
            }
            if let Some((server, of)) = goal.unknown.pop_front() {
                let looked_for = self.goals.iter().any(|goal| goal.question.name == server);
                if depth < DEEPEST && self.glueless < MOST_GLUELESS && !looked_for {
                    self.glueless += 1;
                    self.goals.push(Goal::new(Question::new(server, of), tree, now));
                }
                continue;
            }
            let silent = matches!(goal.failure, Some(NoReply::TimedOut { .. }));
            if goal.minimise.is_on() && !silent {
                // Servers that fail for a shortened name may know the whole one.
                let (zone, failure) = (goal.zone.clone(), goal.failure.take());
                goal.enter(&tree.best(&zone, now));
                goal.failure = failure;
                goal.minimise.stop();
            } else {
                let none = || NoReply::Failed(format!("no server of {} is of use", goal.zone));
                let why = goal.failure.take().unwrap_or_else(none);
                self.finish(Err(why), tree, now);
            }
        }
    }

    /// What came of the last [`Ask`]; answers with the record's word for it.
    pub(crate) fn handle_reply(
        &mut self,
        reply: Result<&Message, &NoReply>,
        tree: &mut Tree,
        now: Time,
    ) -> Outcome {
        let Some(goal) = self.goals.last_mut() else {
            return Outcome::Miss;
        };
        match reply {
            Err(why) => {
                goal.next_server(why.clone());
                failure_outcome(why)
            }
            Ok(message) => {
                goal.silences = 0;
                self.read(message, tree, now)
            }
        }
    }

    fn read(&mut self, message: &Message, tree: &mut Tree, now: Time) -> Outcome {
        let Some(goal) = self.goals.last_mut() else { return Outcome::Miss };
        let question = goal.minimise.question(&goal.question);
        let reading = Reading::of(message, &question, &goal.zone);
        let nothing = matches!(&reading.said, Said::NoData(_)) && reading.aliases.is_empty();
        if nothing && let Some(referral) = Referral::of(message, &question, &goal.zone) {
            tree.learn(&referral, now);
            goal.enter(&referral.cut);
            return referral_outcome(&referral.cut);
        }
        if !message.metadata.authoritative {
            let why = format!("lame: answers without authority for {}", goal.zone);
            goal.next_server(NoReply::Failed(why.clone()));
            return Outcome::Failed { why };
        }
        let outcome = reading.outcome();
        if question != goal.question {
            // The answer is only to a shortened name: that it exists, or that it is better not to ask so.
            match reading.said {
                Said::NxDomain(_) => goal.minimise.stop(),
                _ => goal.minimise.answered(),
            }
            return outcome;
        }
        match &reading.said {
            Said::Refused(_) | Said::Broken(_) => {
                let why = NoReply::Failed("its answer cannot be used".into());
                goal.next_server(why);
            }
            Said::Elsewhere => {
                if let Err(why) = goal.follow(&reading, tree, now) {
                    let why = NoReply::Failed(why.to_owned());
                    self.finish(Err(why), tree, now);
                }
            }
            Said::Records(_) | Said::NxDomain(_) | Said::NoData(_) => {
                let mut aliases = core::mem::take(&mut goal.aliases);
                aliases.extend(reading.aliases);
                let alias_ttl = reading.alias_ttl.min(goal.alias_ttl);
                self.finish(Ok(Reading { aliases, alias_ttl, said: reading.said }), tree, now);
            }
        }
        outcome
    }

    /// The top goal is reached or given up.
    fn finish(&mut self, end: Result<Reading, NoReply>, tree: &mut Tree, now: Time) {
        let Some(done) = self.goals.pop() else { return };
        let Some(parent) = self.goals.last_mut() else {
            self.end = Some(end);
            return;
        };
        match end {
            // A server's name is no alias (RFC 2181 §10.3).
            Ok(reading) if !reading.aliases.is_empty() => {}
            Ok(Reading { said: Said::Records(records), .. }) => {
                let found = addresses(&records);
                tree.learn_addresses(&parent.zone, &done.question.name, &found, now);
                let server = done.question.name;
                parent.servers.extend(found.into_iter().map(|at| (server.clone(), at)));
            }
            Ok(_) if done.question.record_type == RecordType::A => {
                parent.unknown.push_front((done.question.name, RecordType::AAAA));
            }
            Ok(_) => {}
            Err(why) => parent.note(why),
        }
    }
}

impl Goal {
    fn new(question: Question, tree: &Tree, now: Time) -> Self {
        let mut goal = Self {
            minimise: Minimise::new(),
            question,
            aliases: Vec::new(),
            alias_ttl: u32::MAX,
            zone: Name::root(),
            servers: VecDeque::new(),
            unknown: VecDeque::new(),
            silences: 0,
            failure: None,
        };
        let cut = tree.best(&goal.question.name, now);
        goal.enter(&cut);
        goal
    }

    /// Goes on at the servers of a cut.
    fn enter(&mut self, cut: &Cut) {
        self.zone = cut.zone.clone();
        self.failure = None;
        self.silences = 0;
        self.minimise.enter(&cut.zone, &self.question);
        let mut servers: Vec<(Name, IpAddr)> = Vec::new();
        self.unknown.clear();
        for (name, addresses) in &cut.servers {
            servers.extend(addresses.iter().map(|address| (name.clone(), *address)));
            // A server below its own cut cannot be found without glue.
            let findable = !cut.zone.zone_of(name) || cut.zone.is_root();
            if addresses.is_empty() && findable && self.unknown.len() < MOST_GLUELESS_OF_ZONE {
                self.unknown.push_back((name.clone(), RecordType::A));
            }
        }
        // In the servers' order, but all of IPv4 first: whoever has no IPv6 loses no time.
        servers.sort_by_key(|(_, address)| address.is_ipv6());
        self.servers = servers.into();
    }

    /// Goes on at the target of an alias.
    fn follow(&mut self, reading: &Reading, tree: &Tree, now: Time) -> Result<(), &'static str> {
        let Some(target) = reading.aliases.last() else {
            return Err("the answer is of another zone");
        };
        let known = |name: &Name| *name == self.question.name || self.aliases.contains(name);
        if reading.aliases.iter().any(known) {
            return Err("the aliases form a loop");
        }
        self.aliases.extend(reading.aliases.iter().cloned());
        if self.aliases.len() > MOST_ALIASES {
            return Err("too many aliases");
        }
        self.alias_ttl = self.alias_ttl.min(reading.alias_ttl);
        self.question.name = target.clone();
        let cut = tree.best(target, now);
        self.enter(&cut);
        Ok(())
    }

    /// The first server is of no use; one that was silent may be asked once more.
    fn next_server(&mut self, why: NoReply) {
        if let Some(server) = self.servers.pop_front()
            && matches!(why, NoReply::TimedOut { .. })
        {
            self.silences += 1;
            if self.silences + self.servers.len() < TRIES_OF_ZONE {
                self.servers.push_back(server);
            }
        }
        self.note(why);
    }

    /// Keeps the failure that says most: what a server said before that none did.
    fn note(&mut self, why: NoReply) {
        let weight = |why: &NoReply| match why {
            NoReply::Failed(_) => 0,
            NoReply::TimedOut { .. } => 1,
            NoReply::Code(_) => 2,
        };
        self.failure = match (self.failure.take(), why) {
            (Some(NoReply::TimedOut { tries: before }), NoReply::TimedOut { tries }) => {
                Some(NoReply::TimedOut { tries: before + tries })
            }
            (Some(kept), why) if weight(&kept) > weight(&why) => Some(kept),
            (_, why) => Some(why),
        };
    }
}

fn referral_outcome(cut: &Cut) -> Outcome {
    Outcome::Referral {
        zone: cut.zone.to_ascii(),
        servers: cut.servers.iter().map(|(name, _)| name.to_ascii()).collect(),
        glue: cut.servers.iter().flat_map(|(_, addresses)| addresses.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{name, records};
    use hickory_proto::op::{MessageType, OpCode, Query, ResponseCode};
    use hickory_proto::rr::Record;
    use proptest::prelude::*;

    fn tree() -> Tree {
        Tree::new(&[("a.root.example.".into(), "192.0.2.1".parse().unwrap())])
    }

    /// Records that a hostile server may put anywhere.
    fn hostile() -> Vec<Record> {
        let names = [".", "com.", "example.com.", "www.example.com.", "a.b.example.com.", "net."];
        let mut lines = String::new();
        for owner in names {
            for data in [
                "NS ns.com.",
                "NS www.example.com.",
                "NS a.b.example.com.",
                "A 192.0.2.2",
                "CNAME com.",
                "CNAME www.example.com.",
                "CNAME a.b.example.com.",
                "SOA ns.com. root.com. 1 1 1 1 1",
            ] {
                lines += owner;
                lines += " 60 IN ";
                lines += data;
                lines.push('\n');
            }
        }
        records(&lines)
    }

    #[derive(Clone, Debug)]
    struct Reply {
        code: ResponseCode,
        authoritative: bool,
        sections: [Vec<usize>; 3],
        silent: bool,
    }

    fn reply() -> impl Strategy<Value = Reply> {
        let section = || proptest::collection::vec(0..48usize, 0..4);
        let code = prop_oneof![
            8 => Just(ResponseCode::NoError),
            1 => Just(ResponseCode::NXDomain),
            1 => Just(ResponseCode::ServFail),
        ];
        (code, any::<bool>(), [section(), section(), section()], proptest::bool::weighted(0.1))
            .prop_map(|(code, authoritative, sections, silent)| Reply {
                code,
                authoritative,
                sections,
                silent,
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        /// Whatever servers say, a walk ends within its bound, and goes only where it was referred.
        #[test]
        fn every_walk_ends(replies in proptest::collection::vec(reply(), 1..40)) {
            let (pool, mut tree) = (hostile(), tree());
            let question = Question::new(name("www.a.b.example.com"), RecordType::A);
            let mut walk = Walk::new(question, &tree, Time::ZERO);
            let mut asked = 0;
            let mut replies = replies.iter().cycle();
            while let Next::Ask(ask) = walk.poll(&mut tree, Time::ZERO) {
                asked += 1;
                prop_assert!(asked <= MOST_QUERIES);
                prop_assert!(ask.zone.zone_of(&ask.question.name));
                let Some(reply) = replies.next() else { unreachable!() };
                if reply.silent {
                    let why = NoReply::TimedOut { tries: 1 };
                    walk.handle_reply(Err(&why), &mut tree, Time::ZERO);
                    continue;
                }
                let mut message = Message::new(0, MessageType::Response, OpCode::Query);
                message.add_query(Query::query(ask.question.name, ask.question.record_type));
                message.metadata.response_code = reply.code;
                message.metadata.authoritative = reply.authoritative;
                let [an, ns, ar] = &reply.sections;
                message.add_answers(an.iter().map(|n| pool[*n].clone()));
                message.add_authorities(ns.iter().map(|n| pool[*n].clone()));
                message.add_additionals(ar.iter().map(|n| pool[*n].clone()));
                walk.handle_reply(Ok(&message), &mut tree, Time::ZERO);
            }
        }
    }

    /// A tree in which every referral names servers that have to be found first (`NXNSAttack`).
    #[test]
    fn servers_without_glue_are_looked_for_a_few_times_only() {
        let mut tree = tree();
        let question = Question::new(name("www.example.com"), RecordType::A);
        let mut walk = Walk::new(question, &tree, Time::ZERO);
        let (mut named, mut asked) = (0, BTreeSet::new());
        while let Next::Ask(ask) = walk.poll(&mut tree, Time::ZERO) {
            let zone = ask.question.name.to_ascii();
            asked.insert(zone.clone());
            let mut servers = String::new();
            for _ in 0..6 {
                named += 1;
                servers += &["", &zone, " 60 IN NS ns.of", &named.to_string(), ".\n"].concat();
            }
            let reply = crate::testing::message(&ask.question, "", &servers, "");
            walk.handle_reply(Ok(&reply), &mut tree, Time::ZERO);
        }
        assert_eq!(asked.len(), 1 + MOST_GLUELESS as usize);
    }

    #[test]
    fn silence_is_believed_after_as_many_tries_as_a_lossy_link_needs() {
        let mut tree = tree();
        let question = Question::new(name("www.example.com"), RecordType::A);
        let mut walk = Walk::new(question, &tree, Time::ZERO);
        let why = NoReply::TimedOut { tries: 1 };
        let mut asked = 0;
        let end = loop {
            match walk.poll(&mut tree, Time::ZERO) {
                Next::Ask(_) => asked += 1,
                Next::Done(end) => break end,
            }
            walk.handle_reply(Err(&why), &mut tree, Time::ZERO);
        };
        assert_eq!(asked, TRIES_OF_ZONE);
        assert_eq!(end, Err(NoReply::TimedOut { tries: 5 }));
    }
}
