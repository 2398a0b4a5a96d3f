//! An exchange over packets: what only a wire that sees segments can show.

mod common;

use std::rc::Rc;

use common::get;
use roundtrip_http::client::{Client, Fixed, Options};
use roundtrip_http::handler::{Files, Tree};
use roundtrip_http::server::{self, Server};
use roundtrip_lab::{Internet, Seed, Settings};
use roundtrip_record::{Event, Log, Role, Side, What};
use roundtrip_wire::Wire as _;

/// Fetches a small and a large file on this network; gives both bodies and what was recorded.
fn visit(net: &str, two: bool) -> (Vec<bytes::Bytes>, Vec<Event>) {
    let log = Log::memory();
    let mut internet =
        Internet::new(Settings::new(net.parse().unwrap(), Seed::new(1), log.clone()));
    let address = Internet::web_address(0);
    let wire = internet.add_server("www0", Role::WebServer, address.into());
    let big: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
    let files = Files::tree(Tree::new().with("index.html", "<h1>Hello</h1>").with("big.bin", big));
    let listener = wire.listen((address, 80).into()).unwrap();
    let server = Server::new(wire.clone(), Rc::new(files), server::Options::default());
    wire.spawn(async move { server.serve(listener, core::future::pending()).await }).detach();
    let names = Rc::new(Fixed(vec![("www0.test".to_owned(), address.into())]));
    let options = Options { prior_knowledge: two, ..Options::default() };
    let client = Client::new(internet.client().clone(), names, None, options);
    let bodies = internet.lab().run_until(async move {
        let mut bodies = Vec::new();
        for path in ["/", "/big.bin"] {
            let mut response = client.send(get(&format!("www0.test{path}"))).await.unwrap();
            bodies.push(response.body.bytes(1 << 20).await.unwrap());
        }
        client.close("visit over").await;
        bodies
    });
    (bodies.unwrap(), log.events())
}

#[test]
fn bodies_come_whole_and_causes_are_segments() {
    for (two, version) in [(false, "HTTP/1.1"), (true, "HTTP/2")] {
        let (bodies, events) = visit("cable", two);
        assert_eq!(bodies[0], "<h1>Hello</h1>");
        assert!(bodies[1].iter().enumerate().all(|(at, byte)| *byte == (at % 251) as u8));
        assert_eq!(bodies[1].len(), 200_000);
        let client = events.iter().find_map(|event| match &event.what {
            What::ExchangeStarted(started) if started.side == Side::Client => Some(event.host),
            _ => None,
        });
        let heads = events.iter().filter_map(|event| match &event.what {
            What::ResponseHead(head) if Some(event.host) == client => Some((event, head)),
            _ => None,
        });
        let mut count = 0;
        for (event, head) in heads {
            count += 1;
            assert_eq!(head.version.as_str(), version);
            assert_eq!(event.cause, head.first_segment);
            let cause = events.iter().find(|other| Some(other.id) == event.cause).unwrap();
            let What::TcpSegment(segment) = &cause.what else { panic!("{cause:?}") };
            assert_eq!(segment.connection, head.connection);
            assert!(segment.length > 0 && cause.at <= event.at);
        }
        assert_eq!(count, 2);
    }
}

#[test]
fn the_same_twice_is_the_same() {
    for two in [false, true] {
        assert!(visit("3gslow", two) == visit("3gslow", two));
    }
}
