//! TLS with a client whose first message decides what it is shown.

use core::pin::pin;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{Either, select};
use roundtrip_record::{TlsStarted, Trace as _, What};
use roundtrip_wire::{Transport as _, Wire};
use rustls::{AlertDescription, ServerConfig};
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::LazyConfigAcceptor;

use super::handler::Handler;
use super::shared::Shared;
use crate::channel::{Channel, Counted};
use crate::session::{established, text};

/// How much TLS keeps that the connection has not taken: one record (RFC 8446 §5.1). More could not
/// be overtaken by what is more urgent.
pub(super) const TLS_BUFFER: usize = 16 * 1024;

/// What a client of TLS says first (RFC 8446 §4.1.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// The name of the server that it wants (RFC 6066 §3).
    pub server_name: Option<String>,
    /// The protocols that it offers (RFC 7301).
    pub alpn: Vec<Vec<u8>>,
}

impl Hello {
    /// Whether it offers this protocol.
    pub fn offers(&self, protocol: &[u8]) -> bool {
        self.alpn.iter().any(|offered| offered == protocol)
    }
}

/// What a client of TLS is shown, and who answers it then.
pub struct Shown {
    /// Certificate and protocols.
    pub config: Arc<ServerConfig>,
    /// Answers its requests.
    pub handler: Rc<dyn Handler>,
}

/// Why TLS with a client did not come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsecured {
    /// What was seen, for people.
    pub why: String,
    /// The server that the client wanted.
    pub server_name: Option<String>,
    /// The client does not take the certificate that it was shown.
    pub distrust: bool,
}

/// The fatal alert `internal_error` as a record (RFC 8446 §5.1, §6.2): nothing can be shown to the client.
const INTERNAL_ERROR: [u8; 7] = [21, 3, 3, 0, 2, 2, 80];

/// Carries a handshake out, within the time that a request's head may take. `None` where `choose` gives
/// nothing.
pub(crate) async fn accept<W: Wire>(
    shared: &Shared<W>,
    stream: Counted<Channel<W::Stream>>,
    choose: impl AsyncFnOnce(Hello) -> Option<Shown>,
) -> Result<Option<(Channel<W::Stream>, Rc<dyn Handler>)>, Unsecured> {
    let wire = &shared.wire;
    let connection = stream.stream.id();
    let mut wanted = None;
    let handshake = async {
        let started = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await?;
        let hello = started.client_hello();
        let hello = Hello {
            server_name: hello.server_name().map(str::to_owned),
            alpn: hello.alpn().map(|all| all.map(<[u8]>::to_vec).collect()).unwrap_or_default(),
        };
        wanted.clone_from(&hello.server_name);
        let event = wire.log().emit(wire.now(), None, || {
            What::TlsStarted(TlsStarted {
                connection,
                server_name: hello.server_name.clone().unwrap_or_default(),
                alpn: hello.alpn.iter().map(|name| text(name)).collect(),
            })
        });
        let Some(Shown { config, handler }) = choose(hello).await else {
            // It is gone, or it reads this.
            let mut refused = started.io;
            let _ = refused.write_all(&INTERNAL_ERROR).await;
            let _ = refused.shutdown().await;
            return Ok::<_, io::Error>(None);
        };
        let mut tls = started.into_stream(config).await?;
        let (raw, session) = tls.get_mut();
        session.set_buffer_limit(Some(TLS_BUFFER));
        let arrived = raw.last_arrived();
        wire.log().emit(wire.now(), raw.last_segment().or(event), || {
            What::TlsEstablished(established(connection, session, Vec::new(), arrived))
        });
        Ok(Some((Channel::Tls(Box::new(tls.into())), handler)))
    };
    let late = wire.sleep(shared.options.head_timeout);
    let result = match select(pin!(handshake), pin!(late)).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => Err(io::ErrorKind::TimedOut.into()),
    };
    result.map_err(|error| unsecured(&error, wanted))
}

fn unsecured(error: &io::Error, server_name: Option<String>) -> Unsecured {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    let (why, distrust) = match cause {
        Some(rustls::Error::AlertReceived(alert)) => {
            let distrust = matches!(
                alert,
                AlertDescription::UnknownCA
                    | AlertDescription::BadCertificate
                    | AlertDescription::CertificateUnknown
                    | AlertDescription::UnsupportedCertificate
            );
            (format!("the client ended it with the alert {alert:?}"), distrust)
        }
        Some(other) => (other.to_string(), false),
        None => (
            match error.kind() {
                io::ErrorKind::UnexpectedEof => {
                    "the client ended the connection inside the handshake".into()
                }
                io::ErrorKind::TimedOut => "the client did not finish the handshake in time".into(),
                _ => error.to_string(),
            },
            false,
        ),
    };
    Unsecured { why, server_name, distrust }
}
