//! The processes of CGI programs (RFC 3875), on a live machine.

use core::pin::pin;
use core::time::Duration;
use std::io;

use futures_util::future::select;
use roundtrip_http::handler::{Command, Program, Spawn};
use roundtrip_live::Clock;

/// Starts CGI programs as processes of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Processes {
    /// How long a program may run; then it is killed.
    pub limit: Duration,
    /// The clock that says so.
    pub clock: Clock,
}

impl Processes {
    /// Long enough for a report that takes its time, short enough that a loop does not stay.
    pub const LIMIT: Duration = Duration::from_mins(5);

    /// Programs that may run for [`Processes::LIMIT`].
    pub fn new() -> Self {
        Self { limit: Self::LIMIT, clock: Clock::start() }
    }
}

impl Default for Processes {
    fn default() -> Self {
        Self::new()
    }
}

impl Spawn for Processes {
    fn spawn(&self, command: &Command) -> io::Result<Program> {
        let mut environment = command.environment.clone();
        // Scripts find their interpreters and tools by it; the requester has no say in it.
        if let Ok(path) = std::env::var("PATH") {
            environment.push(("PATH".into(), path));
        }
        let started =
            roundtrip_live::spawn_process(&command.program, &[], &environment, &command.folder);
        let mut process = started?;
        let (Some(input), Some(output)) = (process.input.take(), process.output.take()) else {
            return Err(io::Error::other("the program was started without pipes"));
        };
        let until = self.clock.now() + self.limit;
        let late = self.clock.sleep_until(until);
        // The process is killed when this task lets it go: at its end, when its time is up, or when
        // the request it belongs to is over and the guard is dropped.
        let guard = roundtrip_live::spawn(async move {
            let _ = select(pin!(process.wait()), pin!(late)).await;
        });
        Ok(Program { input: Box::pin(input), output: Box::pin(output), guard: Box::new(guard) })
    }
}
