//! A connection that a client opened: what it speaks, and who answers.

use std::rc::Rc;

use roundtrip_http::Accepted;
use roundtrip_http::client::Origin;
use roundtrip_http::server::{Handler, Shown};
use roundtrip_wire::{Transport as _, Wire};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::certificates::{Certificates, Protocols};
use crate::forward::Forward;
use crate::greeting::{Greeting, SOCKS, read_until};
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
    let forward = Rc::new(Forward::at_door(&shared));
    match (Greeting::of(&accepted.early), &shared.options.mode, &shared.certificates) {
        (Greeting::Tls, Mode::Reverse(base), Some(certificates)) => {
            let host =
                Origin::of(base).map_or_else(String::new, |origin| origin.bare_host().into());
            secure(&shared, certificates, accepted, &host, Rc::clone(&forward)).await;
        }
        // It would wait for the end of a line that never comes.
        (Greeting::Tls, _, _) => refuse_tls(accepted).await,
        // What is no request is told so, as HTTP has it.
        _ => {
            let handler: Rc<dyn Handler> = Rc::<Forward<D, U>>::clone(&forward);
            shared.server.answer(accepted, handler).await;
        }
    }
    forward.close().await;
}

/// Tells a client that speaks TLS, where nobody does, that it should not; as web servers do.
async fn refuse_tls<S: AsyncWrite + Unpin>(mut accepted: Accepted<S>) {
    const WHY: &str =
        "This port speaks HTTP in the clear: the proxy is http://, whatever it is asked for.\n";
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{WHY}",
        WHY.len()
    );
    // It is gone, or it reads this; nothing is to be done in either case.
    let _ = accepted.stream.write_all(answer.as_bytes()).await;
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
