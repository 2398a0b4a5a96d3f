//! A client, a proxy and servers in the lab.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use roundtrip_http::client::{self, Client, Fixed, Proxies, Tls, Tunnels};
use roundtrip_http::server::{Handler, Request, RequestBody, Response};
use roundtrip_lab::{DEFAULT_DATE, Internet, LabHost, Seed, Settings};
use roundtrip_proxy::{Certificates, Issue, Options, Proxy, Seen, Servers};
use roundtrip_record::{Bodies, Event, Log, Recorder, Role, Settings as RecordSettings};
use roundtrip_story::{Exchange, Story};
use roundtrip_visit::crypto::{Authority, Validity};
use roundtrip_visit::site::{Site, put_up};
use roundtrip_wire::{LocalFuture, Wire as _};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Where the proxy is.
pub(crate) const PROXY: &str = "203.0.113.210:8080";

/// Answers with a function of the request and its body.
pub(crate) struct Answer(pub(crate) fn(&Request, &[u8]) -> Response);

impl Handler for Answer {
    fn handle<'a>(
        &'a self,
        request: &'a Request,
        mut body: RequestBody,
    ) -> LocalFuture<'a, Response> {
        Box::pin(async move {
            match body.bytes(1 << 20).await {
                Ok(bytes) => (self.0)(request, &bytes),
                Err(error) => Response::error(error.status(), &error.to_string()),
            }
        })
    }
}

/// A site of this name that answers with a function.
pub(crate) fn site(host: &str, answer: fn(&Request, &[u8]) -> Response) -> Site {
    Site::http(host, Box::new(move |_| Rc::new(Answer(answer))))
}

/// The lab's authority as the proxy's.
struct Issuer(Rc<Authority>);

impl Issue for Issuer {
    fn server(&self, names: &[String], _: SystemTime) -> Result<ServerConfig, String> {
        self.0.server(names, Validity::Good).map_err(|error| error.to_string())
    }

    fn certificate(&self) -> CertificateDer<'static> {
        self.0.der()
    }
}

/// A client, a proxy and servers.
pub(crate) struct Scene {
    pub(crate) internet: Internet,
    pub(crate) log: Log,
    pub(crate) proxy: LabHost,
    pub(crate) tls: Tls,
    authority: Rc<Authority>,
    names: Fixed,
    /// What the proxy told whoever watches.
    pub(crate) told: Rc<RefCell<Vec<String>>>,
}

impl Scene {
    /// On a fast network.
    pub(crate) fn new(sites: Vec<Site>) -> Self {
        Self::on("lan", sites)
    }

    pub(crate) fn on(net: &str, sites: Vec<Site>) -> Self {
        let settings = RecordSettings { keep_secrets: true, ..RecordSettings::in_memory() };
        let log = Log::new(Recorder::new(settings).unwrap());
        let settings = Settings::new(net.parse().unwrap(), Seed::new(1), log.clone());
        let mut internet = Internet::new(settings);
        let authority = Rc::new(Authority::new(1, DEFAULT_DATE).unwrap());
        let mut hosts: Vec<String> = Vec::new();
        for site in &sites {
            if !hosts.contains(&site.host) {
                hosts.push(site.host.clone());
            }
        }
        let names = hosts
            .into_iter()
            .enumerate()
            .map(|(number, host)| (host, IpAddr::from(Internet::web_address(number as u16))));
        let names = Fixed(names.collect());
        put_up(&mut internet, &authority, sites).unwrap();
        let place: SocketAddr = PROXY.parse().unwrap();
        let proxy = internet.add_server("proxy", Role::Proxy, place.ip());
        let tls = authority.client(None).unwrap();
        let told = Rc::default();
        Self { internet, log, proxy, tls, authority, names, told }
    }

    /// Puts the proxy up.
    pub(crate) fn serve(&self, options: Options) {
        self.serve_with(options, Rc::new(Issuer(Rc::clone(&self.authority))));
    }

    /// The same with certificates of another issuer.
    pub(crate) fn serve_with(&self, options: Options, issuer: Rc<dyn Issue>) {
        let wire = self.proxy.clone();
        let servers = Servers {
            wire: wire.clone(),
            names: Rc::new(self.names.clone()),
            tls: Some(self.tls.clone()),
        };
        let certificates = Certificates::new(issuer);
        let told = Rc::clone(&self.told);
        let watcher = Rc::new(move |seen: &Seen<'_>| told.borrow_mut().push(format!("{seen:?}")));
        let proxy = Proxy::new(wire.clone(), servers, options, Some(certificates), watcher);
        let listener = wire.listen(PROXY.parse().unwrap()).unwrap();
        let serving = async move { proxy.serve(listener, core::future::pending()).await };
        wire.spawn(serving).detach();
    }

    /// A client that goes by way of the proxy.
    pub(crate) fn client(&self) -> Client<LabHost> {
        self.client_with(client::Options::default())
    }

    pub(crate) fn client_with(&self, options: client::Options) -> Client<LabHost> {
        let proxy = client::Proxy::parse(PROXY, None).ok();
        let proxies = Proxies {
            http: proxy.clone(),
            https: proxy,
            tunnels: Tunnels::Https,
            ..Proxies::default()
        };
        let options = client::Options { proxies, ..options };
        let names = Rc::new(self.names.clone());
        Client::new(self.internet.client().clone(), names, Some(self.tls.clone()), options)
    }

    pub(crate) fn run<T: 'static>(&self, work: impl Future<Output = T> + 'static) -> T {
        self.internet.lab().run_until(work).unwrap()
    }

    /// Sends these bytes to the proxy, and gives all that comes back until it closes or nothing has come
    /// for a while.
    pub(crate) fn talk(&self, bytes: &[u8]) -> String {
        let (wire, bytes) = (self.internet.client().clone(), bytes.to_vec());
        self.run(async move {
            let mut stream = wire.connect(PROXY.parse().unwrap(), None, None).await.unwrap();
            stream.write_all(&bytes).await.unwrap();
            let mut answer = Vec::new();
            loop {
                let mut piece = [0; 4096];
                let late = wire.sleep(core::time::Duration::from_secs(5));
                let read = core::pin::pin!(stream.read(&mut piece));
                match futures_util::future::select(read, core::pin::pin!(late)).await {
                    futures_util::future::Either::Left((Ok(got @ 1..), _)) => {
                        answer.extend_from_slice(&piece[..got]);
                    }
                    _ => break,
                }
            }
            String::from_utf8_lossy(&answer).into_owned()
        })
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.log.events()
    }

    pub(crate) fn bodies(&self) -> Bodies {
        self.log.bodies()
    }

    /// What the proxy asked of servers.
    pub(crate) fn asked(&self) -> Vec<Exchange> {
        let proxy = self.proxy.log().host_id();
        let events = self.events().into_iter().filter(|event| event.host == proxy);
        Story::new(events.collect()).exchanges
    }

    /// What clients asked of the proxy.
    pub(crate) fn served(&self) -> Vec<Exchange> {
        let proxy = self.proxy.log().host_id();
        let events = self.events().into_iter().filter(|event| event.host == proxy);
        Story::new(events.collect()).served
    }
}

/// A request of one of our own clients.
pub(crate) fn get(text: &str) -> client::Request {
    client::Request::get(roundtrip_http::url::parse(text).unwrap())
}

/// Certificates that no lab made; for tests of TLS without the lab's client.
pub(crate) fn config(authority: &Authority, name: &str) -> Arc<ServerConfig> {
    Arc::new(authority.server(&[name.to_owned()], Validity::Good).unwrap())
}
