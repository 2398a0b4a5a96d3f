//! UDP sockets of simulated hosts, as programs see them.

#[path = "../../../tests/datagrams.rs"]
mod datagrams;

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};

use roundtrip_lab::{Internet, Net, Seed, Settings};
use roundtrip_record::{Log, Role};
use roundtrip_wire::{Datagram as _, Fragmentation, Outgoing, Wire as _};

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

#[test]
fn the_contract_holds() {
    let net: Net = "rtt=40ms".parse().unwrap();
    let mut internet = Internet::new(Settings::new(net, Seed::new(5), Log::off()));
    let at = SocketAddr::new(Internet::web_address(0).into(), 4433);
    let server = internet.add_server("www", Role::WebServer, at.ip());
    let client = internet.client().clone();
    let socket = server.datagram(SocketAddr::new(ANY.ip(), at.port())).unwrap();
    server.spawn(datagrams::echo(socket)).detach();
    internet.lab().run_until(datagrams::talk(client, ANY, at)).unwrap();
}

#[test]
fn what_must_not_be_cut_leaves_whole_or_not_at_all() {
    let net: Net = "rtt=40ms".parse().unwrap();
    let mut internet = Internet::new(Settings::new(net, Seed::new(5), Log::off()));
    let at = SocketAddr::new(Internet::web_address(0).into(), 4433);
    let server = internet.add_server("www", Role::WebServer, at.ip());
    let client = internet.client().clone();
    let inbox = server.datagram(at).unwrap();
    let work = async move {
        let socket = client.datagram(ANY).unwrap();
        let fits = [1; 1500 - 28];
        let long = [2; 1500 - 28 + 1];
        // In fragments.
        socket.send_to(&long, at, None).await.unwrap();
        assert_eq!(inbox.receive().await.unwrap().bytes, long);
        socket.set_fragmentation(Fragmentation::Forbidden).unwrap();
        let error = socket.try_send(&[Outgoing::one(&long, at, None)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        socket.send_to(&fits, at, None).await.unwrap();
        assert_eq!(inbox.receive().await.unwrap().bytes, fits);
    };
    internet.lab().run_until(work).unwrap();
}
