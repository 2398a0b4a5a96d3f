//! What every wire's UDP sockets do alike. The tests of each wire include this file by its path.

use core::future::poll_fn;
use std::io::{ErrorKind, IoSliceMut};
use std::net::SocketAddr;

use roundtrip_wire::{Datagram, Ecn, Incoming, Joining, Outgoing, Wire};

/// Buffers a call, and bytes of each.
const BUFFERS: usize = 8;
const ROOM: usize = 65_535;

/// What came in a call: what was said of each buffer, and its bytes.
async fn receive(socket: &impl Datagram) -> std::io::Result<Vec<(Incoming, Vec<u8>)>> {
    let mut bytes = vec![0; BUFFERS * ROOM];
    let mut incoming = [Incoming::NOTHING; BUFFERS];
    let count = poll_fn(|context| {
        let mut buffers: Vec<_> = bytes.chunks_mut(ROOM).map(IoSliceMut::new).collect();
        socket.poll_receive(context, &mut buffers, &mut incoming)
    })
    .await?;
    assert!(count > 0);
    let filled = incoming.into_iter().zip(bytes.chunks(ROOM)).take(count);
    Ok(filled.map(|(one, bytes)| (one, bytes[..one.length].to_vec())).collect())
}

/// Sends all, waiting where it must.
async fn send_all(socket: &impl Datagram, mut outgoing: &[Outgoing<'_>]) {
    while !outgoing.is_empty() {
        match socket.try_send(outgoing) {
            Ok(sent) => {
                assert!(sent > 0);
                outgoing = &outgoing[sent..];
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                poll_fn(|context| socket.poll_writable(context))
                    .await
                    .expect("it can be waited for");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Sends every datagram back as it came: from the address it came to, with its ECN field.
pub(crate) async fn echo(socket: impl Datagram) {
    loop {
        let Ok(received) = receive(&socket).await else { continue };
        let back = |(one, bytes): &(Incoming, Vec<u8>)| {
            let (from, ecn, stride) = (one.to, one.ecn, one.stride.max(1));
            assert!(one.to.is_some(), "no address of ours: {one:?}");
            let chunks = bytes.chunks(stride).map(<[u8]>::to_vec);
            let empty = bytes.is_empty().then(Vec::new);
            let to = one.from;
            chunks.chain(empty).map(move |bytes| (to, from, ecn, bytes)).collect::<Vec<_>>()
        };
        let all: Vec<_> = received.iter().flat_map(back).collect();
        let outgoing: Vec<_> = all
            .iter()
            .map(|(to, from, ecn, bytes)| Outgoing {
                from: *from,
                ecn: *ecn,
                ..Outgoing::one(bytes, *to, None)
            })
            .collect();
        send_all(&socket, &outgoing).await;
    }
}

/// Talks to [`echo`] at `peer` from a socket at `local`.
pub(crate) async fn talk<W: Wire>(wire: W, local: SocketAddr, peer: SocketAddr) {
    let socket = wire.datagram(local).expect("a socket");
    marks_and_addresses(&socket, peer).await;
    cut(&socket, peer).await;
    many(&socket, peer).await;
    bad(&socket, peer);
}

/// Each codepoint there and back, and the addresses; an empty datagram is one, too.
async fn marks_and_addresses(socket: &impl Datagram, peer: SocketAddr) {
    for ecn in [Ecn::NotEct, Ecn::Ect1, Ecn::Ect0, Ecn::Ce] {
        for bytes in [&b"mark"[..], b""] {
            send_all(socket, &[Outgoing { ecn, ..Outgoing::one(bytes, peer, None) }]).await;
            let received = receive(socket).await.expect("the echo");
            let [(one, back)] = &received[..] else { panic!("{received:?}") };
            assert_eq!((one.from, one.ecn, &back[..]), (peer, ecn, bytes));
            let ours = one.to.expect("an address of ours");
            assert!(!ours.is_unspecified() && ours.is_ipv4() == peer.is_ipv4());
            assert_eq!(one.stride, one.length);
        }
    }
}

/// One buffer that leaves as several datagrams.
async fn cut(socket: &impl Datagram, peer: SocketAddr) {
    const SIZE: usize = 1200;
    let bytes: Vec<u8> = (0..SIZE * 7 + 300).map(|n| (n / SIZE) as u8).collect();
    let count = socket.max_send_segments().min(8);
    let bytes = &bytes[..bytes.len().min(count * SIZE)];
    let train =
        Outgoing { segment_size: Some(SIZE), ecn: Ecn::Ect0, ..Outgoing::one(bytes, peer, None) };
    send_all(socket, &[train]).await;
    let mut back: Vec<Vec<u8>> = Vec::new();
    while back.len() < bytes.len().div_ceil(SIZE) {
        for (one, bytes) in receive(socket).await.expect("the echo") {
            assert_eq!((one.from, one.ecn), (peer, Ecn::Ect0));
            back.extend(bytes.chunks(one.stride).map(<[u8]>::to_vec));
        }
    }
    let sent: Vec<Vec<u8>> = bytes.chunks(SIZE).map(<[u8]>::to_vec).collect();
    assert_eq!(back, sent);
}

/// More than one call takes or gives.
async fn many(socket: &impl Datagram, peer: SocketAddr) {
    const COUNT: u8 = 40;
    let numbers: Vec<[u8; 1]> = (0..COUNT).map(|number| [number]).collect();
    let outgoing: Vec<_> = numbers.iter().map(|one| Outgoing::one(one, peer, None)).collect();
    send_all(socket, &outgoing).await;
    let mut back = Vec::new();
    while back.len() < usize::from(COUNT) {
        back.extend(receive(socket).await.expect("the echo").into_iter().map(|(_, b)| b[0]));
    }
    assert_eq!(back, (0..COUNT).collect::<Vec<u8>>());
}

/// What cannot be sent is refused, and what was before it has been sent.
fn bad(socket: &impl Datagram, peer: SocketAddr) {
    let bytes = [0; 100];
    let zero = Outgoing { segment_size: Some(0), ..Outgoing::one(&bytes, peer, None) };
    let shreds = Outgoing { segment_size: Some(1), ..zero };
    let long = vec![0; 65_536];
    let long = Outgoing::one(&long, peer, None);
    for wrong in [zero, shreds, long] {
        let error = socket.try_send(&[wrong]).expect_err("it cannot be sent");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        let fine = Outgoing::one(&bytes, peer, None);
        assert_eq!(socket.try_send(&[fine, wrong]).expect("the first can be sent"), 1);
    }
    assert_eq!(socket.try_send(&[]).expect("nothing can be sent"), 0);
    socket.set_joining(Joining::Off);
}
