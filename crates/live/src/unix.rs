//! Connecting to a Unix domain socket in place of an address.

use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::rc::Rc;

use roundtrip_record::{Attempt, AttemptEnd, EventId, Time};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::TcpStream;

use crate::LiveStream;
use crate::flow::Flow;
use crate::network::Network;

/// How long to wait for a place in the queue of a server that has none free.
const AGAIN: Duration = Duration::from_millis(10);

/// Connects to the socket at `path` where `to` was asked for; at `until`, if given, gives up.
pub(crate) async fn connect(
    network: &Rc<Network>,
    path: &Path,
    to: SocketAddr,
    until: Option<Time>,
    cause: Option<EventId>,
) -> Result<LiveStream, Attempt> {
    let began = network.now();
    let failed =
        |end| Attempt { to, began, ended: network.now(), syns: Vec::new(), syn_count: None, end };
    let why = |error: &io::Error| {
        let name = path.to_string_lossy().replace('\0', "@");
        AttemptEnd::Failed { why: format!("Unix domain socket {name}: {error}") }
    };
    let address = SockAddr::unix(path).map_err(|error| failed(why(&error)))?;
    let stream = loop {
        match open(&address) {
            Ok(stream) => break stream,
            // Its queue is full (unix(7)).
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let now = network.now();
                if until.is_some_and(|until| now >= until) {
                    return Err(failed(AttemptEnd::TimedOut));
                }
                network.clock.sleep_until(now + AGAIN).await;
            }
            Err(error) => return Err(failed(why(&error))),
        }
    };
    let flow = Flow::unseen(&network.log, network.clock, to, cause);
    Ok(LiveStream::new(stream, flow, Rc::clone(network), None))
}

/// The type is that of TCP since a stream reads and writes its descriptor alike, whatever family it is
/// of; what asks for more than that (`TCP_INFO`, addresses) is told that there is none.
fn open(address: &SockAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking().cloexec(), None)?;
    socket.connect(address)?;
    TcpStream::from_std(OwnedFd::from(socket).into())
}
