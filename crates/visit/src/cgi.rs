//! The processes of CGI programs (RFC 3875), on a live machine.

use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;

use futures_util::future::select;
use roundtrip_http::handler::{Command, Program, Spawn};
use roundtrip_os::Clock;
use tokio::io::AsyncWrite;
use tokio::process::ChildStdin;

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
            roundtrip_os::spawn_process(&command.program, &[], &environment, &command.folder);
        let mut process = started?;
        let (Some(input), Some(output)) = (process.input.take(), process.output.take()) else {
            return Err(io::Error::other("the program was started without pipes"));
        };
        let until = self.clock.now() + self.limit;
        let late = self.clock.sleep_until(until);
        // The process is killed when this task lets it go: at its end, when its time is up, or when
        // the request it belongs to is over and the guard is dropped.
        let guard = roundtrip_os::spawn(async move {
            let _ = select(pin!(process.wait()), pin!(late)).await;
        });
        Ok(Program {
            input: Box::pin(Input(Some(input))),
            output: Box::pin(output),
            guard: Box::new(guard),
        })
    }
}

/// A program's standard input. Shutting it down closes the pipe, which is how a program that reads
/// to the end learns that there is one; tokio's own only flushes.
struct Input(Option<ChildStdin>);

impl AsyncWrite for Input {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Some(pipe) => Pin::new(pipe).poll_write(context, bytes),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Some(pipe) => Pin::new(pipe).poll_flush(context),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0 = None;
        Poll::Ready(Ok(()))
    }
}
