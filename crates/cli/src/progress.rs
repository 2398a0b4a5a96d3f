//! The progress line of a visit: what is under way, and how long `TIME_WAIT` still lasts. It is shown
//! on a terminal only, and only while a visit takes longer than a second.

use std::collections::BTreeMap;
use std::io::{Write as _, stderr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use roundtrip_os::Clock;
use roundtrip_record::{Event, ExchangeId, Observer, Side, TcpState, Time, What};

use crate::terminal;

/// The time between two updates of the line.
const BETWEEN: Duration = Duration::from_millis(200);
/// The longest visit for which no line is shown.
const SHORT: Duration = Duration::from_secs(1);
/// How long Linux keeps a connection in `TIME_WAIT` (`TCP_TIMEWAIT_LEN`).
const TIME_WAIT: Duration = Duration::from_mins(1);

/// The line, drawn by a thread of its own until this value is dropped.
pub(crate) struct Progress {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    clock: Clock,
    state: Mutex<State>,
    ended: Condvar,
}

impl Progress {
    /// Begins to watch a visit; nothing is drawn where nobody sees it ([`terminal::is_watched`]).
    pub(crate) fn start(quiet: bool) -> Self {
        let (clock, state) = (Clock::start(), Mutex::default());
        let shared = Arc::new(Shared { clock, state, ended: Condvar::new() });
        let drawn = Arc::clone(&shared);
        let watched = terminal::is_watched(quiet);
        let thread = watched.then(|| std::thread::spawn(move || drawn.draw()));
        Self { shared, thread }
    }

    /// The observer that a recorder is to have; `None` where nobody looks.
    pub(crate) fn observer(&self) -> Option<Observer> {
        self.thread.as_ref()?;
        let shared = Arc::clone(&self.shared);
        Some(Observer::new(move |event| {
            let now = shared.clock.now();
            shared.state().see(event, now);
        }))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.shared.state().over = true;
        self.shared.ended.notify_all();
        if let Some(thread) = self.thread.take() {
            // A thread that draws has nothing to say about how the visit went.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // What was seen so far is shown, whatever became of the one who saw it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self) {
        let mut drawn = false;
        let mut state = self.state();
        while !state.over {
            state = match self.ended.wait_timeout(state, BETWEEN) {
                Ok((state, _)) => state,
                Err(error) => error.into_inner().0,
            };
            let now = self.clock.now();
            if !state.over && now.since(Time::ZERO) >= SHORT {
                let line = terminal::one_line(&state.line(now));
                // A terminal that has gone away is no reason to end the visit.
                let _ = write!(stderr(), "\r{line}\x1b[K");
                drawn = true;
            }
        }
        if drawn {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

/// What a visit has come to so far.
#[derive(Default)]
struct State {
    over: bool,
    wanted: usize,
    done: usize,
    /// What each exchange is doing, and since when.
    under_way: BTreeMap<ExchangeId, (Doing, String, Time)>,
    /// What goes on that belongs to no exchange that is known, and since when.
    step: Option<(String, Time)>,
    /// When the last connection entered `TIME_WAIT`.
    time_wait: Option<Time>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Doing {
    Receiving,
    Waiting,
    Queued,
}

impl State {
    fn see(&mut self, event: &Event, now: Time) {
        match &event.what {
            What::ExchangeStarted(started) if started.side == Side::Client => {
                self.wanted += 1;
                let name = short(&started.url);
                self.under_way.insert(started.exchange, (Doing::Queued, name, now));
            }
            What::RequestSent(request) => self.goes_on(request.exchange, Doing::Waiting, now),
            What::ResponseHead(head) => self.goes_on(head.exchange, Doing::Receiving, now),
            What::ExchangeEnded(ended) => {
                self.done += usize::from(self.under_way.remove(&ended.exchange).is_some());
            }
            What::NameStarted(name) => self.step = Some((format!("looking up {}", name.name), now)),
            What::ConnectAttempt(attempt) => {
                self.step = Some((format!("connecting to {}", attempt.to), now));
            }
            What::TlsStarted(tls) => {
                self.step = Some((format!("TLS with {}", tls.server_name), now));
            }
            What::Milestone(reached) => {
                self.step = Some((format!("page: {}", reached.name), now));
            }
            What::TcpStateChanged(change) if change.to == TcpState::TimeWait => {
                self.time_wait = Some(now);
            }
            _ => {}
        }
    }

    fn goes_on(&mut self, exchange: Option<ExchangeId>, doing: Doing, now: Time) {
        if let Some(known) = exchange.and_then(|exchange| self.under_way.get_mut(&exchange)) {
            (known.0, known.2) = (doing, now);
            self.step = None;
        }
    }

    /// The line's text at this time.
    fn line(&self, now: Time) -> String {
        let since = |at: Time| format!("{} s", now.since(at).as_secs());
        let all = format!("{}  {} of {} fetched", since(Time::ZERO), self.done, self.wanted);
        // What is furthest tells most, and of those what has gone on for longest.
        let first = self.under_way.values().min_by_key(|(doing, _, at)| (*doing, *at));
        let more = match self.under_way.len() {
            0 | 1 => String::new(),
            many => format!(" and {} more", many - 1),
        };
        match (first, &self.step, self.time_wait) {
            (Some((doing, name, at)), step, _) if *doing != Doing::Queued || step.is_none() => {
                let verb = match doing {
                    Doing::Receiving => "receiving",
                    Doing::Waiting => "waiting for",
                    Doing::Queued => "queued:",
                };
                format!("{all}, {verb} {name} ({}){more}", since(*at))
            }
            (None, _, Some(began)) => {
                let left = TIME_WAIT.saturating_sub(now.since(began)).as_secs();
                format!("{all}, TIME_WAIT for another {left} s")
            }
            (_, Some((step, at)), _) => format!("{all}, {step} ({})", since(*at)),
            _ => all,
        }
    }
}

/// The path of a URL, or its host where that is all.
fn short(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("", |at| &rest[at..]);
    if path.len() > 1 { path.to_owned() } else { rest.trim_end_matches('/').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roundtrip_record::{
        ConnectAttempt, ConnectionId, EventId, Evidence, ExchangeEnded, ExchangeStarted, HostId,
        Initiator, TcpStateChanged, Transport,
    };

    fn seen(state: &mut State, second: u64, what: What) {
        let event = Event {
            id: EventId::new(1).unwrap(),
            at: Time::ZERO,
            cause: None,
            host: HostId(0),
            what,
        };
        state.see(&event, Time::from_secs(second));
    }

    #[test]
    fn the_line_tells_what_is_under_way() {
        let mut state = State::default();
        let line = |state: &State, second| state.line(Time::from_secs(second));
        let exchange = ExchangeId(1);
        let started = ExchangeStarted {
            side: Side::Client,
            initiator: Initiator::User,
            ..ExchangeStarted::at_server(exchange, "GET", "http://a.example/style.css")
        };
        seen(&mut state, 0, What::ExchangeStarted(started));
        assert_eq!(line(&state, 1), "1 s  0 of 1 fetched, queued: /style.css (1 s)");
        let to = "192.0.2.1:80".parse().unwrap();
        let attempt = ConnectAttempt { exchange: Some(exchange), to, transport: Transport::Tcp };
        seen(&mut state, 1, What::ConnectAttempt(attempt));
        assert_eq!(line(&state, 4), "4 s  0 of 1 fetched, connecting to 192.0.2.1:80 (3 s)");
        state.goes_on(Some(exchange), Doing::Waiting, Time::from_secs(5));
        assert_eq!(line(&state, 7), "7 s  0 of 1 fetched, waiting for /style.css (2 s)");
        let ended =
            ExchangeEnded { exchange, status: Some(200), complete: true, from_cache: false };
        seen(&mut state, 8, What::ExchangeEnded(ended));
        let change = TcpStateChanged {
            connection: ConnectionId(1),
            from: TcpState::FinWait2,
            to: TcpState::TimeWait,
            how: Evidence::Performed,
        };
        seen(&mut state, 9, What::TcpStateChanged(change));
        assert_eq!(line(&state, 29), "29 s  1 of 1 fetched, TIME_WAIT for another 40 s");
        assert_eq!(line(&state, 90), "90 s  1 of 1 fetched, TIME_WAIT for another 0 s");
    }

    #[test]
    fn urls_are_short() {
        assert_eq!(short("https://a.example/b/c.css?x=1"), "/b/c.css?x=1");
        assert_eq!(short("https://a.example/"), "a.example");
        assert_eq!(short("a.example"), "a.example");
    }
}
