//! The `epoll` system calls, level and edge triggered (`fs/eventpoll.c`).

use std::time::Duration;

use roundtrip_record::TcpState;
use roundtrip_tcp::Connection;

use super::poll::{ERR, HUP, names};
use super::{Answer, Answered, Arguments, Progress, constant, number};
use crate::ast::Expr;
use crate::file::{Epoll, File, Kind, Seen, State, Watched};
use crate::run::fault::Fault;
use crate::run::world::World;
use crate::symbols::Errno;

const EDGE: i64 = 1 << 31;
const ONE_SHOT: i64 = 1 << 30;
const FLAGS: i64 = EDGE | ONE_SHOT | 1 << 28;

/// The events and the data of `{events=EPOLLIN, fd=4}`.
fn event(expression: &Expr) -> Result<(i64, (String, i64)), Fault> {
    let events = expression.member("events").map_or(Ok(0), number)?;
    for name in ["fd", "ptr", "u32", "u64"] {
        if let Some(value) = expression.member(name) {
            return Ok((events, (name.into(), number(value)?)));
        }
    }
    Ok((events, ("fd".into(), 0)))
}

impl World {
    fn epoll(&mut self, fd: i64) -> Result<&mut Epoll, Errno> {
        match self.files.get_mut(&fd) {
            Some(File { kind: Kind::Epoll(epoll), .. }) => Ok(epoll),
            Some(_) => Err(Errno::EINVAL),
            None => Err(Errno::EBADF),
        }
    }

    pub(super) fn epoll_ctl(&mut self, arguments: Arguments<'_>) -> Answered {
        let (epfd, command, fd) = (arguments.int(0)?, arguments.int(1)?, arguments.int(2)?);
        if !self.files.contains_key(&fd) {
            return Ok(Answer::Error(Errno::EBADF));
        }
        let is_delete = command == constant("EPOLL_CTL_DEL");
        let is_add = command == constant("EPOLL_CTL_ADD");
        let wanted = if is_delete { None } else { Some(event(arguments.get(3)?)?) };
        let epoll = match self.epoll(epfd) {
            Ok(epoll) => epoll,
            Err(errno) => return Ok(Answer::Error(errno)),
        };
        let is_watched = epoll.watched.contains_key(&fd);
        Ok(match wanted {
            _ if is_add && is_watched => Answer::Error(Errno::EEXIST),
            _ if !is_add && !is_watched => Answer::Error(Errno::ENOENT),
            None => {
                epoll.watched.remove(&fd);
                Answer::Value(0)
            }
            Some((events, data)) => {
                epoll.watched.insert(fd, Watched { events, data, is_fresh: true });
                Answer::Value(0)
            }
        })
    }

    pub(super) fn epoll_wait(&mut self, arguments: Arguments<'_>, progress: &Progress) -> Answered {
        let epfd = arguments.int(0)?;
        let (most, timeout) = (arguments.int(2)?, arguments.int(3)?);
        let watched: Vec<i64> = match self.epoll(epfd) {
            Ok(epoll) => epoll.watched.keys().copied().collect(),
            Err(errno) => return Ok(Answer::Error(errno)),
        };
        let Some(most) = usize::try_from(most).ok().filter(|most| *most > 0) else {
            return Ok(Answer::Error(Errno::EINVAL));
        };
        let mut found = Vec::new();
        for fd in watched {
            let ready = self.readiness(fd).unwrap_or(0);
            let Ok(epoll) = self.epoll(epfd) else { continue };
            let Some(watched) = epoll.watched.get_mut(&fd) else { continue };
            let is_edge = watched.events & EDGE != 0;
            // After a one-shot event was reported, only the flags are left.
            let is_armed = watched.events & !FLAGS != 0;
            let events = ready & ((watched.events & !FLAGS) | ERR | HUP);
            let is_due = is_armed && (!is_edge || watched.is_fresh);
            watched.is_fresh = false;
            if events != 0 && is_due && found.len() < most {
                if watched.events & ONE_SHOT != 0 {
                    watched.events &= FLAGS;
                }
                found.push((events, watched.data.clone()));
            }
        }
        let timeout = u64::try_from(timeout).ok().map(Duration::from_millis);
        if found.is_empty() && !self.has_timed_out(timeout, progress) {
            return Ok(Answer::Blocks);
        }
        let expected = event(arguments.get(1)?)?;
        check(&expected, found.first())?;
        Ok(Answer::Value(found.len() as i64))
    }

    pub(super) fn forget_in_epolls(&mut self, fd: i64) {
        for file in self.files.values_mut() {
            if let Kind::Epoll(epoll) = &mut file.kind {
                epoll.watched.remove(&fd);
            }
        }
    }

    /// Tells the `epoll` descriptors what has happened to the descriptors they watch.
    pub(crate) fn wake_files(&mut self) {
        let World { files, net, .. } = self;
        let mut woken = Vec::new();
        for (fd, file) in files.iter_mut() {
            let Kind::Stream(stream) = &mut file.kind else { continue };
            let acceptable = match stream.state {
                State::Listening(listener) => net.acceptable.get(&listener).copied().unwrap_or(0),
                _ => 0,
            };
            let connection = stream.connection(&net.host);
            let info = connection.map(Connection::info);
            let is_writable = connection.is_some_and(Connection::is_writable);
            let before = stream.seen;
            let state = info.as_ref().map(|info| info.state);
            let received = info.as_ref().map_or(0, |info| info.bytes_received);
            let acknowledged = info.as_ref().map_or(u64::MAX, |info| info.bytes_acked);
            let has_notice = stream.notices.acknowledged(acknowledged);
            let has_space = is_writable && before.wants_space;
            let is_open = state.is_some_and(|state| state != TcpState::SynSent);
            let has_changed = state != before.state && (is_open || state.is_none());
            if received > before.received
                || acceptable > before.acceptable
                || has_changed
                || has_space
                || has_notice
            {
                woken.push(*fd);
            }
            let wants_space = before.wants_space && !is_writable;
            stream.seen = Seen { received, acceptable, state, is_writable, wants_space };
        }
        for file in files.values_mut() {
            let Kind::Epoll(epoll) = &mut file.kind else { continue };
            for (_, watched) in epoll.watched.iter_mut().filter(|(fd, _)| woken.contains(fd)) {
                watched.is_fresh = true;
            }
        }
    }
}

fn check(
    expected: &(i64, (String, i64)),
    found: Option<&(i64, (String, i64))>,
) -> Result<(), Fault> {
    let (events, data) = expected;
    let nothing = (0, (data.0.clone(), 0));
    let (actual_events, actual_data) = found.unwrap_or(&nothing);
    if actual_events != events {
        let (expected, actual) = (names(*events), names(*actual_events));
        return Err(Fault::mismatch(format!("events: expected {expected}, got {actual}")));
    }
    if found.is_some() && actual_data.1 != data.1 {
        let (name, expected, actual) = (&data.0, data.1, actual_data.1);
        return Err(Fault::mismatch(format!("{name}: expected {expected}, got {actual}")));
    }
    Ok(())
}
