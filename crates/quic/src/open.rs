//! Opens connections.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use quinn_proto::{ConnectError, NoneTokenStore};
use roundtrip_record::EventId;
use roundtrip_wire::Wire;

use crate::connection::Connection;
use crate::crypto::Client;
use crate::endpoint::Endpoint;
use crate::notes::Notes;
use crate::session::initial_suite;
use crate::settings::Settings;

/// Why a connection was not even tried.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no socket for it.
    #[error("no UDP socket: {0}")]
    Socket(#[from] io::Error),
    /// TLS cannot be had of the configuration.
    #[error("{0}")]
    Tls(#[from] rustls::Error),
    /// QUIC cannot go there.
    #[error("{0}")]
    Quic(String),
}

/// Begins to open a connection, by a socket of its own; [`Connection::established`] tells when it is
/// there. `name` is the server's, for its certificate; `tls` says which protocols are offered.
///
/// # Errors
/// Where it cannot be tried.
pub fn connect<W: Wire>(
    wire: &W,
    to: SocketAddr,
    name: &str,
    tls: Arc<rustls::ClientConfig>,
    settings: Settings,
    cause: Option<EventId>,
) -> Result<Connection<W>, Refused> {
    let initial = initial_suite(tls.crypto_provider())
        .ok_or_else(|| Refused::Quic("QUIC needs TLS_AES_128_GCM_SHA256".into()))?;
    let any = match to {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let endpoint = Endpoint::of_client(wire, wire.datagram(any)?, settings);
    let notes = Notes::new(wire.log().is_on());
    let crypto = Client { tls, initial, notes: notes.clone() };
    let mut config = quinn_proto::ClientConfig::new(Arc::new(crypto));
    config.token_store(Arc::new(NoneTokenStore));
    let link = endpoint.connect(config, to, name, notes.clone(), cause);
    // The socket is for this connection alone.
    endpoint.leave();
    match link {
        Ok(link) => Ok(Connection::new(endpoint, link)),
        Err(ConnectError::EndpointStopping) => Err(match notes.error() {
            Some(error) => Refused::Tls(error),
            None => Refused::Quic("the endpoint is gone".into()),
        }),
        Err(error) => Err(Refused::Quic(error.to_string())),
    }
}
