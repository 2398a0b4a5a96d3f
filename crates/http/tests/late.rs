//! Connecting begins with the addresses that are there; those that arrive later are tried as well.

mod common;

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use common::get;
use futures_util::StreamExt as _;
use roundtrip_http::client::{Addresses, Client, Options, Resolve, Resolved, Response};
use roundtrip_http::handler::{Files, Tree};
use roundtrip_http::server::{self, Server};
use roundtrip_lab::{Internet, LabHost, Seed, Settings};
use roundtrip_record::{EventId, FaultKind, Log, Role, Time, What};
use roundtrip_wire::{LocalFuture, Wire as _};

/// Knows one address at once and another after a while, or never.
struct Slowly {
    wire: LabHost,
    first: IpAddr,
    later: Option<(Duration, IpAddr)>,
}

impl Resolve for Slowly {
    fn resolve<'a>(
        &'a self,
        _: &'a str,
        _: u16,
        cause: Option<EventId>,
    ) -> LocalFuture<'a, Result<Resolved, FaultKind>> {
        let (wire, later) = (self.wire.clone(), self.later);
        let late = async move {
            match later {
                Some((after, address)) => {
                    wire.sleep(after).await;
                    vec![address]
                }
                None => core::future::pending().await,
            }
        };
        let late = futures_util::stream::once(late).boxed_local();
        let addresses = Addresses::from(vec![self.first]).and_later(late);
        Box::pin(async move { Ok(Resolved { addresses, event: cause, ..Resolved::default() }) })
    }
}

/// Fetches from a host with those addresses; the status or the fault, and when each try began.
fn fetch(
    first: IpAddr,
    later: Option<(Duration, IpAddr)>,
    connect: Option<Duration>,
) -> (Result<u16, FaultKind>, Vec<(Time, IpAddr)>) {
    let log = Log::memory();
    let net = "rtt=20ms".parse().unwrap();
    let mut internet = Internet::new(Settings::new(net, Seed::new(1), log.clone()));
    let wire = internet.add_server("www0", Role::WebServer, GOOD.into());
    let files = Files::tree(Tree::new().with("index.html", "<h1>Hello</h1>"));
    let listener = wire.listen((GOOD, 80).into()).unwrap();
    let server = Server::new(wire.clone(), Rc::new(files), server::Options::default());
    wire.spawn(async move { server.serve(listener, core::future::pending()).await }).detach();
    // A host that is there and refuses.
    internet.add_server("www1", Role::WebServer, REFUSES.into());
    let names = Rc::new(Slowly { wire: internet.client().clone(), first, later });
    let mut options = Options::default();
    options.timeouts.connect = connect;
    let client = Client::new(internet.client().clone(), names, None, options);
    let got = internet.lab().run_until(async move {
        let answer = client.send(get("http://www.test/")).await;
        answer.map(|answer: Response<LabHost>| answer.status.as_u16())
    });
    let tries = log.events().into_iter().filter_map(|event| match event.what {
        What::ConnectAttempt(attempt) => Some((event.at, attempt.to.ip())),
        _ => None,
    });
    (got.unwrap().map_err(|failure| failure.kind), tries.collect())
}

const GOOD: [u8; 4] = [203, 0, 113, 10];
const REFUSES: [u8; 4] = [203, 0, 113, 11];
/// Nobody on the client's own link answers for it.
const SILENT: [u8; 4] = [10, 0, 0, 77];

#[test]
fn a_good_address_does_not_wait_for_one_that_is_late() {
    let (got, tries) = fetch(GOOD.into(), None, None);
    assert_eq!(got, Ok(200));
    assert_eq!(tries, [(Time::ZERO, GOOD.into())]);
}

#[test]
fn where_the_first_fails_the_late_one_is_taken() {
    let late = Duration::from_millis(300);
    let (got, tries) = fetch(REFUSES.into(), Some((late, GOOD.into())), None);
    assert_eq!(got, Ok(200));
    assert_eq!(tries, [(Time::ZERO, REFUSES.into()), (Time::ZERO + late, GOOD.into())]);
}

/// Between two tries there is a pause (RFC 8305 §5), for those that came later too.
#[test]
fn a_late_address_waits_for_its_turn() {
    let late = Duration::from_millis(100);
    let (got, tries) = fetch(SILENT.into(), Some((late, GOOD.into())), None);
    assert_eq!(got, Ok(200));
    let pause = Options::default().attempt_delay;
    assert_eq!(tries, [(Time::ZERO, SILENT.into()), (Time::ZERO + pause, GOOD.into())]);
}

#[test]
fn what_never_arrives_is_not_waited_for_longer_than_connecting_may_take() {
    let (got, tries) = fetch(REFUSES.into(), None, Some(Duration::from_secs(3)));
    assert!(matches!(got, Err(FaultKind::ConnectFailed { .. })), "{got:?}");
    assert_eq!(tries.len(), 1);
}
