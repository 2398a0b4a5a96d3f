//! `Teller`: tells what happens, as it happens.

use roundtrip_record::{HostId, Log, Role, Time, What};

use super::trace::Tracer;
use super::verbose::{Clock, line};

/// Tells what has happened since it was last called: in the trace where there is one, otherwise to
/// standard error (`-v`).
#[derive(Default)]
pub(super) struct Teller {
    told: usize,
    /// Whose doings are told: in the lab the record holds those of servers, too.
    client: Option<HostId>,
    tracer: Option<Tracer>,
    clock: Option<Clock>,
}

impl Teller {
    /// One that writes this trace, and tells the time by this clock.
    pub(super) fn new(tracer: Option<Tracer>, clock: Option<Clock>) -> Self {
        Self { tracer, clock, ..Self::default() }
    }

    /// Whether it writes a trace.
    pub(super) fn traces(&self) -> bool {
        self.tracer.is_some()
    }

    /// Tells what is new.
    pub(super) fn tell(&mut self, log: &Log) {
        let events = log.events_from(self.told);
        let mut text = String::new();
        for event in &events {
            match &event.what {
                What::HostDeclared(host) if host.role == Role::Client => {
                    self.client = Some(host.id);
                }
                _ if self.client != Some(event.host) => {}
                _ => {
                    if let Some(tracer) = &mut self.tracer {
                        tracer.event(event, log);
                        continue;
                    }
                    let mut told = String::new();
                    // Writing to a string cannot fail.
                    let _ = line(event, &mut told);
                    for line in told.lines() {
                        text.push_str(&Clock::stamp(self.clock, event.at));
                        text.push_str(line);
                        text.push('\n');
                    }
                }
            }
        }
        self.told += events.len();
        eprint!("{text}");
    }

    /// Tells of bytes of a body that were received, which only a trace shows.
    pub(super) fn data(&mut self, at: Time, bytes: &[u8]) {
        if let Some(tracer) = &mut self.tracer {
            tracer.data(at, bytes);
        }
    }
}
