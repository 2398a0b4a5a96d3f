//! Sends that open the connection: their data travels with the SYN (RFC 7413; `tcp_sendmsg_fastopen`).

use roundtrip_host::FastOpenPolicy;
use roundtrip_record::TcpState;
use roundtrip_tcp as tcp;

use super::io::Request;
use super::{Answer, Arguments, Progress, constant, number};
use crate::errno::connect_errno;
use crate::file::{Kind, State};
use crate::run::fault::Fault;
use crate::run::payload;
use crate::run::world::World;
use crate::symbols::Errno;

impl World {
    /// What a send comes to that opens the connection, with `MSG_FASTOPEN` or because `connect` has
    /// left it to the first send (`TCP_FASTOPEN_CONNECT`); `None` if it goes on like any other.
    pub(super) fn send_with_syn(
        &mut self,
        request: &Request<'_>,
        arguments: Arguments<'_>,
        progress: &mut Progress,
    ) -> Result<Option<Answer>, Fault> {
        if progress.is_opening {
            return Ok(self.go_on_opening(request.fd, progress));
        }
        let host = &self.net.host;
        let Some(Kind::Stream(stream)) = self.files.get(&request.fd).map(|file| &file.kind) else {
            return Ok(None);
        };
        let (state, is_deferred) = (stream.state, stream.is_deferred(host));
        if progress.is_repeated || !(request.has("MSG_FASTOPEN") || is_deferred) {
            return Ok(None);
        }
        if !host.fast_open_policy().allows(FastOpenPolicy::CLIENT) || is_unspecified(arguments) {
            return Ok(Some(Answer::Error(Errno::EOPNOTSUPP)));
        }
        match state {
            State::Listening(_) => return Ok(Some(Answer::Error(Errno::EISCONN))),
            State::Unconnected => {
                let remote = self.address(arguments, false)?;
                if let Err(error) = self.begin_connection(request.fd, remote, true) {
                    return Ok(Some(Answer::Error(connect_errno(error))));
                }
            }
            State::Open(_) if is_deferred => {}
            State::Open(_) => return Ok(self.opened_before(request.fd)),
        }
        Ok(self.write_with_syn(request, progress))
    }

    /// Writes the data of the call, as much as the SYN takes along.
    fn write_with_syn(&mut self, request: &Request<'_>, progress: &mut Progress) -> Option<Answer> {
        let now = self.net.now;
        let World { files, net, .. } = self;
        let file = files.get_mut(&request.fd)?;
        let is_nonblocking = file.is_nonblocking || request.has("MSG_DONTWAIT");
        let Kind::Stream(stream) = &mut file.kind else { return None };
        let State::Open(socket) = stream.state else { return None };
        let data = payload::from_offset(stream.written, request.count);
        let taken = net.host.write(now, socket, &data).unwrap_or(0);
        let is_more = taken < request.count && !is_nonblocking;
        net.host.configure(socket, |connection| connection.set_write_waiting(is_more));
        net.drain();
        stream.written += taken as u64;
        progress.bytes = taken;
        if !is_nonblocking {
            progress.is_opening = true;
            return Some(Answer::Blocks);
        }
        Some(match taken {
            0 => Answer::Error(Errno::EINPROGRESS),
            taken => Answer::Value(taken as i64),
        })
    }

    /// A blocking call that has sent the SYN waits for what comes of it.
    fn go_on_opening(&mut self, fd: i64, progress: &mut Progress) -> Option<Answer> {
        let World { files, net, .. } = self;
        let Kind::Stream(stream) = &mut files.get_mut(&fd)?.kind else { return None };
        if stream.is_opening(&net.host) {
            return Some(Answer::Blocks);
        }
        if stream.connection(&net.host)?.state() == TcpState::Closed {
            return Some(Answer::Error(stream.take_error(&net.host).unwrap_or(Errno::EPIPE)));
        }
        (progress.is_opening, stream.is_connecting) = (false, false);
        None
    }

    /// `MSG_FASTOPEN` on a connection that was opened before (`__inet_stream_connect`).
    fn opened_before(&mut self, fd: i64) -> Option<Answer> {
        let World { files, net, .. } = self;
        let Kind::Stream(stream) = &mut files.get_mut(&fd)?.kind else { return None };
        if stream.is_opening(&net.host) {
            return Some(Answer::Error(Errno::EALREADY));
        }
        let is_gone =
            stream.connection(&net.host).map(tcp::Connection::state) == Some(TcpState::Closed);
        if !stream.is_connecting && !is_gone {
            return Some(Answer::Error(Errno::EISCONN));
        }
        stream.is_connecting = false;
        None
    }
}

/// Whether the address of a `sendto` has no family.
fn is_unspecified(arguments: Arguments<'_>) -> bool {
    let address = if arguments.name() == "sendto" { arguments.get(4).ok() } else { None };
    address.and_then(|address| number(address).ok()) == Some(constant("AF_UNSPEC"))
}
