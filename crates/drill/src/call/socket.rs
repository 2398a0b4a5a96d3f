//! System calls that create, bind, connect and close sockets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use roundtrip_host::ConnectError;
use roundtrip_record::{Off, TcpState};
use roundtrip_tcp as tcp;

use super::{Answer, Answered, Arguments, Progress, constant, number};
use crate::ast::Expr;
use crate::errno::{bind_errno, connect_errno};
use crate::file::{Datagrams, File, Kind, Seen, State, Stream};
use crate::run::fault::Fault;
use crate::run::flow::Stage;
use crate::run::world::World;
use crate::symbols::Errno;

impl World {
    pub(super) fn socket(&mut self, arguments: Arguments<'_>) -> Answered {
        let (is_v6, is_mapped) = (self.settings.local.is_ipv6(), self.settings.is_mapped);
        let domain = match arguments.is_ellipsis(0) {
            true if is_v6 || is_mapped => constant("AF_INET6"),
            true => constant("AF_INET"),
            false => arguments.int(0)?,
        };
        let (kind, protocol) = (arguments.int(1)?, arguments.int(2)?);
        let is_nonblocking = kind & constant("SOCK_NONBLOCK") != 0;
        let kind = kind & 0xf;
        if domain != constant("AF_INET") && domain != constant("AF_INET6") {
            return Ok(Answer::Error(Errno::EAFNOSUPPORT));
        }
        let (tcp, udp) = (constant("IPPROTO_TCP"), constant("IPPROTO_UDP"));
        let kind = if kind == constant("SOCK_STREAM") && [0, tcp].contains(&protocol) {
            Kind::Stream(Box::new(Stream::new(State::Unconnected, self.fresh_options())))
        } else if kind == constant("SOCK_DGRAM") && [0, udp].contains(&protocol) {
            Kind::Datagrams(Datagrams::default())
        } else if [tcp, udp].contains(&protocol) {
            return Ok(Answer::Error(Errno::EPROTONOSUPPORT));
        } else {
            return Err(Fault::unsupported(format!("sockets of protocol {protocol}")));
        };
        Ok(Answer::Opened(File { is_nonblocking, kind }))
    }

    fn fresh_options(&self) -> tcp::Options {
        tcp::Options {
            profile: Arc::new(self.settings.profile.clone()),
            max_segment: self.settings.advmss,
            ..tcp::Options::default()
        }
    }

    /// The address that a call gives; `...` is the one from the head of the script.
    pub(super) fn address(
        &self,
        arguments: Arguments<'_>,
        is_ours: bool,
    ) -> Result<SocketAddr, Fault> {
        let settings = &self.settings;
        let (ip, port) = if is_ours {
            (settings.local, settings.bind_port)
        } else {
            (settings.remote, settings.connect_port)
        };
        let place = if arguments.name() == "sendto" { 4 } else { 1 };
        if arguments.name() == "sendmsg" || arguments.is_ellipsis(place) {
            return Ok(SocketAddr::new(ip, port));
        }
        let given = arguments.get(place)?;
        let port = given.member("sin_port").map_or(Ok(i64::from(port)), number)?;
        let ip = match given.member("sin_addr") {
            Some(Expr::Apply(_, text)) => match text.first() {
                Some(Expr::Text(text)) => parse_ip(text).unwrap_or(ip),
                _ => ip,
            },
            _ => ip,
        };
        Ok(SocketAddr::new(ip, port as u16))
    }

    pub(super) fn bind(&mut self, arguments: Arguments<'_>) -> Answered {
        let fd = arguments.int(0)?;
        let at = self.address(arguments, true)?;
        let World { files, net, .. } = self;
        match files.get_mut(&fd).map(|file| &mut file.kind) {
            Some(Kind::Stream(stream)) if stream.bound.is_some() => {
                Ok(Answer::Error(Errno::EINVAL))
            }
            Some(Kind::Stream(stream)) => {
                stream.bound = Some(at);
                Ok(Answer::Value(0))
            }
            Some(Kind::Datagrams(socket)) => match net.host.bind_udp(at) {
                Ok(id) => {
                    socket.bound = Some(id);
                    Ok(Answer::Value(0))
                }
                Err(error) => Ok(Answer::Error(bind_errno(error))),
            },
            Some(Kind::Epoll(_)) => Ok(Answer::Error(Errno::ENOTSOCK)),
            None => Ok(Answer::Error(Errno::EBADF)),
        }
    }

    pub(super) fn listen(&mut self, arguments: Arguments<'_>) -> Answered {
        let fd = arguments.int(0)?;
        let backlog = arguments.int(1)?;
        let backlog = usize::try_from(backlog).unwrap_or(usize::MAX).min(self.settings.somaxconn);
        let any: IpAddr = match self.settings.local {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let World { files, net, .. } = self;
        let stream = match files.get_mut(&fd).map(|file| &mut file.kind) {
            Some(Kind::Stream(stream)) => stream,
            Some(_) => return Ok(Answer::Error(Errno::EOPNOTSUPP)),
            None => return Ok(Answer::Error(Errno::EBADF)),
        };
        match stream.state {
            State::Open(_) => return Ok(Answer::Error(Errno::EINVAL)),
            State::Listening(_) => return Ok(Answer::Value(0)),
            State::Unconnected => {}
        }
        let at = stream.bound.unwrap_or(SocketAddr::new(any, 0));
        match net.host.listen(at, backlog) {
            Ok(listener) => {
                net.host.set_listener_options(listener, stream.options.clone());
                stream.state = State::Listening(listener);
                if let Some(flow) = self.flow_of(fd) {
                    flow.stage = Stage::Listening;
                }
                Ok(Answer::Value(0))
            }
            Err(error) => Ok(Answer::Error(bind_errno(error))),
        }
    }

    pub(super) fn accept(&mut self, arguments: Arguments<'_>) -> Answered {
        let fd = arguments.int(0)?;
        let flags = if arguments.name() == "accept4" { arguments.int(3)? } else { 0 };
        let World { files, net, .. } = self;
        let Some(file) = files.get(&fd) else { return Ok(Answer::Error(Errno::EBADF)) };
        let Kind::Stream(listening) = &file.kind else {
            return Ok(Answer::Error(Errno::EOPNOTSUPP));
        };
        let State::Listening(listener) = listening.state else {
            return Ok(Answer::Error(Errno::EINVAL));
        };
        let Some(socket) = net.host.accept(listener) else {
            let would_block = if file.is_nonblocking || listening.timeouts.receive.is_some() {
                Answer::Error(Errno::EAGAIN)
            } else {
                Answer::Blocks
            };
            return Ok(would_block);
        };
        if let Some(waiting) = net.acceptable.get_mut(&listener) {
            *waiting = waiting.saturating_sub(1);
        }
        let mut stream = Stream::new(State::Open(socket), listening.options.clone());
        stream.kept = listening.kept.clone();
        stream.linger = listening.linger;
        stream.low_water = listening.low_water;
        let is_nonblocking = flags & constant("SOCK_NONBLOCK") != 0;
        Ok(Answer::Opened(File { is_nonblocking, kind: Kind::Stream(Box::new(stream)) }))
    }

    pub(super) fn connect(&mut self, arguments: Arguments<'_>, progress: &Progress) -> Answered {
        let fd = arguments.int(0)?;
        let is_disconnect = !arguments.is_ellipsis(1)
            && matches!(number(arguments.get(1)?), Ok(family) if family == constant("AF_UNSPEC"));
        let remote = self.address(arguments, false)?;
        match self.files.get(&fd).map(|file| &file.kind) {
            None => Ok(Answer::Error(Errno::EBADF)),
            Some(Kind::Epoll(_)) => Ok(Answer::Error(Errno::ENOTSOCK)),
            Some(Kind::Datagrams(_)) => Ok(self.connect_udp(fd, remote)),
            Some(Kind::Stream(_)) if is_disconnect => Ok(self.disconnect(fd)),
            Some(Kind::Stream(stream)) => match stream.state {
                State::Listening(_) => Ok(Answer::Error(Errno::EISCONN)),
                State::Open(_) => Ok(self.connect_outcome(fd, !progress.is_repeated)),
                State::Unconnected => Ok(self.connect_first(fd, remote)),
            },
        }
    }

    fn connect_first(&mut self, fd: i64, remote: SocketAddr) -> Answer {
        if let Err(error) = self.begin_connection(fd, remote, false) {
            return Answer::Error(connect_errno(error));
        }
        self.settle();
        self.connect_outcome(fd, false)
    }

    /// Begins a connection; `is_fast` if its data is to travel with the SYN.
    pub(super) fn begin_connection(
        &mut self,
        fd: i64,
        remote: SocketAddr,
        is_fast: bool,
    ) -> Result<(), ConnectError> {
        let Some(stream) = self.stream(fd) else { return Ok(()) };
        let (bound, mut options) = (stream.bound, stream.options.clone());
        options.fast_open.is_wanted |= is_fast;
        let now = self.net.now;
        let socket = self.host().connect(now, remote, bound, Some(options), None, &mut Off)?;
        if let Some(stream) = self.stream(fd) {
            stream.state = State::Open(socket);
            stream.is_connecting = true;
            stream.is_error_told = false;
        }
        let local = self.net.host.tcp(socket).map(tcp::Connection::local);
        if let (Some(flow), Some(local)) = (self.flow_of(fd), local) {
            flow.stage = Stage::Connecting;
            (flow.local, flow.remote) = (local, remote);
        }
        Ok(())
    }

    /// The answer of a `connect` that has begun, with this call or an earlier one.
    fn connect_outcome(&mut self, fd: i64, began_earlier: bool) -> Answer {
        let World { files, net, .. } = self;
        let Some(file) = files.get_mut(&fd) else { return Answer::Error(Errno::EBADF) };
        let Kind::Stream(stream) = &mut file.kind else { return Answer::Error(Errno::ENOTSOCK) };
        if !stream.is_connecting {
            return Answer::Error(Errno::EISCONN);
        }
        let state = stream.connection(&net.host).map_or(TcpState::Closed, tcp::Connection::state);
        if stream.is_deferred(&net.host) {
            return if began_earlier { Answer::Error(Errno::EISCONN) } else { Answer::Value(0) };
        }
        match state {
            TcpState::SynSent | TcpState::SynReceived if began_earlier => {
                Answer::Error(Errno::EALREADY)
            }
            TcpState::SynSent | TcpState::SynReceived if file.is_nonblocking => {
                Answer::Error(Errno::EINPROGRESS)
            }
            TcpState::SynSent | TcpState::SynReceived => Answer::Blocks,
            TcpState::Closed => {
                let error = stream.take_error(&net.host).unwrap_or(Errno::ECONNABORTED);
                stream.state = State::Unconnected;
                (stream.is_connecting, stream.seen) = (false, Seen::default());
                Answer::Error(error)
            }
            _ => {
                stream.is_connecting = false;
                Answer::Value(0)
            }
        }
    }

    /// Gives a connection up, as `connect` to `AF_UNSPEC` does (`tcp_disconnect`).
    fn disconnect(&mut self, fd: i64) -> Answer {
        let now = self.net.now;
        let Some(stream) = self.stream(fd) else { return Answer::Error(Errno::EBADF) };
        let state = std::mem::replace(&mut stream.state, State::Unconnected);
        (stream.written, stream.read, stream.is_connecting) = (0, 0, false);
        stream.seen = Seen::default();
        match state {
            State::Open(socket) => self.host().abort(now, socket, &mut Off),
            State::Listening(listener) => self.host().close_listener(now, listener, &mut Off),
            State::Unconnected => {}
        }
        Answer::Value(0)
    }

    pub(super) fn close(&mut self, arguments: Arguments<'_>) -> Answered {
        let fd = arguments.int(0)?;
        let now = self.net.now;
        let Some(file) = self.files.remove(&fd) else { return Ok(Answer::Error(Errno::EBADF)) };
        self.forget_in_epolls(fd);
        match file.kind {
            Kind::Epoll(_) => {}
            Kind::Datagrams(socket) => {
                if let Some(bound) = socket.bound {
                    self.host().close_udp(bound);
                }
            }
            Kind::Stream(stream) => match stream.state {
                State::Unconnected => {}
                State::Listening(listener) => self.host().close_listener(now, listener, &mut Off),
                State::Open(socket) if stream.linger == Some(Duration::ZERO) => {
                    self.host().abort(now, socket, &mut Off);
                }
                State::Open(socket) => self.host().close(now, socket, &mut Off),
            },
        }
        Ok(Answer::Value(0))
    }

    pub(super) fn shutdown(&mut self, arguments: Arguments<'_>) -> Answered {
        let (fd, how) = (arguments.int(0)?, arguments.int(1)?);
        let now = self.net.now;
        if !(0..=2).contains(&how) {
            return Ok(Answer::Error(Errno::EINVAL));
        }
        let (reads, writes) = (how != 1, how != 0);
        let World { files, net, .. } = self;
        let stream = match files.get_mut(&fd).map(|file| &mut file.kind) {
            Some(Kind::Stream(stream)) => stream,
            Some(_) => return Ok(Answer::Error(Errno::ENOTCONN)),
            None => return Ok(Answer::Error(Errno::EBADF)),
        };
        let state = stream.connection(&net.host).map(tcp::Connection::state);
        match (stream.state, state) {
            (State::Listening(listener), _) if reads => {
                net.host.close_listener(now, listener, &mut Off);
                stream.state = State::Unconnected;
                Ok(Answer::Value(0))
            }
            (State::Listening(_), _) => Ok(Answer::Value(0)),
            (State::Open(socket), Some(TcpState::SynSent)) => {
                net.host.abort(now, socket, &mut Off);
                stream.state = State::Unconnected;
                (stream.is_connecting, stream.seen) = (false, Seen::default());
                Ok(Answer::Value(0))
            }
            (State::Open(socket), Some(state)) if state != TcpState::Closed => {
                stream.is_read_shut |= reads;
                stream.is_write_shut |= writes;
                if reads {
                    net.host.stop_reading(socket);
                }
                if writes {
                    net.host.shutdown(now, socket, &mut Off);
                }
                Ok(Answer::Value(0))
            }
            _ => Ok(Answer::Error(Errno::ENOTCONN)),
        }
    }
}

fn parse_ip(text: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
