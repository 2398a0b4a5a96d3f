//! Connections opened ahead of requests carry these.

mod common;

use common::authority::Authority;
use common::frames::{Act, Frames};
use common::{Site, get};
use core::time::Duration;
use futures_util::future::join_all;
use roundtrip_http::client::{Binding, Credentials, Options, Request};
use roundtrip_http::url;
use roundtrip_record::{ConnectionId, ExchangeId, Priority, What};
use roundtrip_wire::Wire as _;

/// A connection is opened ahead to a server that turns out to speak HTTP/1.1, and meanwhile requests
/// of these priorities are wanted. By which connection each went, and all that were opened.
fn requests(priorities: &[Priority], options: Options) -> (Vec<ConnectionId>, Vec<ConnectionId>) {
    let (site, authority) = (Site::new(), Authority::new());
    Frames::serve(&site, authority.server("www0.test", 2030, &["http/1.1"]), |_, _| Act::Answer);
    let client = site.client(options, Some(authority.client()));
    let asked: Vec<Request> = priorities
        .iter()
        .enumerate()
        .map(|(number, &priority)| Request {
            priority,
            ..get(&format!("https://www0.test/{number}"))
        })
        .collect();
    let wire = site.client_wire.clone();
    site.run(async move {
        let url = url::parse("https://www0.test/").unwrap();
        client.preconnect(&url, Credentials::default(), ExchangeId(1), None);
        let ask = async |request| {
            let mut answer = client.send(request).await.unwrap();
            assert_eq!(answer.body.bytes(100).await.unwrap(), "ok");
        };
        join_all(asked.into_iter().map(ask)).await;
        // What nobody came to need is seen to be opened too.
        wire.sleep(Duration::from_secs(1)).await;
    });
    let (mut carried, mut opened) = (Vec::new(), Vec::new());
    for event in site.client_events() {
        match event.what {
            What::RequestSent(sent) => carried.push((sent.target, sent.connection)),
            What::TlsStarted(started) => opened.push(started.connection),
            _ => {}
        }
    }
    carried.sort();
    (carried.into_iter().map(|(_, connection)| connection).collect(), opened)
}

#[test]
fn a_request_takes_the_connection_opened_ahead_when_it_speaks_http_1() {
    for binding in [Binding::Early, Binding::Late] {
        let options = || Options { binding, ..Options::default() };
        let (carried, opened) = requests(&[Priority::Medium], options());
        assert_eq!((carried.len(), &carried), (1, &opened), "{binding:?}");

        // The most urgent of several; the others need connections of their own.
        let of_page = [Priority::Low, Priority::Low, Priority::VeryHigh, Priority::Low];
        let (carried, opened) = requests(&of_page, options());
        assert_eq!((carried[2], opened.len()), (opened[0], 4), "{binding:?}");

        // So many that not all may have one.
        let options = Options { per_origin: 2, ..options() };
        let (carried, opened) = requests(&of_page, options);
        assert_eq!((carried[2], opened.len()), (opened[0], 2), "{binding:?}");
    }
}
