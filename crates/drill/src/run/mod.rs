//! Running a script: its events, in order, in virtual time.

pub(crate) mod expect;
pub(crate) mod fault;
mod fields;
pub(crate) mod flow;
pub(crate) mod net;
pub(crate) mod payload;
mod wire;
pub(crate) mod world;

use std::time::Duration;

use roundtrip_record::Time;
use roundtrip_tcp::Connection;

use crate::ast::{Action, Body, Call, Code, Direction, Event, Expr, PacketSpec, Script, When};
use crate::call::{Answer, Progress};
use crate::dialect::Dialect;
use crate::file::{File, Kind};
use crate::python::{self, Stop, Variables};
use crate::report::{Failure, Verdict};
use crate::settings::Settings;
use crate::shell::{self, Effect};
use crate::source::{Place, Unsupported};
use crate::symbols::{self, Errno};
use expect::{Sent, Strictness};
use fault::{Fault, seconds};
use flow::Stage;
use net::START;
use world::World;

/// How long packetdrill waits for a packet that is late.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long to wait for a packet that may come at any time, where packetdrill would wait for ever.
const LONG_PATIENCE: Duration = Duration::from_hours(1);
/// The number of trace lines that a failure shows.
const TRACE_LINES: usize = 24;

/// Runs a script.
pub(crate) fn run(script: &Script, mut settings: Settings) -> Verdict {
    if let Err(unsupported) = prepare(script, &mut settings) {
        return Verdict::Skipped(unsupported);
    }
    let mut runner = Runner {
        world: World::new(settings),
        pending: None,
        names: Variables::new(),
        output: Vec::new(),
        trace: Vec::new(),
        last: None,
    };
    for event in &script.events {
        if let Err((place, fault)) = runner.event(event) {
            return runner.verdict(place, fault);
        }
    }
    match runner.finish() {
        Ok(()) => Verdict::Passed { output: runner.output },
        Err((place, fault)) => runner.verdict(place, fault),
    }
}

/// Applies the script's head and preamble, and checks that its last commands are supported.
fn prepare(script: &Script, settings: &mut Settings) -> Result<(), Unsupported> {
    for option in &script.options {
        settings
            .option(&option.name, option.value.as_deref())
            .map_err(|what| Unsupported { place: option.place, what })?;
    }
    if let Some(command) = &script.preamble {
        apply(&command.text, command.place, settings)?;
    }
    Ok(())
}

fn apply(text: &str, place: Place, settings: &mut Settings) -> Result<(), Unsupported> {
    for effect in shell::effects(text) {
        match effect {
            Effect::Set(setting) => {
                settings.apply(&setting).map_err(|what| Unsupported { place, what })?;
            }
            Effect::None => {}
            Effect::Unknown(command) => {
                let what = format!("the command `{command}`");
                return Err(Unsupported { place, what });
            }
        }
    }
    Ok(())
}

/// A blocking call.
#[derive(Debug)]
struct Pending {
    call: Call,
    place: Place,
    began: Time,
    /// When the call should return.
    end: Time,
    progress: Progress,
}

/// The previous event.
#[derive(Clone, Copy, Debug)]
struct Last {
    /// The time at which the event should have happened.
    at: Time,
}

struct Runner {
    world: World,
    pending: Option<Pending>,
    /// The names that code has assigned.
    names: Variables,
    /// The lines that code has printed.
    output: Vec<String>,
    /// The trace of what has happened, one line each.
    trace: Vec<String>,
    last: Option<Last>,
}

type Ran = Result<(), (Place, Fault)>;

/// When an event should happen, on the host's clock.
#[derive(Clone, Copy, Debug)]
struct Due {
    from: Time,
    to: Time,
    is_any: bool,
}

impl Runner {
    fn verdict(mut self, place: Place, fault: Fault) -> Verdict {
        match fault {
            Fault::Unsupported(what) => Verdict::Skipped(Unsupported { place, what }),
            Fault::Mismatch(lines) => {
                let from = self.trace.len().saturating_sub(TRACE_LINES);
                let trace = self.trace.split_off(from);
                Verdict::Failed(Failure { place, lines, trace, output: self.output })
            }
        }
    }

    fn event(&mut self, event: &Event) -> Ran {
        let due = self.due(event.when);
        let at_place = |fault| (event.place, fault);
        if self.last.is_none() && due.from != START {
            let why = "the first event should be at time 0";
            return Err((event.place, Fault::mismatch(why)));
        }
        match &event.action {
            Action::Packet(packet) if packet.direction == Direction::Outbound => {
                self.expect(packet, due, event.place)?;
            }
            Action::Packet(packet) => {
                self.wait_until(due, event.place)?;
                self.world.inject(packet).map_err(at_place)?;
                self.note(self.world.now(), &packet.to_string());
                self.go_on_with_pending()?;
            }
            Action::Call(call) => self.call(call, due, event)?,
            Action::Command(text) => {
                self.wait_until(due, event.place)?;
                self.command(text, event.place)?;
            }
            Action::Code(code) => {
                self.wait_until(due, event.place)?;
                self.code(code)?;
            }
        }
        self.last = Some(Last { at: if due.is_any { self.world.now() } else { due.from } });
        Ok(())
    }

    fn due(&self, when: When) -> Due {
        let now = self.world.now();
        match when {
            When::At(at) => Due { from: START + at, to: START + at, is_any: false },
            When::Between(from, to) => Due { from: START + from, to: START + to, is_any: false },
            When::After(by) => Due { from: now + by, to: now + by, is_any: false },
            When::AfterBetween(from, to) => Due { from: now + from, to: now + to, is_any: false },
            When::Anytime => Due { from: now, to: now, is_any: true },
        }
    }

    /// How much earlier or later than `at` something may happen (packetdrill's
    /// `--tolerance_usecs` and `--tolerance_percent`).
    fn tolerance(&self, at: Time, since: Option<Time>) -> Duration {
        let settings = &self.world.settings;
        let distance = since.map_or(Duration::ZERO, |since| at.since(since));
        let dynamic = distance * settings.tolerance_permille / 1000;
        dynamic.max(settings.tolerance)
    }

    fn check_time(&self, what: &str, due: Due, happened: Time) -> Result<(), Fault> {
        let tolerance = self.tolerance(due.from, self.last.map(|last| last.at));
        if due.is_any || (happened + tolerance >= due.from && happened <= due.to + tolerance) {
            return Ok(());
        }
        let expected = if due.from == due.to {
            seconds(due.from)
        } else {
            format!("{} to {}", seconds(due.from), seconds(due.to))
        };
        Err(Fault::mismatch(format!(
            "time of the {what}: expected {expected}, was {} (tolerance {:.6} s)",
            seconds(happened),
            tolerance.as_secs_f64()
        )))
    }

    /// Lets time pass until an event is due.
    fn wait_until(&mut self, due: Due, place: Place) -> Ran {
        self.pass_time(due.from)?;
        self.check_time("event", due, self.world.now()).map_err(|fault| (place, fault))
    }

    fn pass_time(&mut self, to: Time) -> Ran {
        loop {
            let limit = self.pending_deadline().map_or(to, |deadline| deadline.min(to));
            let had_timer = self.world.net.step(limit);
            self.world.settle();
            self.go_on_with_pending()?;
            if !had_timer && self.world.now() >= to {
                return Ok(());
            }
        }
    }

    /// When the blocking call would give up.
    fn pending_deadline(&mut self) -> Option<Time> {
        let pending = self.pending.as_ref()?;
        let deadline = self.world.deadline(&pending.call, &pending.progress)?;
        (deadline > self.world.now()).then_some(deadline)
    }

    // ---- packets ----

    fn expect(&mut self, wanted: &PacketSpec, due: Due, place: Place) -> Ran {
        let at_place = |fault| (place, fault);
        self.world.prepare_expectation(wanted).map_err(at_place)?;
        let mut sent = self.next_sent(wanted, due, place)?;
        let length = match &wanted.body {
            Body::Tcp(tcp) => tcp.length,
            _ => 0,
        };
        while sent.data.len() < length as usize && !self.world.settings.strict_segments {
            let next = self.next_sent(wanted, due, place)?;
            let (first, second) = (sent.clone(), next.clone());
            if let Err(why) = sent.join(next, length) {
                let lines = comparison(wanted, due, &[first, second], why);
                return Err((place, Fault::Mismatch(lines)));
            }
        }
        self.learn_timestamp(wanted, &mut sent);
        let tick = self.world.settings.timestamp_tick;
        let tolerance = self.tolerance(due.from, Some(START)).as_micros() as u64;
        let ticks = (tick > 0).then(|| u32::try_from(tolerance / tick.max(1)).unwrap_or(u32::MAX));
        let is_foreign = self.world.settings.dialect == Dialect::FreeBsd;
        let strictness =
            Strictness { tick_tolerance: ticks, any_order: is_foreign, any_window: is_foreign };
        let mut differences = sent.differences(wanted, strictness);
        self.check_flow_label(wanted, &sent, &mut differences);
        if let Err(Fault::Mismatch(lines)) = self.check_time("packet", due, sent.at) {
            differences.extend(lines);
        }
        if !differences.is_empty() {
            let lines = comparison(wanted, due, &[sent], differences);
            return Err((place, Fault::Mismatch(lines)));
        }
        self.note(sent.at, &sent.brief(Some(wanted)).to_string());
        Ok(())
    }

    /// The next packet that the host sends, after waiting for it as long as packetdrill would.
    fn next_sent(
        &mut self,
        wanted: &PacketSpec,
        due: Due,
        place: Place,
    ) -> Result<Sent, (Place, Fault)> {
        let patience = if due.is_any { LONG_PATIENCE } else { PATIENCE };
        let limit = due.to.max(self.world.now()) + patience;
        loop {
            if let Some(sent) = self.world.next_sent(wanted) {
                return Ok(sent);
            }
            let step = self.pending_deadline().map_or(limit, |deadline| deadline.min(limit));
            let had_timer = self.world.net.step(step);
            self.world.settle();
            self.go_on_with_pending()?;
            if !had_timer && self.world.now() >= limit && self.world.net.captured.is_empty() {
                let why = vec!["nothing was sent".to_owned()];
                return Err((place, Fault::Mismatch(comparison(wanted, due, &[], why))));
            }
        }
    }

    /// Notes the names that the script gives our timestamps, which are known by these from then on.
    fn learn_timestamp(&mut self, wanted: &PacketSpec, sent: &mut Sent) {
        let (Body::Tcp(tcp), Some(live)) = (&wanted.body, sent.timestamp) else { return };
        let named = tcp.options.iter().flatten().find_map(|option| match option {
            crate::ast::OptionSpec::Timestamps { value, .. } => *value,
            _ => None,
        });
        let Some(flow) = self.world.flow_mut() else { return };
        if let Some(name) = named {
            flow.learn_timestamp(name, live);
        }
        sent.count_timestamp_from(flow);
    }

    /// Checks a flow label. In scripts labels are names, too: the same name stands for the same
    /// label, another for another; 0 is not compared.
    fn check_flow_label(&mut self, wanted: &PacketSpec, sent: &Sent, all: &mut Vec<String>) {
        let named = wanted.ip.flow_label.filter(|name| *name != 0);
        let (Some(name), Some(live)) = (named, sent.spec.ip.flow_label) else { return };
        let Some(flow) = self.world.flow_mut() else { return };
        let should_be_same = flow.label.map(|(known, label)| (known == name, label));
        match should_be_same {
            _ if live == 0 => all.push("flow label: there is none".into()),
            Some((true, label)) if label != live => {
                all.push(format!("flow label: expected {label:#x}, sent {live:#x}"));
            }
            Some((false, label)) if label == live => {
                all.push(format!("flow label: expected another than {label:#x}"));
            }
            _ => flow.label = Some((name, live)),
        }
    }

    fn note(&mut self, at: Time, what: &str) {
        self.trace.push(format!("{:>10} {what}", seconds(at)));
    }

    // ---- calls ----

    fn call(&mut self, call: &Call, due: Due, event: &Event) -> Ran {
        // packetdrill gives a blocking call one more second before the next call.
        if self.pending.is_some() {
            let limit = due.from.max(self.world.now()) + Duration::from_secs(1);
            self.wait_for_pending(limit)?;
        }
        self.wait_until(due, event.place)?;
        if call.name == "socket" {
            // Packets belong to the newest socket.
            let fd = match call.result {
                Expr::Int(fd) => Some(fd),
                _ => None,
            };
            self.world.begin_flow(Stage::New, fd).local.set_port(0);
        }
        let began = self.world.now();
        // `+.1...0.2`: both times count from the event before.
        let end = match (call.end, event.when) {
            (None, _) => began,
            (Some(end), When::After(by)) => due.from - by + end,
            (Some(end), _) => START + end,
        };
        let mut pending = Pending {
            call: call.clone(),
            place: event.place,
            began,
            end,
            progress: Progress::default(),
        };
        if !self.attempt(&mut pending)? {
            self.pending = Some(pending);
            if call.end.is_none() {
                self.wait_for_pending(began + LONG_PATIENCE)?;
            }
        }
        Ok(())
    }

    fn wait_for_pending(&mut self, limit: Time) -> Ran {
        while self.pending.is_some() {
            let step = self.pending_deadline().map_or(limit, |deadline| deadline.min(limit));
            let had_timer = self.world.net.step(step);
            self.world.settle();
            self.go_on_with_pending()?;
            if !had_timer && self.world.now() >= limit {
                return self.pending_never_ends();
            }
        }
        Ok(())
    }

    fn pending_never_ends(&mut self) -> Ran {
        let Some(pending) = &self.pending else { return Ok(()) };
        let what = match pending.call.end {
            Some(_) => "does not return in time",
            None => "would wait for ever: its time does not say that it may wait (`+0...0.2`)",
        };
        Err((pending.place, Fault::mismatch(format!("{} {what}", pending.call))))
    }

    fn go_on_with_pending(&mut self) -> Ran {
        let Some(mut pending) = self.pending.take() else { return Ok(()) };
        if !self.attempt(&mut pending)? {
            self.pending = Some(pending);
        }
        Ok(())
    }

    /// Makes or continues a call; answers whether it has returned.
    fn attempt(&mut self, pending: &mut Pending) -> Result<bool, (Place, Fault)> {
        let place = pending.place;
        let call = &pending.call;
        let answer = self.world.attempt(call, &mut pending.progress);
        let answer = answer.map_err(|fault| (place, fault))?;
        if matches!(answer, Answer::Blocks) {
            return Ok(false);
        }
        let now = self.world.now();
        let shown = match &answer {
            Answer::Value(value) => value.to_string(),
            Answer::Opened(_) => call.result.to_string(),
            Answer::Error(errno) => format!("-1 {}", errno.name()),
            Answer::Blocks => String::new(),
        };
        self.note(now, &format!("{call} = {shown}"));
        self.check_answer(call, answer).map_err(|fault| (place, fault))?;
        if call.end.is_some() {
            let due = Due { from: pending.end, to: pending.end, is_any: false };
            let tolerance = self.tolerance(pending.end, Some(pending.began));
            if now + tolerance < due.from || now > due.to + tolerance {
                let (expected, was) = (seconds(due.from), seconds(now));
                let why = format!("{call} returned at {was}, expected {expected}");
                return Err((place, Fault::mismatch(why)));
            }
        }
        Ok(true)
    }

    fn check_answer(&mut self, call: &Call, answer: Answer) -> Result<(), Fault> {
        let expected = match &call.result {
            Expr::Int(number) => *number,
            Expr::Word(word) => symbols::value(word)
                .ok_or_else(|| Fault::unsupported(format!("the name {word}")))?,
            Expr::Ellipsis => {
                self.open(answer, -1);
                return Ok(());
            }
            other => return Err(Fault::mismatch(format!("{call} cannot give {other}"))),
        };
        let wanted = call.errno.as_ref().map(|name| {
            let value = symbols::value(name).and_then(|value| i32::try_from(value).ok());
            value.map(Errno).ok_or_else(|| Fault::unsupported(format!("the error {name}")))
        });
        let wanted = wanted.transpose()?;
        let expectation = || match wanted {
            Some(errno) => format!("{expected} {}", errno.name()),
            None => expected.to_string(),
        };
        match answer {
            Answer::Opened(_) if expected >= 0 => {
                self.open(answer, expected);
                Ok(())
            }
            Answer::Value(value) if value == expected => Ok(()),
            Answer::Error(errno)
                if expected == -1 && wanted.is_none_or(|wanted| wanted == errno) =>
            {
                Ok(())
            }
            Answer::Error(errno) => Err(Fault::mismatch(format!(
                "{call}: expected {}, got -1 {}",
                expectation(),
                errno.name()
            ))),
            Answer::Value(value) => {
                Err(Fault::mismatch(format!("{call}: expected {}, got {value}", expectation())))
            }
            Answer::Opened(_) => Err(Fault::mismatch(format!(
                "{call}: expected {}, got a descriptor",
                expectation()
            ))),
            Answer::Blocks => Ok(()),
        }
    }

    /// Gives a new descriptor the script's number. As in packetdrill, a script may reuse the number
    /// of an open one, which then lives on without a number.
    fn open(&mut self, answer: Answer, fd: i64) {
        let Answer::Opened(file) = answer else { return };
        if let Some(older) = self.world.files.remove(&fd) {
            let nameless = self.world.files.keys().next().map_or(-2, |least| (*least).min(-1) - 1);
            self.world.files.insert(nameless, older);
        }
        self.adopt(&file, fd);
        self.world.files.insert(fd, file);
    }

    /// Gives the flow of an accepted connection its descriptor.
    fn adopt(&mut self, file: &File, fd: i64) {
        let Kind::Stream(stream) = &file.kind else { return };
        let remote = stream.connection(&self.world.net.host).map(Connection::remote);
        let flow = self.world.flows.iter_mut().find(|flow| Some(flow.remote) == remote);
        if let Some(flow) = flow.filter(|_| remote.is_some()) {
            flow.fd = Some(fd);
        }
    }

    // ---- commands and code ----

    fn command(&mut self, text: &str, place: Place) -> Ran {
        let mut settings = self.world.settings.clone();
        apply(text, place, &mut settings)
            .map_err(|unsupported| (place, Fault::unsupported(unsupported.what)))?;
        if settings.mtu != self.world.settings.mtu {
            return Err((place, Fault::unsupported("another MTU while the script runs")));
        }
        self.world.take_settings(settings);
        Ok(())
    }

    fn code(&mut self, code: &Code) -> Ran {
        let fd = self.world.flow().and_then(|flow| flow.fd);
        let file = fd.and_then(|fd| self.world.files.get(&fd));
        let now = self.world.now();
        let connection = match file.map(|file| &file.kind) {
            Some(Kind::Stream(stream)) => stream.connection(&self.world.net.host),
            _ => None,
        };
        let Some(connection) = connection else {
            let why = "there is no connected socket that code could look at";
            return Err((code.place, Fault::mismatch(why)));
        };
        fields::provide(connection, now, &mut self.names);
        let before = self.output.len();
        let result = python::run(&code.text, &mut self.names, &mut self.output);
        let printed = self.output[before..].iter();
        self.trace.extend(printed.map(|line| format!("{:>10} printed: {line}", seconds(now))));
        let at = |line: u32| match line {
            0 => code.place,
            _ => Place { line: code.place.line + line, column: 1 },
        };
        match result {
            Ok(()) => Ok(()),
            Err(Stop::Failed { line, why }) => Err((at(line), Fault::mismatch(why))),
            Err(Stop::Unsupported { line, what }) => Err((at(line), Fault::unsupported(what))),
        }
    }

    /// Ends the script after its last event: a blocking call must return.
    fn finish(&mut self) -> Ran {
        if let Some(pending) = &self.pending {
            let limit = pending.end.max(self.world.now()) + Duration::from_secs(1);
            self.wait_for_pending(limit)?;
        }
        Ok(())
    }
}

/// The expected and the sent packets, one above the other.
fn comparison(
    wanted: &PacketSpec,
    due: Due,
    sent: &[Sent],
    differences: Vec<String>,
) -> Vec<String> {
    let mut lines = differences;
    let time =
        if due.is_any { format!("{:>10}", "*") } else { format!("{:>10}", seconds(due.from)) };
    lines.push(format!("  expected {time} {wanted}"));
    for one in sent {
        let (at, spec) = (seconds(one.at), one.brief(Some(wanted)));
        lines.push(format!("  sent     {at:>10} {spec}"));
    }
    lines
}
