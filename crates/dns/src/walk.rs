//! `Walk`: one question followed from the root down the delegation tree (RFC 1034 §5.3.3). Sans
//! I/O.

use std::collections::VecDeque;
use std::net::IpAddr;

use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RData, RecordType};
use roundtrip_record::{DelegationFault, Outcome, Time};

use crate::answer::{AnswerContent, MOST_ALIASES, Reading, addresses};
use crate::delegation::{ServerOutcome, ServerOutcomes, WalkFailure};
use crate::exchange::NoReply;
use crate::message::Question;
use crate::minimise::Minimise;
use crate::rung::failure_outcome;
use crate::tree::{Cut, Referral, Tree};

/// The most queries of one walk, with everything it has to find out on the way. A name of ten
/// labels whose servers all answer needs fewer than twenty.
const MOST_QUERIES: u32 = 64;
/// The most servers without glue whose addresses one walk looks for. Without a bound, a referral
/// that names many makes the resolver attack their zone (`NXNSAttack`, Afek et al. 2020).
const MOST_GLUELESS: u32 = 8;
/// The most servers without glue whose addresses are looked for in one zone.
const MOST_GLUELESS_OF_ZONE: usize = 3;
/// The fewest queries to the servers of a zone before they count as silent. On a link that loses
/// one packet in twenty, one walk in ten thousand then fails for it.
const TRIES_OF_ZONE: usize = 5;
/// The deepest nesting of searches for the addresses of servers.
const DEEPEST: usize = 4;

/// One question on its way down the tree.
///
/// The contract: [`Walk::poll`] says which server to ask next, and [`Walk::handle_reply`] is called
/// with the reply or its absence, until the walk is done.
#[derive(Debug)]
pub(crate) struct Walk {
    /// The names being looked for: the question first, and after each goal the one it depends on.
    goals: Vec<Goal>,
    queries: u32,
    glueless: u32,
    end: Option<Result<Reading, Box<WalkFailure>>>,
}

/// What the caller is to do next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Ask this question.
    Ask(Box<Ask>),
    /// Nothing more: the walk has ended.
    Done(Result<Reading, Box<WalkFailure>>),
}

/// A question to one server.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) zone: Name,
    pub(crate) server_name: Name,
    pub(crate) server: IpAddr,
    pub(crate) question: Question,
}

/// A name and type that are looked for.
#[derive(Debug)]
struct Goal {
    /// The name that is wanted. Along a chain of aliases the question is for another name.
    wanted: Name,
    question: Question,
    aliases: Vec<Name>,
    alias_ttl: u32,
    zone: Name,
    /// The zone's servers still to ask. The first one is asked next, and again as long as it
    /// answers.
    servers: VecDeque<(Name, IpAddr)>,
    /// The zone's servers whose addresses are not known, with the record type to look for.
    unknown: VecDeque<(Name, RecordType)>,
    minimise: Minimise,
    /// How many queries to this zone's servers were not answered.
    silences: usize,
    /// What became of the zone's servers.
    outcomes: ServerOutcomes,
}

impl Walk {
    /// A walk for `question`, which begins at the lowest zone cut that `tree` knows.
    pub(crate) fn new(question: Question, tree: &Tree, now: Time) -> Self {
        Self { goals: vec![Goal::new(question, tree, now)], queries: 0, glueless: 0, end: None }
    }

    /// Says which server to ask next.
    pub(crate) fn poll(&mut self, tree: &mut Tree, now: Time) -> Next {
        loop {
            if let Some(end) = &self.end {
                return Next::Done(end.clone());
            }
            let Some(goal) = self.goals.last_mut() else {
                // Not reached in practice: the last goal always leaves a result.
                self.end = Some(Err(Box::new(WalkFailure::Aliases(Vec::new()))));
                continue;
            };
            if let Some((server_name, server)) = goal.servers.front().cloned() {
                if self.queries == MOST_QUERIES {
                    self.give_up(tree, now);
                    continue;
                }
                self.queries += 1;
                return Next::Ask(Box::new(Ask {
                    zone: goal.zone.clone(),
                    server_name,
                    server,
                    question: goal.minimise.question(&goal.question),
                }));
            }
            if let Some((server, of)) = goal.unknown.pop_front() {
                self.look_for(server, of, tree, now);
                continue;
            }
            if goal.minimise.is_on() && !goal.outcomes.is_silent() {
                // Servers that fail for a shortened name may answer for the whole name.
                let zone = goal.zone.clone();
                goal.enter(&tree.best(&zone, now));
                goal.minimise.stop();
            } else {
                let end = Err(Box::new(goal.walk_failure(goal.outcomes.verdict(), tree, now)));
                self.finish(end, tree, now);
            }
        }
    }

    /// Begins to look for the address of a server without glue.
    fn look_for(&mut self, server: Name, of: RecordType, tree: &Tree, now: Time) {
        let circle = self.goals.iter().position(|goal| goal.wanted == server);
        let outcome = match circle {
            Some(from) => ServerOutcome::Circular(self.path(from)),
            None if self.goals.len() < DEEPEST && self.glueless < MOST_GLUELESS => {
                self.glueless += 1;
                return self.goals.push(Goal::new(Question::new(server, of), tree, now));
            }
            None => ServerOutcome::NotLookedFor,
        };
        if let Some(goal) = self.goals.last_mut() {
            goal.outcomes.note(server, None, outcome);
        }
    }

    /// The names that are looked for from one goal on, each followed by the zone whose servers are
    /// asked.
    fn path(&self, from: usize) -> Vec<String> {
        let goals = self.goals.iter().skip(from);
        goals.flat_map(|goal| [goal.wanted.to_ascii(), goal.zone.to_ascii()]).collect()
    }

    /// Ends the walk because it took too many queries.
    fn give_up(&mut self, tree: &Tree, now: Time) {
        let Some(first) = self.goals.first() else { return };
        let what = match first.outcomes.verdict() {
            DelegationFault::NoGlue => DelegationFault::TooLong,
            what => what,
        };
        self.end = Some(Err(Box::new(first.walk_failure(what, tree, now))));
    }

    /// Handles the reply to the last [`Ask`], and returns its outcome for the record.
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
                goal.no_reply(why);
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
        let nothing =
            matches!(&reading.said, AnswerContent::NoData(_)) && reading.aliases.is_empty();
        if nothing && let Some(referral) = Referral::of(message, &question, &goal.zone) {
            tree.learn(&referral, now);
            goal.enter(&referral.cut);
            return referral_outcome(&referral.cut);
        }
        if !message.metadata.authoritative && !says_something(&reading) {
            let why = format!("lame: {}", lame(message, &goal.zone));
            goal.next_server(ServerOutcome::Answered(why.clone()));
            return Outcome::Failed { why };
        }
        let outcome = reading.outcome();
        if question != goal.question {
            // The answer is to a shortened name only: either the name exists, or shortened names
            // are better not asked for.
            match reading.said {
                AnswerContent::NxDomain(_) => goal.minimise.stop(),
                _ => goal.minimise.answered(),
            }
            return outcome;
        }
        match &reading.said {
            AnswerContent::Refused(_) => {
                goal.next_server(ServerOutcome::Answered("a failure".into()));
            }
            AnswerContent::Broken(_) => {
                let mut aliases = core::mem::take(&mut goal.aliases);
                aliases.extend(reading.aliases);
                self.finish(Err(Box::new(WalkFailure::Aliases(aliases))), tree, now);
            }
            AnswerContent::Alias => self.follow(&reading, tree, now),
            AnswerContent::Records(_) | AnswerContent::NxDomain(_) | AnswerContent::NoData(_) => {
                let mut aliases = core::mem::take(&mut goal.aliases);
                aliases.extend(reading.aliases);
                let alias_ttl = reading.alias_ttl.min(goal.alias_ttl);
                self.finish(Ok(Reading { aliases, alias_ttl, said: reading.said }), tree, now);
            }
        }
        outcome
    }

    /// Continues with the target of an alias.
    fn follow(&mut self, reading: &Reading, tree: &mut Tree, now: Time) {
        let Some(goal) = self.goals.last_mut() else { return };
        let Some(target) = reading.aliases.last() else {
            return goal
                .next_server(ServerOutcome::Answered("lame: answers for another zone".into()));
        };
        let known = |name: &Name| *name == goal.question.name || goal.aliases.contains(name);
        let circle = reading.aliases.iter().any(known);
        goal.aliases.extend(reading.aliases.iter().cloned());
        if circle || goal.aliases.len() > MOST_ALIASES {
            let aliases = core::mem::take(&mut goal.aliases);
            return self.finish(Err(Box::new(WalkFailure::Aliases(aliases))), tree, now);
        }
        goal.alias_ttl = goal.alias_ttl.min(reading.alias_ttl);
        goal.question.name = target.clone();
        let cut = tree.best(target, now);
        goal.enter(&cut);
    }

    /// Ends the top goal, with its result.
    fn finish(&mut self, end: Result<Reading, Box<WalkFailure>>, tree: &mut Tree, now: Time) {
        let Some(done) = self.goals.pop() else { return };
        let Some(parent) = self.goals.last_mut() else {
            self.end = Some(end);
            return;
        };
        let server = done.wanted;
        let outcome = match end {
            // The name of a server must not be an alias (RFC 2181 §10.3).
            Ok(reading) if !reading.aliases.is_empty() => {
                ServerOutcome::NoAddress("its name is an alias".into())
            }
            Ok(Reading { said: AnswerContent::Records(records), .. }) => {
                let found = addresses(&records);
                tree.learn_addresses(&parent.zone, &server, &found, now);
                parent.servers.extend(found.into_iter().map(|at| (server.clone(), at)));
                return;
            }
            Ok(Reading { said: AnswerContent::NxDomain(_), .. }) => {
                ServerOutcome::NoAddress("its name does not exist".into())
            }
            Ok(_) if done.question.record_type == RecordType::A => {
                return parent.unknown.push_front((server, RecordType::AAAA));
            }
            Ok(_) => ServerOutcome::NoAddress("its name has no address".into()),
            Err(why) => match *why {
                WalkFailure::Zone { what: DelegationFault::Circular { through }, .. } => {
                    ServerOutcome::Circular(through)
                }
                why => ServerOutcome::NoAddress(why.words()),
            },
        };
        parent.outcomes.note(server, None, outcome);
    }
}

/// Whether an answer without authority says something all the same. Resolvers accept such answers,
/// although the server should have set the AA flag.
fn says_something(reading: &Reading) -> bool {
    match &reading.said {
        AnswerContent::Records(_) => true,
        AnswerContent::Alias => !reading.aliases.is_empty(),
        AnswerContent::NxDomain(negative) | AnswerContent::NoData(negative) => {
            negative.soa.is_some()
        }
        AnswerContent::Refused(_) | AnswerContent::Broken(_) => false,
    }
}

/// Describes the answer of a server that does not serve the zone.
fn lame(message: &Message, zone: &Name) -> String {
    let back = message.authorities.iter().find_map(|record| match &record.data {
        RData::NS(_) if record.name.zone_of(zone) => Some(record.name.to_ascii()),
        _ => None,
    });
    match back {
        Some(above) => format!("refers back to the servers of {above}"),
        None => format!("knows nothing of {}", zone.to_ascii()),
    }
}

impl Goal {
    fn new(question: Question, tree: &Tree, now: Time) -> Self {
        let mut goal = Self {
            minimise: Minimise::new(),
            wanted: question.name.clone(),
            question,
            aliases: Vec::new(),
            alias_ttl: u32::MAX,
            zone: Name::root(),
            servers: VecDeque::new(),
            unknown: VecDeque::new(),
            silences: 0,
            outcomes: ServerOutcomes::default(),
        };
        let cut = tree.best(&goal.question.name, now);
        goal.enter(&cut);
        goal
    }

    /// Continues with the servers of a zone cut.
    fn enter(&mut self, cut: &Cut) {
        self.zone = cut.zone.clone();
        self.outcomes = ServerOutcomes::default();
        self.silences = 0;
        self.minimise.enter(&cut.zone, &self.question);
        let mut servers: Vec<(Name, IpAddr)> = Vec::new();
        self.unknown.clear();
        for (name, addresses) in &cut.servers {
            servers.extend(addresses.iter().map(|address| (name.clone(), *address)));
            if !addresses.is_empty() {
                continue;
            }
            // A server whose name lies below its own cut cannot be found without glue.
            let findable = !cut.zone.zone_of(name) || cut.zone.is_root();
            if !findable {
                self.outcomes.note(name.clone(), None, ServerOutcome::NoGlue);
            } else if self.unknown.len() < MOST_GLUELESS_OF_ZONE {
                self.unknown.push_back((name.clone(), RecordType::A));
            } else {
                self.outcomes.note(name.clone(), None, ServerOutcome::NotLookedFor);
            }
        }
        // In the servers' order, but all of IPv4 first, so that a host without IPv6 loses no time.
        servers.sort_by_key(|(_, address)| address.is_ipv6());
        self.servers = servers.into();
    }

    /// The result of a walk that ends at this zone.
    fn walk_failure(&self, what: DelegationFault, tree: &Tree, now: Time) -> WalkFailure {
        let zone = self.zone.clone();
        let parent = (!zone.is_root()).then(|| tree.best(&zone.base_name(), now).zone);
        WalkFailure::Zone { zone, parent, what, servers: self.outcomes.servers() }
    }

    /// Handles the lack of a readable answer from the first server.
    fn no_reply(&mut self, why: &NoReply) {
        match why {
            NoReply::Code(code) => self.next_server(ServerOutcome::Answered(code.clone())),
            NoReply::Cut(_) => self.next_server(ServerOutcome::Answered(why.to_string())),
            NoReply::Failed(why) => self.next_server(ServerOutcome::Silent(why.clone())),
            NoReply::TimedOut { .. } => {
                let server = self.servers.front().cloned();
                self.next_server(ServerOutcome::Silent("no answer".into()));
                self.silences += 1;
                // The server may be asked once more.
                if self.silences + self.servers.len() < TRIES_OF_ZONE {
                    self.servers.extend(server);
                }
            }
        }
    }

    /// Gives up the first server and goes on with the next.
    fn next_server(&mut self, outcome: ServerOutcome) {
        if let Some((name, address)) = self.servers.pop_front() {
            self.outcomes.note(name, Some(address), outcome);
        }
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
    use std::collections::BTreeSet;

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
        let Err(end) = end else { panic!("{end:?}") };
        let WalkFailure::Zone { zone, parent, what, servers } = *end else { panic!("{end:?}") };
        assert_eq!((zone, parent, what), (Name::root(), None, DelegationFault::Silent));
        assert_eq!(servers.len(), 1);
    }
}
