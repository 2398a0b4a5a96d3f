//! System calls that read and write.

use roundtrip_host::{Host, SocketId};
use roundtrip_record::TcpState;
use roundtrip_tcp::{self as tcp, ReadError, WriteError};

use super::{Answer, Answered, Arguments, Progress, constant, number};
use crate::ast::Expr;
use crate::file::{File, Kind, State, Stream};
use crate::run::fault::Fault;
use crate::run::net::Net;
use crate::run::payload;
use crate::run::world::World;
use crate::symbols::{self, Errno};

/// The most bytes in a single call: more than any buffer, and small enough to be quick.
const MAX_COUNT: usize = 1 << 28;
/// The buffers that fit into a packet without being copied (`MAX_SKB_FRAGS`).
const MAX_FRAGMENTS: usize = 17;
/// The number of bytes that are generated and written at once.
const CHUNK: usize = 1 << 20;

/// The arguments of a call to read or write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub(super) fd: i64,
    pub(super) count: usize,
    flags: i64,
    /// The number of buffers.
    buffers: usize,
    /// The message of `sendmsg` and `recvmsg`.
    message: Option<&'a Expr>,
}

impl Request<'_> {
    pub(super) fn has(&self, flag: &str) -> bool {
        self.flags & constant(flag) != 0
    }
}

fn request(arguments: Arguments<'_>) -> Result<Request<'_>, Fault> {
    let fd = arguments.int(0)?;
    let mut buffers = 1;
    let (count, flags, message) = match arguments.name() {
        "readv" | "writev" => (vector(arguments.get(1)?)?, 0, None),
        "recvmsg" | "sendmsg" => {
            let message = arguments.get(1)?;
            let iov = message.member("msg_iov").unwrap_or(&Expr::Ellipsis);
            if let Expr::List(all) = iov {
                buffers = all.len();
            }
            (vector(iov)?, arguments.int(2)?, Some(message))
        }
        "read" | "write" => (count(arguments.int(2)?)?, 0, None),
        _ => (count(arguments.int(2)?)?, arguments.int(3)?, None),
    };
    Ok(Request { fd, count, flags, buffers, message })
}

fn count(number: i64) -> Result<usize, Fault> {
    let count = usize::try_from(number).ok().filter(|count| *count <= MAX_COUNT);
    count.ok_or_else(|| Fault::unsupported(format!("{number} bytes in one call")))
}

/// Whether a null pointer is given for a buffer that has to hold something.
fn has_no_buffer(arguments: Arguments<'_>, count: usize) -> bool {
    let buffer = arguments.get(1).ok();
    count > 0 && matches!(buffer, Some(Expr::Word(word)) if word == "NULL")
}

/// The number of bytes that the buffers of `[{..., 1000}, {..., 500}]` hold.
fn vector(expression: &Expr) -> Result<usize, Fault> {
    let Expr::List(all) = expression else {
        return Err(Fault::mismatch(format!("{expression} should be a list of buffers")));
    };
    let mut total = 0;
    for one in all {
        let Expr::Group(members) = one else {
            return Err(Fault::mismatch(format!("{one} should be a buffer")));
        };
        let length = members.get(1).map_or(Ok(0), |member| number(&member.value))?;
        total += count(length)?;
    }
    Ok(total)
}

impl World {
    pub(super) fn send(&mut self, arguments: Arguments<'_>, progress: &mut Progress) -> Answered {
        let request = request(arguments)?;
        if request.has("MSG_OOB") {
            return Err(Fault::unsupported("MSG_OOB"));
        }
        if request.message.is_some_and(|message| message.member("msg_control").is_some()) {
            return Err(Fault::unsupported("control messages of sendmsg"));
        }
        if request.has("MSG_ZEROCOPY") && request.buffers > MAX_FRAGMENTS {
            return Err(Fault::unsupported(format!(
                "more than {MAX_FRAGMENTS} buffers with MSG_ZEROCOPY, which fill several packets"
            )));
        }
        match self.files.get(&request.fd).map(|file| &file.kind) {
            None => Ok(Answer::Error(Errno::EBADF)),
            Some(Kind::Epoll(_)) => Ok(Answer::Error(Errno::EINVAL)),
            Some(Kind::Datagrams(_)) => {
                let is_sendto = arguments.name() == "sendto";
                Ok(self.send_datagram(request.fd, request.count, is_sendto))
            }
            Some(Kind::Stream(_)) if has_no_buffer(arguments, request.count) => {
                Ok(Answer::Error(Errno::EFAULT))
            }
            Some(Kind::Stream(_)) => {
                let answer = match self.send_with_syn(&request, arguments, progress)? {
                    Some(answer) => answer,
                    None => self.send_stream(&request, progress),
                };
                if request.has("MSG_ZEROCOPY") && matches!(answer, Answer::Value(1..)) {
                    self.send_without_copy(request.fd);
                }
                Ok(answer)
            }
        }
    }

    /// The program hears when the data of a call is its own again, if the socket is to tell.
    fn send_without_copy(&mut self, fd: i64) {
        let tells = (constant("SOL_SOCKET"), constant("SO_ZEROCOPY"));
        if let Some(stream) = self.stream(fd)
            && stream.kept.get(&tells) == Some(&1)
        {
            stream.notices.sent(stream.written);
        }
    }

    fn send_stream(&mut self, request: &Request<'_>, progress: &mut Progress) -> Answer {
        let now = self.net.now;
        let timeout = self.stream(request.fd).and_then(|stream| stream.timeouts.send);
        let is_late = self.has_timed_out(timeout, progress);
        let World { files, net, .. } = self;
        let Some(File { is_nonblocking, kind: Kind::Stream(stream) }) = files.get_mut(&request.fd)
        else {
            return Answer::Error(Errno::EBADF);
        };
        let State::Open(socket) = stream.state else { return Answer::Error(Errno::EPIPE) };
        let how = match (request.has("MSG_MORE"), request.has("MSG_EOR")) {
            (true, _) => tcp::Writing::More,
            (false, true) => tcp::Writing::Record,
            (false, false) => tcp::Writing::Whole,
        };
        let state = net.host.tcp(socket).map_or(TcpState::Closed, tcp::Connection::state);
        let is_opening = stream.is_opening(&net.host);
        // A call that waits for room is woken when a third of the buffer is free, not before.
        let is_full = progress.is_repeated
            && !state_has_ended(state)
            && net.host.tcp(socket).is_some_and(|connection| !connection.is_writable());
        let outcome = loop {
            let rest = request.count - progress.bytes;
            if is_opening || is_full || (rest == 0 && request.count > 0) {
                break Ok(());
            }
            if stream.is_write_shut {
                break Err(Errno::EPIPE);
            }
            let data = payload::from_offset(stream.written, rest.min(CHUNK));
            let how = if data.len() == rest { how } else { tcp::Writing::More };
            match net.host.write_as(now, socket, &data, how) {
                Ok(0) => break Ok(()),
                Ok(taken) => {
                    progress.bytes += taken;
                    stream.written += taken as u64;
                    net.drain();
                }
                Err(WriteError::ShutDown) => break Err(Errno::EPIPE),
                Err(WriteError::Closed(_)) => {
                    break Err(stream.take_error(&net.host).unwrap_or(Errno::EPIPE));
                }
            }
        };
        let may_wait = !*is_nonblocking && !request.has("MSG_DONTWAIT") && !is_late;
        match outcome {
            _ if progress.bytes == request.count && !is_opening => {
                Answer::Value(request.count as i64)
            }
            Err(errno) if progress.bytes == 0 => Answer::Error(errno),
            Err(_) => Answer::Value(progress.bytes as i64),
            Ok(()) => {
                stream.seen.wants_space = true;
                match (may_wait, progress.bytes) {
                    (true, _) => Answer::Blocks,
                    (false, 0) => Answer::Error(Errno::EAGAIN),
                    (false, taken) => Answer::Value(taken as i64),
                }
            }
        }
    }

    pub(super) fn receive(
        &mut self,
        arguments: Arguments<'_>,
        progress: &mut Progress,
    ) -> Answered {
        let request = request(arguments)?;
        if request.has("MSG_ERRQUEUE") {
            return self.receive_notice(&request);
        }
        let answer = match self.files.get(&request.fd).map(|file| &file.kind) {
            None => return Ok(Answer::Error(Errno::EBADF)),
            Some(Kind::Epoll(_)) => return Ok(Answer::Error(Errno::EINVAL)),
            Some(Kind::Datagrams(_)) => {
                self.receive_datagram(request.fd, request.count, request.has("MSG_DONTWAIT"))
            }
            Some(Kind::Stream(_)) if has_no_buffer(arguments, request.count) => {
                return Ok(Answer::Error(Errno::EFAULT));
            }
            Some(Kind::Stream(_)) => self.receive_stream(&request, progress)?,
        };
        if let (Some(message), Answer::Value(_)) = (request.message, &answer) {
            self.check_message(request.fd, message)?;
        }
        Ok(answer)
    }

    fn receive_stream(&mut self, request: &Request<'_>, progress: &mut Progress) -> Answered {
        if request.has("MSG_OOB") {
            return Ok(Answer::Error(Errno::EINVAL));
        }
        let now = self.net.now;
        let timeout = self.stream(request.fd).and_then(|stream| stream.timeouts.receive);
        let is_late = self.has_timed_out(timeout, progress);
        let World { files, net, .. } = self;
        let Some(File { is_nonblocking, kind: Kind::Stream(stream) }) = files.get_mut(&request.fd)
        else {
            return Ok(Answer::Error(Errno::EBADF));
        };
        let State::Open(socket) = stream.state else {
            return Ok(Answer::Error(Errno::ENOTCONN));
        };
        let wanted = request.count - progress.bytes;
        let target = if request.has("MSG_WAITALL") { request.count } else { stream.low_water };
        let target = target.min(request.count).max(1);
        let available = stream.connection(&net.host).map_or(0, tcp::Connection::readable);
        let is_peek = request.has("MSG_PEEK");
        let taken = wanted.min(available);
        if is_peek {
            check_data(stream.read, &net.host.peek(socket), taken)?;
        } else {
            consume(net, socket, stream.read, taken)?;
            stream.read += taken as u64;
            progress.bytes += taken;
        }
        let done = if is_peek { taken } else { progress.bytes };
        if done >= target || request.count == 0 {
            return Ok(Answer::Value(done as i64));
        }
        let may_wait = !*is_nonblocking && !request.has("MSG_DONTWAIT") && !is_late;
        let end = match net.host.read(now, socket, &mut [0]) {
            Ok(_) => Some(Ok(0)),
            Err(ReadError::Closed(_)) => Some(end_of(stream, &net.host)),
            Err(ReadError::WouldBlock) if stream.is_read_shut => Some(Ok(0)),
            Err(ReadError::WouldBlock) => None,
        };
        Ok(match (end, done) {
            (Some(_) | None, 1..) if end.is_some() || !may_wait => Answer::Value(done as i64),
            (Some(Ok(_)), _) => Answer::Value(0),
            (Some(Err(errno)), _) => Answer::Error(errno),
            (None, _) if may_wait => Answer::Blocks,
            (None, _) => Answer::Error(Errno::EAGAIN),
        })
    }

    /// Reads the error queue, in which there are only notices of data that was sent without a copy.
    fn receive_notice(&mut self, request: &Request<'_>) -> Answered {
        let Some(stream) = self.stream(request.fd) else {
            return Err(Fault::unsupported("the error queue of what is no TCP socket"));
        };
        let Some((first, last)) = stream.notices.take() else {
            return Ok(Answer::Error(Errno::EAGAIN));
        };
        // packetdrill's wire is a TUN device, for which the data is copied after all.
        let actual = [
            ("ee_errno", 0),
            ("ee_origin", constant("SO_EE_ORIGIN_ZEROCOPY")),
            ("ee_type", 0),
            ("ee_code", constant("SO_EE_CODE_ZEROCOPY_COPIED")),
            ("ee_info", i64::from(first)),
            ("ee_data", i64::from(last)),
        ];
        let controls = match request.message.and_then(|message| message.member("msg_control")) {
            Some(Expr::List(controls)) => controls.as_slice(),
            _ => &[],
        };
        for control in controls {
            let data = control.member("cmsg_data");
            if control.member("cmsg_type") != Some(&Expr::Word("CMSG_TYPE_RECVERR".into())) {
                return Err(Fault::unsupported("this control message of recvmsg"));
            }
            for (name, actual) in actual {
                let expected = data.and_then(|data| data.member(name)).map(number).transpose()?;
                if expected.is_some_and(|expected| expected != actual) {
                    let expected = expected.unwrap_or_default();
                    return Err(Fault::mismatch(format!(
                        "{name}: expected {expected}, got {actual}"
                    )));
                }
            }
        }
        Ok(Answer::Value(0))
    }

    /// Checks what `recvmsg` reports besides the data.
    fn check_message(&mut self, fd: i64, message: &Expr) -> Result<(), Fault> {
        if let Some(flags) = message.member("msg_flags")
            && let Ok(flags) = number(flags)
            && flags & !constant("MSG_CMSG_CLOEXEC") != 0
        {
            return Err(Fault::unsupported("flags that recvmsg gives back"));
        }
        let Some(Expr::List(controls)) = message.member("msg_control") else { return Ok(()) };
        for control in controls {
            let kind = control.member("cmsg_type");
            if kind != Some(&Expr::Word("TCP_CM_INQ".into())) {
                return Err(Fault::unsupported("control messages of recvmsg"));
            }
            let expected = control.member("cmsg_data").map_or(Ok(0), number)?;
            let World { files, net, .. } = self;
            let Some(File { kind: Kind::Stream(stream), .. }) = files.get(&fd) else { continue };
            if stream.kept.get(&(constant("SOL_TCP"), constant("TCP_INQ"))) != Some(&1) {
                return Err(Fault::mismatch("TCP_INQ is not switched on: no TCP_CM_INQ comes"));
            }
            // A FIN that was not read counts as one byte (`tcp_inq_hint`).
            let connection = stream.connection(&net.host);
            let unread = connection.map_or(0, tcp::Connection::readable) as i64;
            let has_ended = connection.is_some_and(tcp::Connection::at_end);
            let actual = if unread == 0 { i64::from(has_ended) } else { unread };
            if actual != expected {
                return Err(Fault::mismatch(format!(
                    "TCP_CM_INQ: expected {expected}, got {actual}"
                )));
            }
        }
        Ok(())
    }

    pub(super) fn ioctl(&mut self, arguments: Arguments<'_>) -> Answered {
        let (fd, command) = (arguments.int(0)?, arguments.int(1)?);
        let name = |name: &str| symbols::value(name) == Some(command);
        let World { files, net, .. } = self;
        let Some(file) = files.get_mut(&fd) else { return Ok(Answer::Error(Errno::EBADF)) };
        if name("FIONBIO") {
            file.is_nonblocking = arguments.bracketed(2)? != 0;
            return Ok(Answer::Value(0));
        }
        let stream = match &file.kind {
            Kind::Stream(stream) => stream,
            Kind::Datagrams(_) => return Err(Fault::unsupported("ioctl on a UDP socket")),
            Kind::Epoll(_) => return Ok(Answer::Error(Errno::ENOTTY)),
        };
        if matches!(stream.state, State::Listening(_)) {
            return Ok(Answer::Error(Errno::EINVAL));
        }
        let info = stream.connection(&net.host).map(tcp::Connection::info);
        let is_opening = info.as_ref().is_none_or(|info| {
            matches!(info.state, TcpState::SynSent | TcpState::SynReceived | TcpState::Closed)
        });
        let actual = info.map_or(0, |info| {
            i64::from(if name("SIOCINQ") {
                info.unread
            } else if is_opening {
                0
            } else if name("SIOCOUTQ") {
                info.unacked_bytes
            } else {
                info.notsent_bytes
            })
        });
        if !name("SIOCINQ") && !name("SIOCOUTQ") && !name("SIOCOUTQNSD") {
            return Err(Fault::unsupported(format!("the command {command:#x} of ioctl")));
        }
        let expected = arguments.bracketed(2)?;
        if actual == expected {
            Ok(Answer::Value(0))
        } else {
            Err(Fault::mismatch(format!("ioctl: expected {expected}, got {actual}")))
        }
    }
}

/// Whether nothing more can be sent, so that a waiting call must return.
fn state_has_ended(state: TcpState) -> bool {
    !matches!(state, TcpState::Established | TcpState::CloseWait)
}

/// The result of reading a closed connection: its error once, then the end of the stream.
fn end_of(stream: &mut Stream, host: &Host) -> Result<i64, Errno> {
    stream.take_error(host).map_or(Ok(0), Err)
}

/// Checks that the first `count` readable bytes, at offset `read` of the stream, are those the
/// script sent.
fn check_data(read: u64, data: &[&[u8]; 2], count: usize) -> Result<(), Fault> {
    let mut at = read;
    let mut left = count;
    for piece in data {
        let piece = &piece[..piece.len().min(left)];
        if let Some(wrong) = payload::first_wrong((at as u32).wrapping_add(1), piece) {
            let offset = at + wrong as u64;
            return Err(Fault::mismatch(format!(
                "byte {offset} of the stream is not the one sent"
            )));
        }
        at += piece.len() as u64;
        left -= piece.len();
    }
    Ok(())
}

/// Reads `count` bytes and checks them.
fn consume(net: &mut Net, socket: SocketId, mut read: u64, count: usize) -> Result<(), Fault> {
    let mut left = count;
    while left > 0 {
        let pieces = net.host.peek(socket);
        let shown = pieces.iter().map(|piece| piece.len()).sum::<usize>().min(left);
        if shown == 0 {
            return Err(Fault::mismatch(format!("{left} readable bytes cannot be read")));
        }
        check_data(read, &pieces, shown)?;
        net.host.consume(net.now, socket, shown);
        left -= shown;
        read += shown as u64;
    }
    Ok(())
}
