//! One question put to a list of servers until one of them answers: retries, timeouts, the change to
//! TCP, and which answers are believed. Sans I/O.

use std::net::SocketAddr;

use hickory_proto::op::{Message, ResponseCode};
use roundtrip_record::Time;

use crate::message::{Extension, Question, Unfit, Via, code_name};
use crate::resolv::{FirstTransport, Policy};

/// One question and the servers it is put to.
///
/// The contract: [`Exchange::poll`] says what to do next, and after a [`Action::Send`] exactly one of
/// [`Exchange::handle_message`] (until it answers [`Verdict::Taken`]), [`Exchange::handle_timeout`] and
/// [`Exchange::handle_error`] is called before it is polled again.
#[derive(Debug)]
pub struct Exchange {
    question: Question,
    servers: Vec<Server>,
    policy: Policy,
    state: State,
    /// How often the list has been begun.
    round: u32,
    tries: u32,
    timed_out: u32,
    code: Option<ResponseCode>,
    error: Option<String>,
    /// Why the server asked last gave no answer.
    last: Option<NoReply>,
}

#[derive(Debug)]
struct Server {
    address: SocketAddr,
    extension: Extension,
    /// It answered that it will not: not asked again.
    refused: bool,
}

#[derive(Clone, Debug)]
enum State {
    /// The server at this place is to be asked.
    Ask { index: usize, via: Via },
    /// It has been asked.
    Wait { index: usize, via: Via, id: u16 },
    /// It is over.
    Done(Result<Box<Message>, NoReply>),
}

/// What to do next.
#[derive(Debug)]
pub enum Action {
    /// Send this, and wait for the answer until its deadline.
    Send(Transmit),
    /// It is over.
    Done(Result<Box<Message>, NoReply>),
}

/// A query to send.
#[derive(Debug)]
pub struct Transmit {
    /// To whom.
    pub to: SocketAddr,
    /// In what.
    pub via: Via,
    /// The message.
    pub bytes: Vec<u8>,
    /// When to give up waiting.
    pub deadline: Time,
}

/// What became of a message that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the answer.
    Taken,
    /// It is not; go on waiting.
    Dropped(Unfit),
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReply {
    /// A server answered with a failure.
    #[error("{0}")]
    Code(String),
    /// Nobody answered.
    #[error("no answer after {tries} tries")]
    TimedOut {
        /// How often somebody was asked.
        tries: u32,
    },
    /// The question could not be sent.
    #[error("{0}")]
    Failed(String),
}

impl Exchange {
    /// A question to put to `servers` in this order.
    pub fn new(question: Question, servers: &[SocketAddr], policy: Policy) -> Self {
        let server = |&address| Server { address, extension: Extension::Edns, refused: false };
        let mut exchange = Self {
            question,
            servers: servers.iter().map(server).collect(),
            policy,
            state: State::Ask { index: 0, via: Via::Udp },
            round: 0,
            tries: 0,
            timed_out: 0,
            code: None,
            error: None,
            last: None,
        };
        exchange.next_from(0);
        exchange
    }

    /// Why the server that was asked last gave no answer.
    pub(crate) fn last_failure(&self) -> Option<&NoReply> {
        self.last.as_ref()
    }

    /// What to do next; `id` is the random id of the query, should one be sent.
    pub fn poll(&mut self, now: Time, id: u16) -> Action {
        loop {
            match self.state.clone() {
                State::Done(result) => return Action::Done(result),
                State::Ask { index, via } | State::Wait { index, via, .. } => {
                    let server = &self.servers[index];
                    match self.question.encode(id, &self.policy, server.extension) {
                        Ok(bytes) => {
                            let patience = self.policy.patience(index, self.servers.len(), via);
                            self.state = State::Wait { index, via, id };
                            self.tries += 1;
                            return Action::Send(Transmit {
                                to: server.address,
                                via,
                                bytes,
                                deadline: now + patience,
                            });
                        }
                        Err(why) => self.state = State::Done(Err(NoReply::Failed(why.to_string()))),
                    }
                }
            }
        }
    }

    /// A message came in from `from`.
    pub fn handle_message(&mut self, from: SocketAddr, bytes: &[u8]) -> Verdict {
        let State::Wait { index, via, id } = self.state else {
            return Verdict::Dropped(Unfit::WrongId);
        };
        if from != self.servers[index].address {
            return Verdict::Dropped(Unfit::WrongSource);
        }
        let message = match self.question.answer(id, bytes) {
            Ok(message) => message,
            Err(unfit) => return Verdict::Dropped(unfit),
        };
        self.take(index, via, message);
        Verdict::Taken
    }

    /// The deadline passed.
    pub fn handle_timeout(&mut self) {
        if let State::Wait { index, .. } = self.state {
            self.timed_out += 1;
            self.last = Some(NoReply::TimedOut { tries: 1 });
            self.next_from(index + 1);
        }
    }

    /// The query could not be sent, or an error came back for it.
    pub fn handle_error(&mut self, why: &str) {
        if let State::Wait { index, .. } = self.state {
            self.error = Some(why.to_owned());
            self.last = Some(NoReply::Failed(why.to_owned()));
            self.next_from(index + 1);
        }
    }

    fn take(&mut self, index: usize, via: Via, message: Message) {
        let server = &mut self.servers[index];
        let code = message.metadata.response_code;
        match code {
            // RFC 7766 §5.
            _ if via == Via::Udp && message.metadata.truncation => {
                self.state = State::Ask { index, via: Via::Tcp };
            }
            ResponseCode::NoError | ResponseCode::NXDomain => {
                self.state = State::Done(Ok(Box::new(message)));
            }
            // A server from before EDNS does not know the OPT record and sends none (RFC 6891 §7).
            ResponseCode::FormErr | ResponseCode::NotImp | ResponseCode::BADVERS
                if server.extension == Extension::Edns
                    && (message.edns.is_none() || code == ResponseCode::BADVERS) =>
            {
                server.extension = Extension::Plain;
                self.state = State::Ask { index, via };
            }
            code => {
                server.refused = true;
                self.code = self.code.or(Some(code));
                self.last = Some(NoReply::Code(code_name(code)));
                self.next_from(index + 1);
            }
        }
    }

    /// Goes on with the first server from `index` that may still answer, in this round or the next.
    fn next_from(&mut self, index: usize) {
        let open =
            |from: usize| (from..self.servers.len()).find(|&index| !self.servers[index].refused);
        let next = open(index).or_else(|| {
            self.round += 1;
            if self.round < self.policy.attempts { open(0) } else { None }
        });
        self.state = match next {
            Some(index) => State::Ask {
                index,
                via: match self.policy.transport {
                    FirstTransport::Udp => Via::Udp,
                    FirstTransport::Tcp => Via::Tcp,
                },
            },
            None => State::Done(Err(self.why_not())),
        };
    }

    fn why_not(&self) -> NoReply {
        match (self.code, self.timed_out, &self.error) {
            (Some(code), ..) => NoReply::Code(code_name(code)),
            (None, 1.., _) => NoReply::TimedOut { tries: self.tries },
            (None, 0, Some(why)) => NoReply::Failed(why.clone()),
            (None, 0, None) => NoReply::Failed("there is no server to ask".into()),
        }
    }
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
        for (now, id) in [(0, 1), (5, 2), (10, 3), (15, 4)] {
            let sent = send(&mut exchange, now, id);
            seen.push((sent.to.to_string(), sent.deadline.since(Time::from_secs(now)).as_secs()));
            exchange.handle_timeout();
        }
        let (first, second) = ((FIRST.to_owned(), 5), (SECOND.to_owned(), 5));
        assert_eq!(seen, [first.clone(), second.clone(), first, second]);
        assert_eq!(done(&mut exchange), Err(NoReply::TimedOut { tries: 4 }));
    }

    #[test]
    fn forgeries_are_dropped_and_the_answer_still_taken() {
        let mut exchange = exchange(&[FIRST]);
        send(&mut exchange, 0, 7);
        let good = reply(7, |_| {});
        let dropped = |unfit| Verdict::Dropped(unfit);
        assert_eq!(exchange.handle_message(address(SECOND), &good), dropped(Unfit::WrongSource));
        assert_eq!(
            exchange.handle_message(address("192.0.2.1:5353"), &good),
            dropped(Unfit::WrongSource)
        );
        assert_eq!(
            exchange.handle_message(address(FIRST), &reply(8, |_| {})),
            dropped(Unfit::WrongId)
        );
        assert_eq!(exchange.handle_message(address(FIRST), b"x"), dropped(Unfit::NotAMessage));
        assert_eq!(exchange.handle_message(address(FIRST), &good), Verdict::Taken);
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

    #[test]
    fn a_server_without_edns_is_asked_without() {
        let mut exchange = exchange(&[FIRST]);
        let with = send(&mut exchange, 0, 1).bytes.len();
        let formerr = |m: &mut Message| m.metadata.response_code = ResponseCode::FormErr;
        exchange.handle_message(address(FIRST), &reply(1, formerr));
        assert_eq!(send(&mut exchange, 0, 2).bytes.len(), with - 11);
        exchange.handle_message(address(FIRST), &reply(2, formerr));
        assert_eq!(done(&mut exchange), Err(NoReply::Code("FORMERR".into())));
    }

    #[test]
    fn one_that_knows_edns_and_refuses_is_not_asked_again() {
        let mut exchange = exchange(&[FIRST, SECOND]);
        send(&mut exchange, 0, 1);
        exchange.handle_message(
            address(FIRST),
            &reply(1, |m| {
                m.metadata.response_code = ResponseCode::ServFail;
                m.set_edns(edns());
            }),
        );
        assert_eq!(send(&mut exchange, 0, 2).to, address(SECOND));
        exchange.handle_timeout();
        assert_eq!(send(&mut exchange, 5, 3).to, address(SECOND));
        exchange.handle_error("connection refused");
        assert_eq!(done(&mut exchange), Err(NoReply::Code("SERVFAIL".into())));
    }

    #[test]
    fn no_server_is_a_failure_and_no_panic() {
        assert!(matches!(done(&mut exchange(&[])), Err(NoReply::Failed(_))));
    }
}
