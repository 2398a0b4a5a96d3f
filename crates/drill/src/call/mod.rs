//! System calls, as Linux answers them.

mod epoll;
mod fast_open;
mod io;
mod option;
mod poll;
mod socket;
mod udp;

use std::time::Duration;

use roundtrip_record::Time;

use crate::ast::{Call, Expr};
use crate::file::{Epoll, File, Kind, Stream};
use crate::run::fault::Fault;
use crate::run::world::World;
use crate::symbols::{self, Errno};

/// The answer of a system call.
#[derive(Debug)]
pub(crate) enum Answer {
    Value(i64),
    /// A new descriptor.
    Opened(File),
    Error(Errno),
    /// The call blocks.
    Blocks,
}

/// The progress of a blocking call.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    /// Whether the call was tried before.
    pub(crate) is_repeated: bool,
    /// Bytes read or written.
    pub(crate) bytes: usize,
    /// Whether the call opens the connection, with its data in the SYN.
    pub(crate) is_opening: bool,
    /// When the call began.
    pub(crate) since: Option<Time>,
}

pub(crate) type Answered = Result<Answer, Fault>;

impl World {
    /// Makes a system call, or continues one that blocks.
    pub(crate) fn attempt(&mut self, call: &Call, progress: &mut Progress) -> Answered {
        progress.since.get_or_insert(self.net.now);
        let answer = self.dispatch(call, progress)?;
        progress.is_repeated = true;
        self.settle();
        Ok(answer)
    }

    fn dispatch(&mut self, call: &Call, progress: &mut Progress) -> Answered {
        let arguments = Arguments(call);
        match call.name.as_str() {
            "socket" => self.socket(arguments),
            "bind" => self.bind(arguments),
            "listen" => self.listen(arguments),
            "accept" | "accept4" => self.accept(arguments),
            "connect" => self.connect(arguments, progress),
            "close" => self.close(arguments),
            "shutdown" => self.shutdown(arguments),
            "read" | "recv" | "recvfrom" | "readv" | "recvmsg" => self.receive(arguments, progress),
            "write" | "send" | "sendto" | "writev" | "sendmsg" => self.send(arguments, progress),
            "fcntl" => self.fcntl(arguments),
            "ioctl" => self.ioctl(arguments),
            "getsockopt" => self.getsockopt(arguments),
            "setsockopt" => self.setsockopt(arguments),
            "poll" => self.poll(arguments, progress),
            "epoll_create" | "epoll_create1" => Ok(Answer::Opened(File {
                is_nonblocking: false,
                kind: Kind::Epoll(Epoll::default()),
            })),
            "epoll_ctl" => self.epoll_ctl(arguments),
            "epoll_wait" | "epoll_pwait" => self.epoll_wait(arguments, progress),
            name => Err(Fault::unsupported(format!("the system call {name}"))),
        }
    }

    fn file(&mut self, fd: i64) -> Option<&mut File> {
        self.files.get_mut(&fd)
    }

    fn stream(&mut self, fd: i64) -> Option<&mut Stream> {
        match self.files.get_mut(&fd) {
            Some(File { kind: Kind::Stream(stream), .. }) => Some(stream),
            _ => None,
        }
    }

    fn fcntl(&mut self, arguments: Arguments<'_>) -> Answered {
        let fd = arguments.int(0)?;
        let command = arguments.int(1)?;
        let Some(file) = self.file(fd) else { return Ok(Answer::Error(Errno::EBADF)) };
        let nonblock = constant("O_NONBLOCK");
        if command == constant("F_GETFL") {
            let flags = constant("O_RDWR") | if file.is_nonblocking { nonblock } else { 0 };
            Ok(Answer::Value(flags))
        } else if command == constant("F_SETFL") {
            file.is_nonblocking = arguments.int(2)? & nonblock != 0;
            Ok(Answer::Value(0))
        } else if command == constant("F_GETFD") || command == constant("F_SETFD") {
            Ok(Answer::Value(0))
        } else {
            Err(Fault::unsupported(format!("the command {command} of fcntl")))
        }
    }

    /// Whether a timeout that began with the call has passed; `None` waits for ever.
    fn has_timed_out(&self, timeout: Option<Duration>, progress: &Progress) -> bool {
        match (timeout, progress.since) {
            (Some(timeout), Some(since)) => self.net.now >= since + timeout,
            _ => false,
        }
    }

    /// When a blocking call ends by a timeout of its own.
    pub(crate) fn deadline(&mut self, call: &Call, progress: &Progress) -> Option<Time> {
        let since = progress.since?;
        let arguments = Arguments(call);
        let millis = match call.name.as_str() {
            "poll" => arguments.int(2).ok()?,
            "epoll_wait" | "epoll_pwait" => arguments.int(3).ok()?,
            _ => {
                let timeouts = self.stream(arguments.int(0).ok()?)?.timeouts;
                let is_sending = call.name.starts_with("write") || call.name.starts_with("send");
                let timeout = if is_sending { timeouts.send } else { timeouts.receive };
                return timeout.map(|timeout| since + timeout);
            }
        };
        Some(since + Duration::from_millis(u64::try_from(millis).ok()?))
    }
}

/// The value of a constant that is known to be in the table; −1 if it is not.
pub(crate) fn constant(name: &str) -> i64 {
    symbols::value(name).unwrap_or(-1)
}

/// The arguments of a call.
#[derive(Clone, Copy, Debug)]
struct Arguments<'a>(&'a Call);

impl<'a> Arguments<'a> {
    fn name(self) -> &'a str {
        &self.0.name
    }

    fn get(self, place: usize) -> Result<&'a Expr, Fault> {
        let missing =
            || Fault::mismatch(format!("{}: argument {} is missing", self.0.name, place + 1));
        self.0.arguments.get(place).ok_or_else(missing)
    }

    fn is_ellipsis(self, place: usize) -> bool {
        matches!(self.0.arguments.get(place), Some(Expr::Ellipsis))
    }

    fn int(self, place: usize) -> Result<i64, Fault> {
        number(self.get(place)?)
    }

    /// The number of an argument in brackets: `[4]`.
    fn bracketed(self, place: usize) -> Result<i64, Fault> {
        match self.get(place)? {
            Expr::List(all) if all.len() == 1 => number(&all[0]),
            other => Err(Fault::mismatch(format!("{other} should be one number in brackets"))),
        }
    }
}

/// The value of a numeric expression.
fn number(expression: &Expr) -> Result<i64, Fault> {
    match expression {
        Expr::Int(number) => Ok(*number),
        Expr::Word(word) => {
            symbols::value(word).ok_or_else(|| Fault::unsupported(format!("the name {word}")))
        }
        Expr::Or(all) => all.iter().try_fold(0, |bits, one| Ok(bits | number(one)?)),
        Expr::Apply(name, arguments) if name == "htons" || name == "htonl" => {
            number(arguments.first().unwrap_or(&Expr::Int(0)))
        }
        other => Err(Fault::mismatch(format!("{other} should be a number"))),
    }
}
