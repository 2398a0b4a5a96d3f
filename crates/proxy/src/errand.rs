//! `Proxying`: a proxy as an errand on a real wire.

use core::pin::pin;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use futures_util::future::{Either, select};
use roundtrip_lab::Net;
use roundtrip_os::Signals;
use roundtrip_record::Role;
use roundtrip_visit::ground::{Errand, Here};
use roundtrip_visit::run::RunError;
use roundtrip_visit::serve::advice;
use roundtrip_visit::{Names, Pin};
use roundtrip_wire::{Listener, LocalFuture, Wire};

use crate::certificates::Certificates;
use crate::options::Options;
use crate::proxy::Proxy;
use crate::seen::Watcher;
use crate::servers::Servers;
use crate::shaped::Shaped;

/// A proxy on a real wire, until SIGINT or SIGTERM, or until who was started with it is gone.
pub struct Proxying<R> {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How it behaves.
    pub options: Options,
    /// What clients are shown for TLS; `None`: tunnels are passed on as they are.
    pub certificates: Option<Certificates>,
    /// How names are looked up.
    pub names: roundtrip_dns::Options,
    /// Hosts whose addresses are given.
    pub pins: Vec<Pin>,
    /// The network that clients are to feel.
    pub net: Option<Net>,
    /// Is told the real address before the first connection is accepted; what it gives completes when the
    /// proxy is to end.
    pub ready: R,
    /// Hears of every exchange.
    pub watcher: Watcher,
}

/// Why there is no proxy.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The address cannot be listened on.
    #[error("cannot listen on {at}: {why}{}", advice(.why))]
    Listen {
        /// The address.
        at: SocketAddr,
        /// Why.
        why: io::Error,
    },
    /// The wire or its TLS cannot be had.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Signals cannot be had.
    #[error("signals cannot be waited for: {0}")]
    Signals(io::Error),
}

impl<R: FnOnce(SocketAddr) -> LocalFuture<'static, ()>> Errand for Proxying<R> {
    type Done = Result<(), ProxyError>;

    const ROLE: Role = Role::Proxy;

    async fn run<W: Wire>(self, here: Here<W>) -> Self::Done {
        let Self { listen: at, options, certificates, names, mut pins, net, ready, watcher } = self;
        let wire = here.wire;
        pins.extend(here.pins);
        let listener = wire.listen(at).map_err(|why| ProxyError::Listen { at, why })?;
        let tls = (here.trust)()?;
        let names = Rc::new(Names::new(wire.clone(), names, pins));
        let servers = Servers { wire: wire.clone(), names, tls: Some(tls) };
        match net {
            None => {
                let proxy = Proxy::new(wire, servers, options, certificates, watcher);
                serve(&proxy, listener, ready).await
            }
            Some(net) => {
                let shaped = Shaped::new(wire, &net);
                let listener = shaped.around(listener);
                let proxy = Proxy::new(shaped, servers, options, certificates, watcher);
                serve(&proxy, listener, ready).await
            }
        }
    }
}

/// Serves until it is told to end; who says so twice does not want to wait.
async fn serve<D: Wire, U: Wire, L: Listener<Stream = D::Stream>>(
    proxy: &Proxy<D, U>,
    listener: L,
    ready: impl FnOnce(SocketAddr) -> LocalFuture<'static, ()>,
) -> Result<(), ProxyError> {
    let mut signals = Signals::listen().map_err(ProxyError::Signals)?;
    let mut until = ready(listener.local());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut work = pin!(proxy.serve(listener, async {
        let _ = stopped.await;
    }));
    let told = {
        let signal = pin!(signals.next());
        let told = select(signal, until.as_mut());
        matches!(select(work.as_mut(), told).await, Either::Right(_))
    };
    if told {
        let _ = stop.send(());
        let _ = select(work, pin!(signals.next())).await;
    }
    Ok(())
}
