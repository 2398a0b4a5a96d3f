//! Signals that ask a program to end (signal(7)).

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Completes at Ctrl-C. Where the signal cannot be had it never does: the signal then ends the
/// process, as it would without us.
pub async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        core::future::pending::<()>().await;
    }
}

/// Who asks a program to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The person at the keyboard: SIGINT.
    Interrupt,
    /// The machine or its scheduler: SIGTERM.
    Terminate,
}

/// The signals that ask a server to end: SIGINT and SIGTERM. While this exists, and from then on,
/// they do not end the process by themselves.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to listen for them; inside [`run`](crate::run).
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Completes when one of them comes, and tells which.
    pub async fn next(&mut self) -> Asked {
        tokio::select! { biased;
            _ = self.interrupt.recv() => Asked::Interrupt,
            _ = self.terminate.recv() => Asked::Terminate,
        }
    }
}
