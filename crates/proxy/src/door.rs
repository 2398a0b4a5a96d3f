//! A connection that a client opened: what it speaks, and who answers.

use std::rc::Rc;

use roundtrip_http::Accepted;
use roundtrip_http::client::Origin;
use roundtrip_http::server::{Handler, Shown};
use roundtrip_wire::{Transport as _, Wire};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::certificates::{Certificates, Protocols};
use crate::forward::Forward;
use crate::greeting::{Greeting, SOCKS, SOCKS4, TLS, read_until};
use crate::options::Mode;
use crate::seen::Seen;
use crate::shared::Shared;
use crate::socks;

/// Serves a connection to its end.
pub(crate) async fn converse<D: Wire, U: Wire>(shared: Rc<Shared<D, U>>, stream: D::Stream) {
    let mut accepted = Accepted::new(stream);
    let late = shared.wire.sleep(shared.options.server.head_timeout);
    if !read_until(&mut accepted, 1, late).await {
        return;
    }
    if accepted.early.first() == Some(&SOCKS) && shared.options.mode == Mode::Forward {
        return socks::converse(shared, accepted).await;
    }
    if let Some(why) = accepted.early.first().and_then(|first| stranger(*first)) {
        return refuse(accepted, why).await;
    }
    let forward = Rc::new(Forward::at_door(&shared));
    match (Greeting::of(&accepted.early), &shared.options.mode, &shared.certificates) {
        (Greeting::Tls, Mode::Reverse(base), Some(certificates)) => {
            let host =
                Origin::of(base).map_or_else(String::new, |origin| origin.bare_host().into());
            secure(&shared, certificates, accepted, &host, Rc::clone(&forward)).await;
        }
        // It would wait for the end of a line that never comes.
        (Greeting::Tls, _, _) => refuse(accepted, Stranger::Tls).await,
        // What is no request is told so, as HTTP has it.
        _ => {
            let handler: Rc<dyn Handler> = Rc::<Forward<D, U>>::clone(&forward);
            shared.server.answer(accepted, handler).await;
        }
    }
    forward.close().await;
}

/// A client that speaks what nobody does here.
#[derive(Clone, Copy)]
enum Stranger {
    Tls,
    Socks4,
    /// Its first byte begins no request (RFC 9112 §3): it would be waited for the end of a line that never comes.
    Binary,
}

/// Who speaks nothing that is spoken here, by the first byte.
fn stranger(first: u8) -> Option<Stranger> {
    match first {
        SOCKS4 => Some(Stranger::Socks4),
        TLS | SOCKS | b'\r' | b'\n' | 0x21..=0x7e => None,
        _ => Some(Stranger::Binary),
    }
}

impl Stranger {
    /// What it is told, as it can understand it.
    fn answer(self) -> Vec<u8> {
        let why = match self {
            Self::Tls => {
                "This port speaks HTTP in the clear: the proxy is http://, whatever it is asked for."
            }
            // Version 0, request rejected, no port, no address.
            Self::Socks4 => return vec![0, 0x5b, 0, 0, 0, 0, 0, 0],
            Self::Binary => "This port speaks HTTP and SOCKS 5.",
        };
        let length = why.len() + 1;
        let head = format!(
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{why}\n"
        );
        head.into_bytes()
    }
}

/// Tells a client why it is not served.
async fn refuse<S: AsyncWrite + Unpin>(mut accepted: Accepted<S>, stranger: Stranger) {
    // It is gone, or it reads this; nothing is to be done in either case.
    let _ = accepted.stream.write_all(&stranger.answer()).await;
    let _ = accepted.stream.shutdown().await;
}

/// Serves a client that takes the proxy for the server itself, and speaks TLS with it.
async fn secure<D: Wire, U: Wire>(
    shared: &Rc<Shared<D, U>>,
    certificates: &Certificates,
    accepted: Accepted<D::Stream>,
    host: &str,
    forward: Rc<Forward<D, U>>,
) {
    let (peer, local) = (accepted.stream.peer(), accepted.stream.local());
    let now = shared.wire.wall();
    let served = shared.server.answer_secure(accepted, async |hello| {
        let name = hello.server_name.unwrap_or_else(|| local.ip().to_string());
        match certificates.server(vec![name.clone()], Protocols::TwoAndOne, now) {
            Ok(config) => Some(Shown { config, handler: forward }),
            Err(why) => {
                (shared.watcher)(&Seen::Uncertified { peer, host: &name, why: &why });
                None
            }
        }
    });
    if let Err(unsecured) = served.await {
        (shared.watcher)(&Seen::Unsecured {
            peer,
            host,
            why: &unsecured.why,
            distrust: unsecured.distrust,
        });
    }
}
