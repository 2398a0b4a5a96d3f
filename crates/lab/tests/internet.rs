//! The default topology, and what its links report.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use roundtrip_lab::{Internet, LabHost, Net, Seed, Settings};
use roundtrip_record::{DropReason, LinkCounts, Log, NeighbourState, Role, What};
use roundtrip_wire::{Datagram as _, Listener as _, Wire as _};

fn internet(net: &str, log: Log) -> Internet {
    let net: Net = net.parse().unwrap();
    Internet::new(Settings::new(net, Seed::new(3), log))
}

/// Answers every datagram to port 7 with its own bytes.
fn echo(host: &LabHost, address: IpAddr) {
    let socket = host.datagram(SocketAddr::new(address, 7)).unwrap();
    let work = async move {
        loop {
            let packet = socket.receive().await.unwrap();
            socket.send_to(&packet.bytes, packet.from, None).await.unwrap();
        }
    };
    host.spawn(work).detach();
}

/// Asks the echo at `address` from `host`; answers how long that took.
async fn ask(host: &LabHost, address: IpAddr) -> Duration {
    let any: IpAddr = match address {
        IpAddr::V4(_) => [0, 0, 0, 0].into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = host.datagram(SocketAddr::new(any, 0)).unwrap();
    let began = host.now();
    socket.send_to(b"who is there", SocketAddr::new(address, 7), None).await.unwrap();
    let packet = socket.receive().await.unwrap();
    assert_eq!(packet.bytes, b"who is there");
    host.now() - began
}

#[test]
fn everybody_reaches_everybody() {
    let mut internet = internet("rtt=40ms", Log::off());
    let names = internet.add_name_servers();
    let mut hosts = vec![
        (internet.client().clone(), IpAddr::from(Internet::CLIENT)),
        (names.root, Internet::ROOT.into()),
        (names.tld, Internet::TLD.into()),
        (names.authoritative, Internet::AUTHORITATIVE.into()),
        (names.resolver, Internet::RESOLVER.into()),
    ];
    for number in [0, 1, 300] {
        let address = IpAddr::from(Internet::web_address(number));
        hosts.push((
            internet.add_server(&format!("web{number}"), Role::WebServer, address),
            address,
        ));
    }
    for (host, address) in &hosts {
        echo(host, *address);
    }
    let work = async {
        for (from, here) in &hosts {
            for (_, there) in hosts.iter().filter(|(_, there)| there != here) {
                ask(from, *there).await;
            }
        }
        // With all neighbours known: the access link's round trip and the inner links' 40 µs.
        ask(&hosts[0].0, hosts[5].1).await
    };
    let took = internet.lab().run_until(work).unwrap();
    assert_eq!(took.as_micros(), 40_040);
}

#[test]
fn a_server_may_have_an_ipv6_address() {
    let mut internet = internet("rtt=40ms", Log::off());
    let address: IpAddr = "2001:db8::80".parse().unwrap();
    let server = internet.add_server("six", Role::WebServer, address);
    echo(&server, address);
    let client = internet.client().clone();
    let took = internet.lab().run_until(async move { ask(&client, address).await }).unwrap();
    // A round trip, and the router's question for the server's hardware address.
    assert_eq!(took.as_micros(), 40_000 + 40 + 2 * 20 + 40);
}

/// The router is a neighbour, and the access link lies behind it: asking for the router's hardware
/// address costs no round trip of the network, in either family.
#[test]
fn first_contact_takes_one_round_trip() {
    let log = Log::memory();
    let mut internet = internet("rtt=400ms,loss=0.0001%", log.clone());
    let addresses: [IpAddr; 2] = [Internet::web_address(0).into(), "2001:db8::80".parse().unwrap()];
    for (number, address) in addresses.into_iter().enumerate() {
        let at = SocketAddr::new(address, 80);
        let server = internet.add_server(&format!("web{number}"), Role::WebServer, address);
        let mut listener = server.listen(at).unwrap();
        server.spawn(async move { drop(listener.accept().await) }).detach();
        let client = internet.client().clone();
        let connect = async move {
            let began = client.now();
            client.connect(at, None, None).await.unwrap();
            client.now() - began
        };
        let took = internet.lab().run_until(connect).unwrap();
        // The access link, the inner link, and the two segments on which addresses are resolved.
        assert_eq!(took.as_micros(), 400_000 + 40 + 2 * 20 + 40, "{address}");
    }
    let events = log.events();
    let asked = |state: NeighbourState| {
        let change =
            |what: &What| matches!(what, What::NeighbourChanged(change) if change.to == state);
        events.iter().find(|event| change(&event.what)).unwrap().at
    };
    let took = asked(NeighbourState::Reachable) - asked(NeighbourState::Incomplete);
    assert_eq!(took, 2 * Internet::SEGMENT);
}

/// What stays on the segment meets none of the access link's faults.
#[test]
fn address_resolution_is_never_lost_on_the_access_link() {
    let mut internet = internet("rtt=40ms,loss=100%", Log::off());
    let address = Internet::web_address(0).into();
    internet.add_server("www", Role::WebServer, address);
    let client = internet.client().clone();
    let work = async move {
        let any = SocketAddr::from(([0, 0, 0, 0], 0));
        let socket = client.datagram(any).unwrap();
        socket.send_to(b"lost", SocketAddr::new(address, 7), None).await.unwrap();
        client.sleep(Duration::from_millis(1)).await;
    };
    internet.lab().run_until(work).unwrap();
    let [up, down] = internet.access().map(|link| internet.lab().counts(link));
    assert_eq!((up.frames, up.delivered, up.lost), (2, 1, 1), "the question, and the datagram");
    assert_eq!((down.frames, down.delivered), (1, 1), "the answer");
}

#[test]
fn the_client_is_told_of_its_resolver() {
    let mut internet = internet("lan", Log::off());
    internet.add_name_servers();
    let environment = internet.client().environment();
    let text = environment.resolv_conf().unwrap().unwrap();
    assert!(text.content.starts_with("nameserver 198.51.100.8\n"), "{}", text.content);
    assert_eq!(environment.root_hints()[0].1, IpAddr::from(Internet::ROOT));
    assert_eq!(environment.load("names"), None);
    environment.store("names", b"kept");
    assert_eq!(internet.client().port().host_environment().caches().kept["names"], b"kept");
}

/// What the record tells of each mishap adds up to what the links count.
#[test]
fn the_record_and_the_counts_agree() {
    let log = Log::memory();
    let mut internet = internet(
        "rtt=10ms,down=1Mbit,up=1Mbit,queue=5p,loss=10%,reorder=10%,duplicate=10%,corrupt=10%",
        log.clone(),
    );
    let address = IpAddr::from(Internet::web_address(0));
    let server = internet.add_server("www", Role::WebServer, address);
    echo(&server, address);
    let client = internet.client().clone();
    let work = async move {
        let any = SocketAddr::from(([0, 0, 0, 0], 0));
        let socket = client.datagram(any).unwrap();
        for _ in 0..20 {
            for _ in 0..20 {
                socket.send_to(&[0; 400], SocketAddr::new(address, 7), None).await.unwrap();
            }
            client.sleep(Duration::from_millis(200)).await;
        }
    };
    internet.lab().run_until(work).unwrap();
    internet.lab().finish();
    let events = log.events();
    let counts: Vec<LinkCounts> = events
        .iter()
        .filter_map(|event| match event.what {
            What::LinkCounts(counts) => Some(counts),
            _ => None,
        })
        .collect();
    assert_eq!(counts.len(), 4, "two links, two directions");
    let told = |link, reason| {
        let is = |what: &What| matches!(what, What::LinkDropped(drop) if drop.link == link && drop.reason == reason);
        events.iter().filter(|event| is(&event.what)).count() as u64
    };
    for counts in &counts {
        let link = counts.link;
        assert_eq!(told(link, DropReason::QueueFull), counts.queue_full);
        assert_eq!(told(link, DropReason::Lost), counts.lost);
        assert_eq!(told(link, DropReason::BadFcs), counts.bad_fcs);
        assert_eq!(told(link, DropReason::Duplicated), counts.duplicated);
        assert_eq!(told(link, DropReason::Reordered), counts.reordered);
        assert_eq!(
            counts.frames + counts.duplicated,
            counts.delivered + counts.queue_full + counts.lost + counts.bad_fcs
        );
    }
    let up = counts[0];
    assert!(up.queue_full > 0 && up.lost > 0 && up.bad_fcs > 0 && up.duplicated > 0, "{up:?}");
    for event in &events {
        if let What::LinkDropped(_) = event.what {
            let cause = event.cause.expect("the frame");
            let frame = &events[usize::try_from(cause.get()).unwrap() - 1];
            assert!(matches!(frame.what, What::Frame(_)));
        }
    }
}
