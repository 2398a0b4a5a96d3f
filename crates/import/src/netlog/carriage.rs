//! `Carriage`: which connection carried a request, for those who know the rest of it from elsewhere.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use roundtrip_record::Log;

use super::read;
use super::request::Hop;
use super::state::{Carried, Link, Seen};
use crate::error::ImportError;
use crate::input::Input;
use crate::json::Json;
use crate::notes::Notes;
use crate::text::Text;

/// A request of a log that went over a connection. Times are milliseconds of the browser's own clock, as the `DevTools`
/// have them too (`base::TimeTicks`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carriage {
    /// The method of HTTP.
    pub method: String,
    /// The URL that was asked for.
    pub url: String,
    /// The number of the socket, or of the session of QUIC.
    pub connection: u64,
    /// The other end's address and port, where the log has them.
    pub remote: Option<SocketAddr>,
    /// When the request was wanted.
    pub began: u64,
    /// The begin and the end of the transport's handshake, where this request opened the connection.
    pub connect: Option<(u64, u64)>,
    /// The same of TLS.
    pub tls: Option<(u64, u64)>,
    /// When it began to be sent, and when it had been.
    pub send: (u64, u64),
    /// When the head of its response had come.
    pub head: Option<u64>,
}

/// The requests of a log that went over connections, in the order in which they were wanted. A log that breaks off is
/// read up to there.
///
/// # Errors
/// When the file cannot be read or is no `NetLog`.
pub fn carriages(path: &Path) -> Result<Vec<Carriage>, ImportError> {
    let mut json = Json::new(Text::new(Input::open(path)?));
    let (_, mut seen) = read::log(&mut json, &Log::memory(), &mut Notes::default())?;
    seen.settle();
    let mut opened = BTreeSet::new();
    let hops = seen.hops();
    let carried = hops.iter().filter_map(|(hop, _)| Some((*hop, seen.carried(hop)?)));
    Ok(carried.filter_map(|(hop, carried)| carriage(&seen, hop, carried, &mut opened)).collect())
}

fn carriage(
    seen: &Seen,
    hop: &Hop,
    carried: Carried,
    opened: &mut BTreeSet<Link>,
) -> Option<Carriage> {
    let is_first = opened.insert(carried.link);
    let (connection, remote, handshake, tls) = match carried.link {
        Link::Tcp(id) => {
            let socket = seen.sockets.get(&id);
            let began = socket.and_then(|socket| socket.attempts.last()).map(|last| last.began);
            let handshake = began.zip(socket.and_then(|socket| socket.connected));
            let tls =
                socket.and_then(|socket| socket.tls).and_then(|(began, done)| Some((began, done?)));
            (id, socket.and_then(|socket| socket.remote), handshake, tls)
        }
        Link::Quic(id) => {
            let session = seen.quic.get(&id);
            let handshake = session.and_then(|session| session.began.zip(session.ready));
            (id, session.and_then(|session| session.remote), handshake, None)
        }
    };
    let own = |span: &(u64, u64)| is_first && span.0 >= hop.began;
    Some(Carriage {
        method: hop.method.clone(),
        url: hop.url.clone(),
        connection,
        remote,
        began: hop.began,
        connect: handshake.filter(own),
        tls: tls.filter(own),
        send: hop.send?,
        head: hop.heads.last().map(|(at, _)| *at),
    })
}
