//! TLS for QUIC, at both ends, as `quinn-proto` wants it: rustls with the caller's configuration.

use std::sync::Arc;

use quinn_proto::crypto::{self, Keys, UnsupportedVersion};
use quinn_proto::transport_parameters::TransportParameters;
use quinn_proto::{ConnectError, ConnectionId, Side};
use rustls::pki_types::ServerName;
use rustls::quic::{ClientConnection, Connection, ServerConnection, Suite, Version};

use crate::notes::Notes;
use crate::retry::retry_tag;
use crate::session::{Session, coded, initial};

/// The version that is spoken (RFC 9000).
pub(crate) const VERSION: u32 = 1;

/// The client's part of one connection.
pub(crate) struct Client {
    pub(crate) tls: Arc<rustls::ClientConfig>,
    pub(crate) initial: Suite,
    pub(crate) notes: Notes,
}

impl crypto::ClientConfig for Client {
    fn start_session(
        self: Arc<Self>,
        version: u32,
        server_name: &str,
        params: &TransportParameters,
    ) -> Result<Box<dyn crypto::Session>, ConnectError> {
        if version != VERSION {
            return Err(ConnectError::UnsupportedVersion);
        }
        let unfit = || ConnectError::InvalidServerName(server_name.to_owned());
        let name = ServerName::try_from(server_name.to_owned()).map_err(|_| unfit())?;
        let tls = Arc::clone(&self.tls);
        let client = ClientConnection::new(tls, Version::V1, name, coded(params));
        let client = client.map_err(|error| {
            self.notes.set_error(error);
            ConnectError::EndpointStopping
        })?;
        let (initial, notes) = (self.initial, self.notes.clone());
        Ok(Box::new(Session::new(Connection::Client(client), initial, notes, Side::Client)))
    }
}

/// The server's part of one connection; `quinn-proto` uses it for what belongs to none, too.
pub(crate) struct Server {
    pub(crate) tls: Arc<rustls::ServerConfig>,
    pub(crate) initial: Suite,
    pub(crate) notes: Notes,
}

impl Server {
    /// Whether a server can be had of this configuration.
    pub(crate) fn check(&self) -> Result<(), rustls::Error> {
        ServerConnection::new(Arc::clone(&self.tls), Version::V1, Vec::new()).map(|_| ())
    }
}

impl crypto::ServerConfig for Server {
    fn initial_keys(
        &self,
        version: u32,
        dst_cid: &ConnectionId,
    ) -> Result<Keys, UnsupportedVersion> {
        if version != VERSION {
            return Err(UnsupportedVersion);
        }
        Ok(initial(&self.initial, *dst_cid, Side::Server, &self.notes))
    }

    fn retry_tag(&self, _: u32, orig_dst_cid: &ConnectionId, packet: &[u8]) -> [u8; 16] {
        // It fails for far longer packets alone; without a tag, the client drops it.
        retry_tag(orig_dst_cid, packet).unwrap_or_default()
    }

    fn start_session(
        self: Arc<Self>,
        _: u32,
        params: &TransportParameters,
    ) -> Box<dyn crypto::Session> {
        let (initial, notes) = (self.initial, self.notes.clone());
        let tls = Arc::clone(&self.tls);
        match ServerConnection::new(tls, Version::V1, coded(params)) {
            Ok(server) => {
                Box::new(Session::new(Connection::Server(server), initial, notes, Side::Server))
            }
            // `Server::check` has had one of the same configuration.
            Err(error) => unreachable!("a server was had of this configuration: {error}"),
        }
    }
}
