//! `Exchange`: one question put to a list of servers until one answers. It decides on retries,
//! timeouts, the change to TCP, and which answers to believe. Sans I/O.

use core::time::Duration;
use std::net::SocketAddr;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RecordType;
use roundtrip_record::Time;

use crate::edns::{EdnsMemory, Extension};
use crate::message::{Question, RejectReason, code_name};
use crate::resolv::{FirstTransport, Policy, Recursion};
use crate::via::Via;

/// How long a server may be silent before the question is repeated without EDNS, within the time
/// the server has. Chromium repeats a question after as long (`kDnsDefaultFallbackPeriod`).
const REPEAT_AFTER: Duration = Duration::from_secs(1);

/// The response code of a server that knows another version of EDNS (RFC 6891 §9). It is compared
/// by number, since the number stands for `BADSIG` too and hickory-proto cannot tell which is
/// meant.
const BADVERS: u16 = 16;

/// Stands in place of a response code for an answer that only names other servers.
pub(crate) const REFERRAL: &str = "REFERRAL";

/// One question and the servers it is put to.
///
/// The contract: [`Exchange::poll`] says what to do next. After an [`Action::Send`], exactly one of
/// [`Exchange::handle_message`] (until it returns [`Acceptance::Taken`]), [`Exchange::handle_timeout`]
/// and [`Exchange::handle_error`] is called before the next poll. Datagrams to one server should
/// leave from one port while it has its turn, since a late answer to the first is still taken.
#[derive(Debug)]
pub struct Exchange {
    question: Question,
    servers: Vec<Server>,
    policy: Policy,
    state: State,
    /// How many times the list was begun.
    round: u32,
    tries: u32,
    timed_out: u32,
    /// The first error code that a server answered with.
    code: Option<String>,
    /// Why a truncated answer could not be had over TCP.
    cut: Option<String>,
    error: Option<String>,
    /// An answer without authority and without recursion, used if no better one comes.
    weak: Option<Box<Message>>,
    /// Why the last server gave no answer.
    last: Option<NoReply>,
}

#[derive(Debug)]
struct Server {
    address: SocketAddr,
    extension: Extension,
    /// Whether the server was seen to take EDNS.
    seen: Option<Extension>,
    /// Whether the server refused to answer; it is then not asked again.
    refused: bool,
}

/// A server's turn to answer.
#[derive(Clone, Debug)]
struct Turn {
    /// The server's place in the list.
    index: usize,
    via: Via,
    /// The queries the server was sent in this turn.
    sent: Vec<(u16, Extension)>,
    /// What is left of the server's time; `None` before the first query.
    left: Option<Duration>,
}

#[derive(Clone, Debug)]
enum State {
    /// The server is to be asked.
    Ask(Turn),
    /// The server was asked, and its answer is awaited.
    Wait(Turn),
    /// The exchange has ended.
    Done(Result<Box<Message>, NoReply>),
}

/// What the caller is to do next.
#[derive(Debug)]
pub enum Action {
    /// Send this query, and wait for the answer until its deadline.
    Send(Transmit),
    /// Nothing more: the exchange has ended.
    Done(Result<Box<Message>, NoReply>),
}

/// A query to send.
#[derive(Debug)]
pub struct Transmit {
    /// The server's address.
    pub to: SocketAddr,
    /// The transport to send it over.
    pub via: Via,
    /// The message.
    pub bytes: Vec<u8>,
    /// When to stop waiting for the answer.
    pub deadline: Time,
}

/// Whether a received message is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// The message is the answer.
    Taken,
    /// The message is not the answer; go on waiting.
    Dropped(RejectReason),
}

/// Why an exchange gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReply {
    /// A server answered with an error: the response code, or `REFERRAL` when it was asked for
    /// recursion and only named other servers.
    #[error("{0}")]
    Code(String),
    /// The answer was truncated, and could not be had over TCP either.
    #[error("the answer was cut to fit a datagram (TC), and over TCP: {0}")]
    Cut(String),
    /// No server answered in time.
    #[error("no answer after {tries} tries")]
    TimedOut {
        /// How many queries were sent.
        tries: u32,
    },
    /// The query could not be sent.
    #[error("{0}")]
    Failed(String),
}

impl Exchange {
    /// An exchange that puts a question to `servers`, in this order.
    pub fn new(question: Question, servers: &[SocketAddr], policy: Policy) -> Self {
        Self::knowing(question, servers, policy, &EdnsMemory::default())
    }

    /// The same, with what is known of the servers' EDNS.
    pub(crate) fn knowing(
        question: Question,
        servers: &[SocketAddr],
        policy: Policy,
        known: &EdnsMemory,
    ) -> Self {
        let server = |&address| Server {
            address,
            extension: known.first(address),
            seen: None,
            refused: false,
        };
        let mut exchange = Self {
            question,
            servers: servers.iter().map(server).collect(),
            policy,
            state: State::Done(Err(NoReply::Failed("nobody has been asked".into()))),
            round: 0,
            tries: 0,
            timed_out: 0,
            code: None,
            cut: None,
            error: None,
            weak: None,
            last: None,
        };
        exchange.next_from(0);
        exchange
    }

    /// Why the last server gave no answer.
    pub(crate) fn last_failure(&self) -> Option<&NoReply> {
        self.last.as_ref()
    }

    /// Which servers were seen to take EDNS, and which not to.
    pub(crate) fn seen(&self) -> impl Iterator<Item = (SocketAddr, Extension)> {
        self.servers.iter().filter_map(|server| Some((server.address, server.seen?)))
    }

    /// Says what to do next. `id` is the random id of the query, if one is to be sent.
    pub fn poll(&mut self, now: Time, id: u16) -> Action {
        loop {
            let mut turn = match self.state.clone() {
                State::Done(result) => return Action::Done(result),
                State::Ask(turn) | State::Wait(turn) => turn,
            };
            let (to, extension) = {
                let server = &self.servers[turn.index];
                (server.address, server.extension)
            };
            let bytes = match self.question.encode(id, &self.policy, extension) {
                Ok(bytes) => bytes,
                Err(why) => {
                    self.state = State::Done(Err(NoReply::Failed(why.to_string())));
                    continue;
                }
            };
            let whole = || self.policy.patience(turn.index, self.servers.len(), turn.via);
            let patience = turn.left.unwrap_or_else(whole);
            let may_repeat =
                turn.via == Via::Udp && extension == Extension::Edns && turn.left.is_none();
            let waits = if may_repeat { REPEAT_AFTER.min(patience / 2) } else { patience };
            turn.left = Some(patience.saturating_sub(waits));
            turn.sent.push((id, extension));
            let via = turn.via;
            self.state = State::Wait(turn);
            self.tries += 1;
            return Action::Send(Transmit { to, via, bytes, deadline: now + waits });
        }
    }

    /// Handles a message that came in from `from`.
    pub fn handle_message(&mut self, from: SocketAddr, bytes: &[u8]) -> Acceptance {
        let State::Wait(turn) = self.state.clone() else {
            return Acceptance::Dropped(RejectReason::WrongId);
        };
        if from != self.servers[turn.index].address {
            return Acceptance::Dropped(RejectReason::WrongSource);
        }
        let mut reason = RejectReason::WrongId;
        for (id, extension) in turn.sent.iter().rev().copied() {
            match self.question.answer(id, bytes) {
                Ok(message) => {
                    self.take(&turn, extension, message);
                    return Acceptance::Taken;
                }
                Err(RejectReason::WrongId) => {}
                Err(why) => reason = why,
            }
        }
        Acceptance::Dropped(reason)
    }

    /// Handles the passing of the deadline.
    pub fn handle_timeout(&mut self) {
        let State::Wait(turn) = self.state.clone() else { return };
        let server = &mut self.servers[turn.index];
        if turn.left.is_some_and(|left| !left.is_zero()) {
            // A middlebox may drop messages with an OPT record.
            server.extension = Extension::Plain;
            self.state = State::Ask(turn);
            return;
        }
        if self.was_cut(&turn) {
            return self.give_up_cut(turn.index, "no answer");
        }
        self.timed_out += 1;
        self.last = Some(NoReply::TimedOut { tries: turn.sent.len() as u32 });
        self.next_from(turn.index + 1);
    }

    /// Handles a query that could not be sent, or for which an error came back.
    pub fn handle_error(&mut self, why: &str) {
        let State::Wait(turn) = self.state.clone() else { return };
        if self.was_cut(&turn) {
            return self.give_up_cut(turn.index, why);
        }
        self.error = Some(why.to_owned());
        self.last = Some(NoReply::Failed(why.to_owned()));
        self.next_from(turn.index + 1);
    }

    /// Whether the question went over TCP because the answer was truncated.
    fn was_cut(&self, turn: &Turn) -> bool {
        turn.via == Via::Tcp && self.policy.transport == FirstTransport::Udp
    }

    fn give_up_cut(&mut self, index: usize, why: &str) {
        self.servers[index].refused = true;
        self.last = Some(NoReply::Cut(why.to_owned()));
        self.cut.get_or_insert_with(|| why.to_owned());
        self.next_from(index + 1);
    }

    fn take(&mut self, turn: &Turn, asked_with: Extension, message: Message) {
        let index = turn.index;
        let whole = self.policy.recursion == Recursion::Desired;
        let server = &mut self.servers[index];
        let code = message.metadata.response_code;
        let ask_again = |via| State::Ask(Turn { index, via, sent: Vec::new(), left: None });
        server.seen = match (message.edns.is_some(), asked_with) {
            (true, _) => Some(Extension::Edns),
            (false, Extension::Plain) => Some(Extension::Plain),
            (false, Extension::Edns) => server.seen,
        };
        match code {
            // A truncated answer is asked for again over TCP (RFC 7766 §5).
            _ if turn.via == Via::Udp && message.metadata.truncation => {
                self.state = ask_again(Via::Tcp);
            }
            ResponseCode::NoError if whole && only_refers(&message) => {
                if message.authorities.iter().any(|r| r.record_type() == RecordType::SOA) {
                    self.weak.get_or_insert_with(|| Box::new(message));
                }
                self.refused(index, REFERRAL.into());
            }
            ResponseCode::NoError | ResponseCode::NXDomain => {
                self.state = State::Done(Ok(Box::new(message)));
            }
            // A server that answers with an error and without an OPT record may not know EDNS, and
            // may answer the question without it (RFC 6891 §7). Some servers send an OPT record all
            // the same.
            code if asked_with == Extension::Edns
                && (message.edns.is_none()
                    || code == ResponseCode::FormErr
                    || u16::from(code) == BADVERS) =>
            {
                server.extension = Extension::Plain;
                self.state = ask_again(turn.via);
            }
            code => self.refused(index, code_name(code)),
        }
    }

    /// Notes that a server refused to answer.
    fn refused(&mut self, index: usize, code: String) {
        self.servers[index].refused = true;
        self.last = Some(NoReply::Code(code.clone()));
        self.code.get_or_insert(code);
        self.next_from(index + 1);
    }

    /// Goes on with the first server from place `index` that may still answer, in this round or the
    /// next.
    fn next_from(&mut self, index: usize) {
        let open =
            |from: usize| (from..self.servers.len()).find(|&index| !self.servers[index].refused);
        let next = open(index).or_else(|| {
            self.round += 1;
            if self.round < self.policy.attempts { open(0) } else { None }
        });
        self.state = match next {
            Some(index) => State::Ask(Turn {
                index,
                via: match self.policy.transport {
                    FirstTransport::Udp => Via::Udp,
                    FirstTransport::Tcp => Via::Tcp,
                },
                sent: Vec::new(),
                left: None,
            }),
            None => State::Done(self.weak.take().ok_or_else(|| self.why_not())),
        };
    }

    fn why_not(&self) -> NoReply {
        match (&self.cut, &self.code, self.timed_out, &self.error) {
            (Some(why), ..) => NoReply::Cut(why.clone()),
            (None, Some(code), ..) => NoReply::Code(code.clone()),
            (None, None, 1.., _) => NoReply::TimedOut { tries: self.tries },
            (None, None, 0, Some(why)) => NoReply::Failed(why.clone()),
            (None, None, 0, None) => NoReply::Failed("there is no server to ask".into()),
        }
    }
}

/// Whether a server that was asked for recursion did no work: it gave no answer, has no authority,
/// and offers no recursion. libc then asks the next server (glibc, `send_dg` in
/// `resolv/res_send.c`).
fn only_refers(message: &Message) -> bool {
    let head = &message.metadata;
    message.answers.is_empty() && !head.authoritative && !head.recursion_available
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::edns;
    use crate::resolv::Resolv;
    use crate::testing::{message, name};
    use hickory_proto::rr::RecordType;

    const FIRST: &str = "192.0.2.1:53";
    const SECOND: &str = "192.0.2.2:53";

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn question() -> Question {
        Question::new(name("www.example.com."), RecordType::A)
    }

    fn exchange(servers: &[&str]) -> Exchange {
        let servers: Vec<SocketAddr> = servers.iter().map(|s| address(s)).collect();
        Exchange::new(question(), &servers, Resolv::default().policy)
    }

    fn send(exchange: &mut Exchange, now: u64, id: u16) -> Transmit {
        match exchange.poll(Time::from_secs(now), id) {
            Action::Send(transmit) => transmit,
            Action::Done(result) => panic!("done: {result:?}"),
        }
    }

    fn done(exchange: &mut Exchange) -> Result<Box<Message>, NoReply> {
        match exchange.poll(Time::ZERO, 0) {
            Action::Done(result) => result,
            Action::Send(transmit) => panic!("sends: {transmit:?}"),
        }
    }

    fn reply(id: u16, change: impl FnOnce(&mut Message)) -> Vec<u8> {
        let mut reply = message(&question(), "www.example.com. 60 IN A 192.0.2.80", "", "");
        reply.metadata.id = id;
        change(&mut reply);
        reply.to_vec().unwrap()
    }

    #[test]
    fn silence_goes_down_the_list_as_often_as_resolv_conf_says() {
        let mut exchange = exchange(&[FIRST, SECOND]);
        let mut seen = Vec::new();
        for (now, id) in [(0, 1), (1, 2), (5, 3), (6, 4), (10, 5), (15, 6)] {
            let sent = send(&mut exchange, now, id);
            seen.push((sent.to.to_string(), sent.deadline.since(Time::from_secs(now)).as_secs()));
            exchange.handle_timeout();
        }
        let of = |server: &str, seconds| (server.to_owned(), seconds);
        assert_eq!(
            seen,
            [of(FIRST, 1), of(FIRST, 4), of(SECOND, 1), of(SECOND, 4), of(FIRST, 5), of(SECOND, 5),]
        );
        assert_eq!(done(&mut exchange), Err(NoReply::TimedOut { tries: 6 }));
    }

    #[test]
    fn forgeries_are_dropped_and_the_answer_still_taken() {
        let mut exchange = exchange(&[FIRST]);
        send(&mut exchange, 0, 7);
        let good = reply(7, |_| {});
        let dropped = |reason| Acceptance::Dropped(reason);
        assert_eq!(
            exchange.handle_message(address(SECOND), &good),
            dropped(RejectReason::WrongSource)
        );
        assert_eq!(
            exchange.handle_message(address("192.0.2.1:5353"), &good),
            dropped(RejectReason::WrongSource)
        );
        assert_eq!(
            exchange.handle_message(address(FIRST), &reply(8, |_| {})),
            dropped(RejectReason::WrongId)
        );
        assert_eq!(
            exchange.handle_message(address(FIRST), b"x"),
            dropped(RejectReason::NotAMessage)
        );
        assert_eq!(exchange.handle_message(address(FIRST), &good), Acceptance::Taken);
        assert_eq!(done(&mut exchange).unwrap().answers.len(), 1);
    }

    #[test]
    fn a_cut_answer_is_asked_for_again_over_tcp_and_not_a_third_time() {
        let mut exchange = exchange(&[FIRST]);
        assert_eq!(send(&mut exchange, 0, 1).via, Via::Udp);
        let cut = |m: &mut Message| m.metadata.truncation = true;
        exchange.handle_message(address(FIRST), &reply(1, cut));
        let again = send(&mut exchange, 0, 2);
        assert_eq!((again.via, again.to), (Via::Tcp, address(FIRST)));
        exchange.handle_message(address(FIRST), &reply(2, cut));
        assert!(done(&mut exchange).is_ok());
    }

    /// Servers that refuse EDNS do it in all these ways; each is asked again without, and only once.
    #[test]
    fn a_server_without_edns_is_asked_without() {
        use ResponseCode::{FormErr, NotImp, Refused, ServFail};
        for (code, opt) in [
            (FormErr, false),
            (FormErr, true),
            (NotImp, false),
            (ServFail, false),
            (Refused, false),
            (ResponseCode::BADVERS, true),
        ] {
            let mut exchange = exchange(&[FIRST]);
            let with = send(&mut exchange, 0, 1).bytes.len();
            let refusal = |m: &mut Message| {
                m.metadata.response_code = code;
                if opt {
                    m.set_edns(edns());
                }
            };
            exchange.handle_message(address(FIRST), &reply(1, refusal));
            assert_eq!(send(&mut exchange, 0, 2).bytes.len(), with - 11, "{code}");
            exchange.handle_message(address(FIRST), &reply(2, refusal));
            assert_eq!(done(&mut exchange), Err(NoReply::Code(code_name(code))));
        }
    }

    #[test]
    fn silence_is_retried_without_edns_and_a_late_answer_is_still_taken() {
        let mut exchange = exchange(&[FIRST]);
        let with = send(&mut exchange, 0, 1).bytes.len();
        exchange.handle_timeout();
        let again = send(&mut exchange, 1, 2);
        assert_eq!((again.to, again.bytes.len()), (address(FIRST), with - 11));
        assert_eq!(exchange.handle_message(address(FIRST), &reply(1, |_| {})), Acceptance::Taken);
        assert!(done(&mut exchange).is_ok());
        assert_eq!(exchange.seen().count(), 0);

        let mut exchange = self::exchange(&[FIRST]);
        send(&mut exchange, 0, 1);
        exchange.handle_timeout();
        send(&mut exchange, 1, 2);
        exchange.handle_message(address(FIRST), &reply(2, |_| {}));
        let mut known = EdnsMemory::default();
        exchange.seen().for_each(|(server, seen)| known.learn(server, seen));
        let servers = [address(FIRST)];
        let policy = Resolv::default().policy;
        let mut later = Exchange::knowing(question(), &servers, policy, &known);
        assert_eq!(send(&mut later, 0, 3).bytes.len(), with - 11);
    }

    fn empty(id: u16, change: impl FnOnce(&mut Message)) -> Vec<u8> {
        reply(id, |m| {
            m.answers.clear();
            change(m);
        })
    }

    #[test]
    fn who_only_refers_is_followed_by_the_next() {
        let mut exchange = exchange(&[FIRST, SECOND]);
        send(&mut exchange, 0, 1);
        exchange.handle_message(address(FIRST), &empty(1, |_| {}));
        assert_eq!(send(&mut exchange, 0, 2).to, address(SECOND));
        exchange.handle_message(address(SECOND), &reply(2, |_| {}));
        assert_eq!(done(&mut exchange).unwrap().answers.len(), 1);

        let mut exchange = self::exchange(&[FIRST]);
        send(&mut exchange, 0, 1);
        exchange.handle_message(address(FIRST), &empty(1, |_| {}));
        assert_eq!(done(&mut exchange), Err(NoReply::Code("REFERRAL".into())));
    }

    #[test]
    fn no_such_record_is_an_answer_of_whoever_does_the_work() {
        for change in [
            |m: &mut Message| m.metadata.recursion_available = true,
            |m: &mut Message| m.metadata.authoritative = true,
        ] {
            let mut exchange = exchange(&[FIRST, SECOND]);
            send(&mut exchange, 0, 1);
            exchange.handle_message(address(FIRST), &empty(1, change));
            assert!(done(&mut exchange).is_ok());
        }
    }

    #[test]
    fn a_cut_answer_without_tcp_is_said() {
        for silent in [false, true] {
            let mut exchange = exchange(&[FIRST]);
            send(&mut exchange, 0, 1);
            let cut = |m: &mut Message| m.metadata.truncation = true;
            exchange.handle_message(address(FIRST), &reply(1, cut));
            assert_eq!(send(&mut exchange, 0, 2).via, Via::Tcp);
            if silent {
                exchange.handle_timeout();
            } else {
                exchange.handle_error("connection refused");
            }
            let why = if silent { "no answer" } else { "connection refused" };
            assert_eq!(done(&mut exchange), Err(NoReply::Cut(why.into())));
        }
    }

    #[test]
    fn one_that_knows_edns_and_refuses_is_not_retried() {
        let mut exchange = exchange(&[FIRST, SECOND]);
        send(&mut exchange, 0, 1);
        exchange.handle_message(
            address(FIRST),
            &reply(1, |m| {
                m.metadata.response_code = ResponseCode::ServFail;
                m.set_edns(edns());
            }),
        );
        for (now, id) in [(0, 2), (1, 3)] {
            assert_eq!(send(&mut exchange, now, id).to, address(SECOND));
            exchange.handle_timeout();
        }
        assert_eq!(send(&mut exchange, 5, 4).to, address(SECOND));
        exchange.handle_error("connection refused");
        assert_eq!(done(&mut exchange), Err(NoReply::Code("SERVFAIL".into())));
    }

    #[test]
    fn no_server_is_a_failure_and_no_panic() {
        assert!(matches!(done(&mut exchange(&[])), Err(NoReply::Failed(_))));
    }
}
