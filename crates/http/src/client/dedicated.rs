//! Connections of one's own: opened when they are wanted, shared with nobody, and nothing of what they
//! carry recorded. For whoever measures: each connection is one user.

use core::future::poll_fn;
use core::task::{Context, Poll};
use core::time::Duration;
use std::rc::Rc;

use roundtrip_record::{FaultKind, Step, Time};
use roundtrip_wire::Wire;

use super::Client;
use super::carrier::{Abandoned, Carrier as _};
use super::clocks::DialLimits;
use super::dial::{Dial, Opened, offer};
use super::group::{Credentials, Group};
use super::keeper::Keeper;
use super::lean::Lean;
use super::order::Order;
use super::origin::Origin;
use super::permit::{Permit, Places};
use super::prepared::{Answered, Prepared, Unanswered};
use super::shared::Shared;
use super::stream::Stream;
use super::trouble::Trouble;
use super::two::Two;
use super::undone::Undone;
use super::upload::Upload;
use crate::Body;
use crate::reporter::Reporter;
use crate::timer::Timer;

/// Opens connections to one origin.
pub struct Opener<W: Wire> {
    shared: Rc<Shared<W>>,
    origin: Origin,
}

/// How long opening a connection took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// To the end of TCP's handshake, the name's lookup included where there was one.
    pub connect: Duration,
    /// TLS's handshake, where there is TLS.
    pub tls: Option<Duration>,
}

/// A connection of one's own.
pub struct Dedicated<W: Wire>(Kind<W>);

enum Kind<W: Wire> {
    One(Box<Lean<W>>),
    Two { two: Two<W>, origin: Origin, timer: Timer<W>, wire: W },
}

impl<W: Wire> Client<W> {
    /// Opens connections to an origin apart from those that the client keeps.
    pub fn opener(&self, origin: Origin) -> Opener<W> {
        Opener { shared: Rc::clone(&self.shared), origin }
    }
}

impl<W: Wire> Opener<W> {
    /// Opens one, through TLS where the origin is https, and speaks HTTP/2 on it where that is agreed on.
    ///
    /// # Errors
    /// The step that failed, and what was seen.
    pub async fn open(&self) -> Result<(Dedicated<W>, Opening), (Step, FaultKind)> {
        let (shared, wire) = (&self.shared, &self.shared.wire);
        let options = &shared.options;
        let via = shared.via(&self.origin);
        let group = Group { origin: via.key(&self.origin), credentials: Credentials::default() };
        let offer = offer(options, &self.origin, via, options.version);
        let permit = Permit::new(Rc::new(Apart), &group, offer, false);
        let began = wire.now();
        let dial = Dial {
            shared: Rc::clone(shared),
            origin: self.origin.clone(),
            reporter: Reporter::of_client(wire.clone()),
            cause: None,
            limits: DialLimits::alone(options.timeouts, began),
            order: Order::default(),
            heard: None,
        };
        let undone = |Undone { step, kind, .. }| (step, kind);
        let (connected, lookup) = dial.reach().await.map_err(undone)?;
        let reached = wire.now();
        let opened = dial.apart(connected, permit, lookup).await.map_err(undone)?;
        let tls = dial.is_secure().then(|| wire.now().since(reached));
        let opening = Opening { connect: reached.since(began), tls };
        Ok((self.dedicated(opened), opening))
    }

    fn dedicated(&self, opened: Opened<W>) -> Dedicated<W> {
        let wire = self.shared.wire.clone();
        Dedicated(match opened {
            Opened::One(connection) => {
                Kind::One(Box::new(Lean::new(*connection, self.shared.options.limits)))
            }
            Opened::Two(two) => {
                let (origin, timer) = (self.origin.clone(), Timer::new(wire.clone()));
                Kind::Two { two, origin, timer, wire }
            }
        })
    }
}

impl<W: Wire> Dedicated<W> {
    /// The same connection for another request at the same time, where it speaks HTTP/2.
    #[must_use]
    pub fn another(&self) -> Option<Self> {
        let Kind::Two { two, origin, wire, .. } = &self.0 else { return None };
        let (two, origin, wire) = (two.clone(), origin.clone(), wire.clone());
        Some(Self(Kind::Two { two, origin, timer: Timer::new(wire.clone()), wire }))
    }

    /// Whether it can carry a request: it is open, and nothing came that nobody asked for.
    pub async fn is_ready(&mut self) -> bool {
        match &mut self.0 {
            Kind::One(one) => one.is_quiet().await,
            Kind::Two { two, .. } => !two.is_over(),
        }
    }

    /// Sends a request and reads the answer to its end, within `limit`.
    ///
    /// # Errors
    /// Why there is no whole answer. The connection is not to be used any more.
    pub async fn exchange(
        &mut self,
        request: &Prepared,
        limit: Duration,
    ) -> Result<Answered, Unanswered> {
        match &mut self.0 {
            Kind::One(one) => one.exchange(request, limit).await,
            Kind::Two { two, origin, timer, wire } => {
                let until = wire.now() + limit;
                by_stream(two, origin, timer, request, (until, limit)).await
            }
        }
    }

    /// Lets go of it; `agreed` says that both ends know of that.
    pub fn finish(self, agreed: bool) {
        if let Kind::One(one) = self.0 {
            one.finish(agreed);
        }
    }
}

/// Carries an exchange out on a stream of its own.
async fn by_stream<W: Wire>(
    two: &Two<W>,
    origin: &Origin,
    timer: &mut Timer<W>,
    request: &Prepared,
    (until, limit): (Time, Duration),
) -> Result<Answered, Unanswered> {
    let mut stream = Box::new(Stream::new(two.clone(), origin.clone()));
    stream.board();
    let body = if request.body.is_empty() { Body::empty() } else { request.body.clone().into() };
    stream.send(request.head.clone(), Upload::new(body, None, Keeper::off(), false));
    timer.set(Some(until));
    let mut talk = Talk { stream, sent: false, answer: None, body: 0 };
    match poll_fn(|context| talk.poll(timer, context)).await {
        Ok(answered) => {
            talk.stream.release(None);
            Ok(answered)
        }
        Err(failed) => {
            let (step, kind) = talk.fault(failed, limit);
            talk.stream.abandon(Abandoned::Unanswered, None);
            Err(Unanswered { step, kind, stale: false })
        }
    }
}

/// An exchange on its stream.
struct Talk<W: Wire> {
    stream: Box<Stream<W>>,
    sent: bool,
    answer: Option<http::StatusCode>,
    body: u64,
}

/// Why it has no answer: the time is up where there is no trouble.
type Failed = Option<Trouble>;

impl<W: Wire> Talk<W> {
    fn poll(
        &mut self,
        timer: &mut Timer<W>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Answered, Failed>> {
        match self.poll_answer(context) {
            Poll::Ready(Ok(answered)) => Poll::Ready(Ok(answered)),
            Poll::Ready(Err(trouble)) => Poll::Ready(Err(Some(trouble))),
            Poll::Pending => timer.poll_due(context).map(|()| Err(None)),
        }
    }

    fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<Result<Answered, Trouble>> {
        if !self.sent {
            match self.stream.poll_sent(context) {
                Poll::Ready(result) => {
                    result?;
                    self.sent = true;
                }
                Poll::Pending => {}
            }
        }
        while self.answer.is_none() {
            let Poll::Ready(arrived) = self.stream.poll_head(context)? else {
                return Poll::Pending;
            };
            let status = arrived.head.line.status;
            self.answer = (!status.is_informational()).then_some(status);
        }
        loop {
            match self.stream.poll_body(context) {
                Poll::Ready(Some(chunk)) => self.body += chunk?.len() as u64,
                Poll::Ready(None) => {
                    let status = self.answer.unwrap_or_default();
                    return Poll::Ready(Ok(Answered { status, body: self.body, keeps: true }));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn fault(&self, failed: Failed, limit: Duration) -> (Step, FaultKind) {
        let step = |trouble: &Trouble| match self.answer {
            Some(_) => Step::Body,
            None => trouble.step(self.sent),
        };
        if let Some(trouble) = failed {
            let limits = crate::message::Limits::CLIENT;
            return (step(&trouble), trouble.fault(self.body, None, &limits));
        }
        let step = if self.answer.is_some() { Step::Body } else { Step::Wait };
        (step, FaultKind::TimedOut { limit, received: self.body, head: 0 })
    }
}

/// Connections that no pool counts.
struct Apart;

impl Places for Apart {
    fn idle(&self) -> Duration {
        // Whoever has them says when they end.
        Duration::from_hours(24)
    }

    fn speaks_one(self: Rc<Self>, _: &Group) {}

    fn forget_two(&self, _: &Group, _: roundtrip_record::ConnectionId) {}

    fn free(self: Rc<Self>, _: &Group, _: bool) {}
}
