//! The readiness of descriptors (`net/ipv4/tcp.c`, `tcp_poll`).

use std::time::Duration;

use roundtrip_record::TcpState;

use super::{Answer, Answered, Arguments, Progress, constant, number};
use crate::ast::Expr;
use crate::file::{Kind, State};
use crate::run::fault::Fault;
use crate::run::world::World;
use crate::symbols::Errno;

/// The event bits, which `poll` and `epoll` share.
pub(super) const IN: i64 = 0x001;
pub(super) const OUT: i64 = 0x004;
pub(super) const ERR: i64 = 0x008;
pub(super) const HUP: i64 = 0x010;
pub(super) const NVAL: i64 = 0x020;
pub(super) const RDNORM: i64 = 0x040;
pub(super) const WRNORM: i64 = 0x100;
pub(super) const RDHUP: i64 = 0x2000;

impl World {
    /// The events a descriptor is ready for; `None` if there is no such descriptor.
    pub(super) fn readiness(&mut self, fd: i64) -> Option<i64> {
        let World { files, net, .. } = self;
        let stream = match &mut files.get_mut(&fd)?.kind {
            Kind::Stream(stream) => stream,
            Kind::Datagrams(_) => return Some(OUT | WRNORM),
            Kind::Epoll(_) => return Some(0),
        };
        if let State::Listening(listener) = stream.state {
            let has_any = net.acceptable.get(&listener).is_some_and(|waiting| *waiting > 0);
            return Some(if has_any { IN | RDNORM } else { 0 });
        }
        let Some(connection) = stream.connection(&net.host) else {
            return Some(OUT | WRNORM | HUP);
        };
        let state = connection.state();
        let is_gone = state == TcpState::Closed && !connection.is_deferred();
        let has_ended = connection.at_end()
            || stream.is_read_shut
            || is_gone
            || matches!(
                state,
                TcpState::CloseWait | TcpState::Closing | TcpState::LastAck | TcpState::TimeWait
            );
        let mut ready = 0;
        if is_gone || (has_ended && stream.is_write_shut) {
            ready |= HUP;
        }
        if has_ended {
            ready |= IN | RDNORM | RDHUP;
        }
        if !stream.is_opening(&net.host) {
            if connection.readable() >= stream.low_water {
                ready |= IN | RDNORM;
            }
            if stream.is_write_shut || is_gone || connection.is_writable() {
                ready |= OUT | WRNORM;
            } else {
                stream.seen.wants_space = true;
            }
        }
        if stream.error(&net.host).is_some() || !stream.notices.is_empty() {
            ready |= ERR;
        }
        Some(ready)
    }

    pub(super) fn poll(&mut self, arguments: Arguments<'_>, progress: &Progress) -> Answered {
        let Expr::List(all) = arguments.get(0)? else {
            return Err(Fault::mismatch("the first argument of poll should be a list"));
        };
        if arguments.int(1)? != all.len() as i64 {
            return Ok(Answer::Error(Errno::EINVAL));
        }
        let mut found = Vec::new();
        for one in all {
            let member = |name| one.member(name).map_or(Ok(0), number);
            let (fd, events) = (member("fd")?, member("events")?);
            let revents = match self.readiness(fd) {
                _ if fd < 0 => 0,
                Some(ready) => ready & (events | ERR | HUP),
                None => NVAL,
            };
            found.push((revents, member("revents")?));
        }
        let count = found.iter().filter(|(revents, _)| *revents != 0).count();
        let timeout = arguments.int(2)?;
        let timeout = u64::try_from(timeout).ok().map(Duration::from_millis);
        if count == 0 && !self.has_timed_out(timeout, progress) {
            return Ok(Answer::Blocks);
        }
        for (place, (revents, expected)) in found.into_iter().enumerate() {
            if revents != expected {
                let (expected, revents) = (names(expected), names(revents));
                return Err(Fault::mismatch(format!(
                    "revents of pollfd {place}: expected {expected}, got {revents}"
                )));
            }
        }
        Ok(Answer::Value(count as i64))
    }
}

/// The names of event bits: `POLLIN|POLLOUT`.
pub(super) fn names(bits: i64) -> String {
    const NAMES: [&str; 10] = [
        "POLLIN",
        "POLLPRI",
        "POLLOUT",
        "POLLERR",
        "POLLHUP",
        "POLLNVAL",
        "POLLRDNORM",
        "POLLRDBAND",
        "POLLWRNORM",
        "POLLRDHUP",
    ];
    let set: Vec<&str> = NAMES.into_iter().filter(|name| bits & constant(name) != 0).collect();
    if set.is_empty() { "0".into() } else { set.join("|") }
}
