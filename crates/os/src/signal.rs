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

/// What the person who runs a server wants of it, without ending it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// To read its files and settings anew: SIGHUP.
    Reload,
    /// To open its logs anew, which were renamed: SIGUSR1.
    Reopen,
}

/// The signals with which a server is told of changes: SIGHUP and SIGUSR1. While this exists, and from then
/// on, they do not end the process.
#[derive(Debug)]
pub struct Notices {
    hang_up: Signal,
    user: Signal,
}

impl Notices {
    /// Begins to listen for them; inside [`run`](crate::run).
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            user: signal(SignalKind::user_defined1())?,
        })
    }

    /// Completes when one of them comes, and tells which.
    pub async fn next(&mut self) -> Notice {
        tokio::select! { biased;
            _ = self.hang_up.recv() => Notice::Reload,
            _ = self.user.recv() => Notice::Reopen,
        }
    }
}
