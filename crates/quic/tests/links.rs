//! Connections over the lab's links: whole, under faults, and the same twice.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use core::future::poll_fn;
use roundtrip_lab::{Internet, LabHost, Seed, Settings as LabSettings};
use roundtrip_quic::{
    Connection, Direction, Ended, Listener, ReadError, Settings, Validation, WriteError, connect,
};
use roundtrip_record::{Event, Log, Role, What};
use roundtrip_wire::Wire as _;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

const PROTOCOL: &[u8] = b"echo";

/// TLS of both ends. Its own keys are the machine's, so that digests are not of packets here.
fn tls() -> (Arc<rustls::ClientConfig>, Arc<rustls::ServerConfig>) {
    let own = rcgen::generate_simple_self_signed(vec!["www.test".into()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(own.cert.der().clone()).unwrap();
    let mut client = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = vec![PROTOCOL.to_vec()];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
    let mut server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    server.alpn_protocols = vec![PROTOCOL.to_vec()];
    (Arc::new(client), Arc::new(server))
}

/// Sends back all that comes on each stream.
async fn echo(wire: LabHost, listener: Listener<LabHost>) {
    loop {
        let connection = listener.accept().await;
        let own = wire.clone();
        wire.spawn(async move {
            while let Ok(stream) =
                poll_fn(|context| connection.poll_accept(Direction::Both, context)).await
            {
                let connection = connection.clone();
                own.spawn(async move {
                    loop {
                        let read =
                            poll_fn(|context| connection.poll_read(stream, 1 << 16, context));
                        match read.await {
                            Ok(Some(mut bytes)) => {
                                while !bytes.is_empty() {
                                    let write = poll_fn(|context| {
                                        connection.poll_write(stream, &mut bytes, context)
                                    });
                                    if write.await.is_err() {
                                        return;
                                    }
                                }
                            }
                            Ok(None) => return connection.finish(stream),
                            Err(_) => return,
                        }
                    }
                })
                .detach();
            }
        })
        .detach();
    }
}

/// Sends bytes by a stream and reads what comes back.
async fn there_and_back(
    wire: &LabHost,
    connection: &Connection<LabHost>,
    bytes: Bytes,
) -> Result<Vec<u8>, ReadError> {
    let stream = poll_fn(|context| connection.poll_open(Direction::Both, context)).await?;
    let (sending, mut left) = (connection.clone(), bytes);
    wire.spawn(async move {
        while !left.is_empty() {
            let write = poll_fn(|context| sending.poll_write(stream, &mut left, context));
            if write.await.is_err() {
                return;
            }
        }
        sending.finish(stream);
    })
    .detach();
    let mut back = Vec::new();
    while let Some(more) = poll_fn(|context| connection.poll_read(stream, 1 << 16, context)).await?
    {
        back.extend_from_slice(&more);
    }
    Ok(back)
}

struct World {
    internet: Internet,
    at: SocketAddr,
    log: Log,
    client: Arc<rustls::ClientConfig>,
}

fn world(net: &str, seed: u64, settings: Settings) -> World {
    let log = Log::memory();
    let net = net.parse().unwrap();
    let mut internet = Internet::new(LabSettings::new(net, Seed::new(seed), log.clone()));
    let address = Internet::web_address(0);
    let wire = internet.add_server("www", Role::WebServer, address.into());
    let at = (address, 443).into();
    let (client, server) = tls();
    // A host's own tasks draw from its own generator.
    let of = wire.clone();
    wire.spawn(async move {
        let listener = Listener::bind(&of, at, server, settings, 100).unwrap();
        echo(of.clone(), listener).await;
    })
    .detach();
    World { internet, at, log, client }
}

fn kinds(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.what.kind()).filter(|kind| kind.starts_with("quic")).collect()
}

fn pattern(length: usize) -> Bytes {
    (0..length).map(|at| (at % 251) as u8).collect::<Vec<_>>().into()
}

#[test]
fn bytes_come_back_and_every_packet_is_told() {
    let World { internet, at, log, client } = world("cable", 1, Settings::default());
    let wire = internet.client().clone();
    let own = wire.clone();
    let (back, handshake) = internet
        .lab()
        .run_until(async move {
            let connection =
                connect(&own, at, "www.test", client, Settings::default(), None).unwrap();
            connection.established().await.unwrap();
            let back = there_and_back(&own, &connection, pattern(300_000)).await.unwrap();
            let handshake = connection.handshake().unwrap();
            connection.close(7, "done");
            (back, handshake)
        })
        .unwrap();
    internet.lab().settle(roundtrip_record::Time::from_secs(600)).unwrap();
    assert_eq!(back, pattern(300_000));
    assert_eq!(handshake.protocol.as_deref(), Some(PROTOCOL));
    assert!(!handshake.resumed && handshake.certificates.len() == 1);
    let events = log.events();
    let kinds = kinds(&events);
    for kind in ["quic.opened", "quic.packet", "quic.congestion", "quic.closed"] {
        assert!(kinds.contains(&kind), "{kind}");
    }
    assert_eq!(kinds.iter().filter(|kind| **kind == "quic.closed").count(), 2, "both ends");
    // Whatever one end sent, the other received: nothing is lost on this network.
    let packets = |sent: roundtrip_record::Direction, of: u16| {
        events
            .iter()
            .filter_map(|event| match &event.what {
                What::QuicPacket(packet) if packet.direction == sent && event.host.0 == of => {
                    Some((packet.space, packet.number, packet.length, packet.frames.clone()))
                }
                _ => None,
            })
            .collect::<Vec<_>>()
    };
    let host = |side| {
        let opened = events.iter().find_map(|event| match &event.what {
            What::QuicOpened(opened) if opened.side == side => Some(event.host.0),
            _ => None,
        });
        opened.unwrap()
    };
    use roundtrip_record::{Direction::*, QuicFrame, Side};
    let (client, server) = (host(Side::Client), host(Side::Server));
    let went = packets(Sent, client);
    assert!(went.len() > 100, "{}", went.len());
    let mut came = packets(Received, server);
    came.sort_by_key(|(space, number, ..)| (*space, *number));
    let mut went = went;
    went.sort_by_key(|(space, number, ..)| (*space, *number));
    let lost: Vec<_> = went.iter().filter(|packet| !came.contains(packet)).collect();
    // Probes that are longer than the path takes never come there; the close of one end may cross.
    assert!(lost.len() < 8, "{lost:?}");
    assert!(
        went[0].3.iter().any(|frame| matches!(frame, QuicFrame::Crypto { offset: 0, .. })),
        "{:?}",
        went[0]
    );
}

#[test]
fn a_retry_shows_that_the_client_can_be_reached() {
    let settings = Settings { validation: Validation::ByRetry, ..Settings::default() };
    let World { internet, at, client, .. } = world("cable,rtt=100ms", 1, settings);
    let own = internet.client().clone();
    let back = internet.lab().run_until(async move {
        let connection = connect(&own, at, "www.test", client, Settings::default(), None).unwrap();
        connection.established().await.unwrap();
        there_and_back(&own, &connection, pattern(10)).await.unwrap()
    });
    assert_eq!(back.unwrap(), pattern(10));
}

#[test]
fn nobody_there_is_told_at_once() {
    let World { internet, at, client, .. } = world("cable", 1, Settings::default());
    let own = internet.client().clone();
    let elsewhere = SocketAddr::new(at.ip(), 444);
    let ended = internet.lab().run_until(async move {
        let settings = Settings::default();
        let connection = connect(&own, elsewhere, "www.test", client, settings, None).unwrap();
        connection.established().await.unwrap_err()
    });
    assert_eq!(ended.unwrap(), Ended::Refused);
    assert!(internet.lab().now().millis() < 100, "{}", internet.lab().now());
}

#[test]
fn another_name_is_refused_with_the_reason() {
    let World { internet, at, client, .. } = world("cable", 1, Settings::default());
    let own = internet.client().clone();
    let (ended, error) = internet
        .lab()
        .run_until(async move {
            let settings = Settings::default();
            let connection = connect(&own, at, "other.test", client, settings, None).unwrap();
            let ended = connection.established().await.unwrap_err();
            (ended, connection.tls_error())
        })
        .unwrap();
    assert!(matches!(ended, Ended::Breach { code: 0x100..=0x1ff, .. }), "{ended:?}");
    assert!(matches!(error, Some(rustls::Error::InvalidCertificate(_))), "{error:?}");
}

#[test]
fn streams_can_be_given_up_from_both_ends() {
    let World { internet, at, client, .. } = world("cable", 1, Settings::default());
    let own = internet.client().clone();
    let lab = internet.lab();
    lab.run_until(async move {
        let connection = connect(&own, at, "www.test", client, Settings::default(), None).unwrap();
        connection.established().await.unwrap();
        let stream =
            poll_fn(|context| connection.poll_open(Direction::Both, context)).await.unwrap();
        let mut bytes = pattern(100);
        poll_fn(|context| connection.poll_write(stream, &mut bytes, context)).await.unwrap();
        connection.reset(stream, 0x10c);
        let over = poll_fn(|context| connection.poll_write(stream, &mut pattern(1), context)).await;
        assert_eq!(over, Err(WriteError::Over));
        // The rest of the connection goes on.
        assert_eq!(there_and_back(&own, &connection, pattern(10)).await.unwrap(), pattern(10));
    })
    .unwrap();
}

/// Loss, reordering, duplication and corruption: all comes whole.
#[test]
fn faults_are_repaired() {
    for seed in 0..20 {
        let net = "cable,rtt=40ms,loss=5%,reorder=2%,duplicate=2%,corrupt=1%";
        let World { internet, at, log, client } = world(net, seed, Settings::default());
        let own = internet.client().clone();
        let back = internet.lab().run_until(async move {
            let connection =
                connect(&own, at, "www.test", client, Settings::default(), None).unwrap();
            connection.established().await.unwrap();
            there_and_back(&own, &connection, pattern(200_000)).await.unwrap()
        });
        assert_eq!(back.unwrap(), pattern(200_000), "seed {seed}");
        assert!(kinds(&log.events()).contains(&"quic.lost"), "seed {seed}");
    }
}
