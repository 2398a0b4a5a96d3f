//! What is told of an exchange when it is over.

use core::time::Duration;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::SystemTime;

/// Hears of every exchange when it is over.
pub type Watcher = Rc<dyn Fn(&Seen<'_>)>;

/// An exchange that is over, or something else that whoever watches has to know.
#[derive(Clone, Debug)]
pub enum Seen<'a> {
    /// A request was answered, by its server or by the proxy.
    Exchange(&'a SeenExchange),
    /// A tunnel is over that was passed on as it is.
    Tunnel {
        /// Who asked for it.
        peer: SocketAddr,
        /// Where it led: host and port.
        to: &'a str,
        /// Bytes from the client.
        sent: u64,
        /// Bytes to the client.
        received: u64,
        /// How long it was open.
        took: Duration,
    },
    /// There is no certificate to show a client in place of its server's, so that its TLS came to nothing.
    Uncertified {
        /// Which client.
        peer: SocketAddr,
        /// The server that it wanted.
        host: &'a str,
        /// Why there is none.
        why: &'a str,
    },
    /// A client did not take the certificate that it was shown, or TLS with it failed in another way.
    Unsecured {
        /// Which client.
        peer: SocketAddr,
        /// The server that it wanted.
        host: &'a str,
        /// What was seen.
        why: &'a str,
        /// It does not take the certificate.
        distrust: bool,
    },
}

/// An exchange that is over.
#[derive(Clone, Debug)]
pub struct SeenExchange {
    /// When the request had come, by the calendar.
    pub wall: SystemTime,
    /// Who asked.
    pub peer: SocketAddr,
    /// The method.
    pub method: String,
    /// The URL, as it was asked for.
    pub url: String,
    /// The status that the client was given.
    pub status: u16,
    /// The answer's media type, in lower case, without parameters; empty where it names none.
    pub media_type: String,
    /// Bytes of the answer's body that came from the server.
    pub bytes: u64,
    /// From the request to the last byte of the answer.
    pub took: Duration,
    /// Why there is no answer of the server's, or not all of it.
    pub fault: Option<String>,
}
