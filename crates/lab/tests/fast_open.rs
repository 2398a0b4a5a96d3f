//! TCP Fast Open (RFC 7413) over a path: what it saves, and what a path that does not bear it costs.

use std::net::SocketAddr;
use std::time::Duration;

use roundtrip_lab::{Internet, LabHost, Net, Seed, Settings};
use roundtrip_record::{Log, Role, Time};
use roundtrip_wire::{Listener as _, Wire as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// An internet 40 ms wide whose server answers what it is asked, in capitals.
fn internet(fast_open: bool, net: &str) -> (Internet, SocketAddr) {
    let net: Net = net.parse().unwrap();
    let settings = Settings { fast_open, ..Settings::new(net, Seed::new(1), Log::off()) };
    let mut internet = Internet::new(settings);
    let at = SocketAddr::new(Internet::web_address(0).into(), 80);
    let server = internet.add_server("www", Role::WebServer, at.ip());
    let mut listener = server.listen(at).unwrap();
    let host = server.clone();
    let serve = async move {
        loop {
            let mut stream = listener.accept().await.unwrap();
            let answer = async move {
                let mut question = [0; 8];
                if stream.read_exact(&mut question).await.is_ok() {
                    question.make_ascii_uppercase();
                    stream.write_all(&question).await.unwrap();
                    let _ = stream.read(&mut [0]).await;
                }
            };
            host.spawn(answer).detach();
        }
    };
    server.spawn(serve).detach();
    (internet, at)
}

/// How long it takes from wanting a connection to having an answer over it.
async fn ask(client: &LabHost, at: SocketAddr) -> Duration {
    let began = client.now();
    let mut stream = client.connect(at, None, None).await.unwrap();
    stream.write_all(b"question").await.unwrap();
    let mut answer = [0; 8];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"QUESTION");
    client.now().since(began)
}

fn millis(times: [Duration; 3]) -> [u128; 3] {
    times.map(|time| time.as_millis())
}

fn three(internet: &Internet, at: SocketAddr) -> [u128; 3] {
    let client = internet.client().clone();
    let asked =
        async move { [ask(&client, at).await, ask(&client, at).await, ask(&client, at).await] };
    millis(internet.lab().run_until(asked).unwrap())
}

#[test]
fn from_the_second_connection_on_a_round_trip_is_saved() {
    let (plain, at) = internet(false, "rtt=40ms");
    assert_eq!(three(&plain, at), [80, 80, 80]);
    let (fast, at) = internet(true, "rtt=40ms");
    assert_eq!(three(&fast, at), [80, 40, 40]);
}

/// What the client's TCP has learned is among the caches that a later visit begins with.
#[test]
fn a_warm_client_has_the_cookie() {
    let (first, at) = internet(true, "rtt=40ms");
    three(&first, at);
    let settings = Settings { caches: first.caches(), ..warm() };
    let mut again = Internet::new(settings);
    let server = again.add_server("www", Role::WebServer, at.ip());
    let mut listener = server.listen(at).unwrap();
    let heard = async move {
        let mut stream = listener.accept().await.unwrap();
        let mut question = [0; 8];
        stream.read_exact(&mut question).await.unwrap();
        stream.write_all(&question).await.unwrap();
        let _ = stream.read(&mut [0]).await;
    };
    server.spawn(heard).detach();
    let client = again.client().clone();
    let took = again.lab().run_until(async move {
        let mut stream = client.connect(at, None, None).await.unwrap();
        stream.write_all(b"QUESTION").await.unwrap();
        stream.read_exact(&mut [0; 8]).await.unwrap();
        client.now()
    });
    assert_eq!(took.unwrap().since(Time::ZERO).as_millis(), 40);
}

fn warm() -> Settings {
    let settings = Settings::new("rtt=40ms".parse().unwrap(), Seed::new(1), Log::off());
    Settings { fast_open: true, ..settings }
}
