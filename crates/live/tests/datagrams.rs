//! UDP sockets of the kernel over loopback.

#[path = "../../../tests/datagrams.rs"]
mod datagrams;

use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use std::io::{ErrorKind, IoSliceMut};
use std::net::SocketAddr;

use roundtrip_live::{Live, Settings, run};
use roundtrip_os::Clock;
use roundtrip_record::Log;
use roundtrip_wire::{Datagram as _, Ecn, Fragmentation, Incoming, Joining, Outgoing, Wire as _};

fn live<T, F: Future<Output = T>>(body: impl FnOnce(Live) -> F) -> T {
    run(Clock::start(), Log::off(), Settings::default(), body).expect("a runtime")
}

fn talk(any: &str, local: &str, at: &str) {
    let [any, local, at]: [SocketAddr; 3] = [any, local, at].map(|text| text.parse().unwrap());
    live(|live| async move {
        let socket = live.datagram(any).expect("a port");
        let at = SocketAddr::new(at.ip(), socket.local().port());
        let _echo = live.spawn(datagrams::echo(socket));
        datagrams::talk(live, local, at).await;
    });
}

#[test]
fn the_contract_holds() {
    talk("0.0.0.0:0", "0.0.0.0:0", "127.0.0.1:0");
    // The reply comes from where the question went to, which is not what the route would choose.
    talk("0.0.0.0:0", "127.0.0.1:0", "127.0.0.9:0");
}

#[test]
fn the_contract_holds_over_ipv6() {
    if std::net::UdpSocket::bind("[::1]:0").is_err() {
        return; // a machine without IPv6
    }
    talk("[::]:0", "[::1]:0", "[::1]:0");
}

#[test]
fn what_is_cut_is_joined_again() {
    const SIZE: usize = 1000;
    live(|live| async move {
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let (from, to) = (live.datagram(any).unwrap(), live.datagram(any).unwrap());
        to.set_joining(Joining::On);
        assert!(to.max_receive_segments() > 1, "a kernel before 5.0?");
        let bytes: Vec<u8> = (0..SIZE * 4 + 7).map(|n| (n / SIZE) as u8).collect();
        let train = Outgoing {
            segment_size: Some(SIZE),
            ecn: Ecn::Ect1,
            ..Outgoing::one(&bytes, to.local(), None)
        };
        assert_eq!(from.try_send(&[train]).expect("room"), 1);
        let mut buffer = vec![0; 65_535];
        let mut incoming = [Incoming::NOTHING];
        let before = live.now();
        let count = poll_fn(|context| {
            to.poll_receive(context, &mut [IoSliceMut::new(&mut buffer)], &mut incoming)
        });
        assert_eq!(count.await.expect("they came"), 1);
        let [one] = incoming;
        assert_eq!((one.length, one.stride, one.ecn), (bytes.len(), SIZE, Ecn::Ect1));
        assert_eq!(buffer[..one.length], bytes);
        let arrived = one.arrived.expect("the kernel stamps them");
        assert!(arrived <= live.now() && arrived + core::time::Duration::from_secs(1) > before);
        // One by one for those who ask so.
        assert_eq!(from.try_send(&[train]).expect("room"), 1);
        for chunk in bytes.chunks(SIZE) {
            assert_eq!(to.receive().await.expect("one of them").bytes, chunk);
        }
    });
}

#[test]
fn a_closed_port_refuses_and_the_socket_goes_on() {
    live(|live| async move {
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let closed = live.datagram(any).unwrap().local();
        let socket = live.datagram(any).unwrap();
        for _ in 0..3 {
            socket.send_to(b"anybody?", closed, None).await.expect("sent");
            let mut buffer = [0; 100];
            let refused = poll_fn(|context| {
                let buffers = &mut [IoSliceMut::new(&mut buffer)];
                socket.poll_receive(context, buffers, &mut [Incoming::NOTHING])
            });
            assert_eq!(refused.await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        }
        let own = socket.local();
        socket.send_to(b"myself", own, None).await.expect("sent");
        assert_eq!(socket.receive().await.expect("received").bytes, b"myself");
    });
}

#[test]
fn what_is_not_there_is_waited_for_and_what_has_no_room_is_cut_off() {
    live(|live| async move {
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let (from, to) = (live.datagram(any).unwrap(), live.datagram(any).unwrap());
        from.set_fragmentation(Fragmentation::Forbidden).expect("every kernel can");
        // Nothing is there: neither is anything given, nor is the processor kept busy.
        let mut buffer = [0; 10];
        let mut incoming = [Incoming::NOTHING];
        let mut receive = pin!(poll_fn(|context| {
            to.poll_receive(context, &mut [IoSliceMut::new(&mut buffer)], &mut incoming)
        }));
        let once = poll_fn(|context| Poll::Ready(receive.as_mut().poll(context)));
        assert!(once.await.is_pending());
        from.send_to(b"longer than the buffer", to.local(), None).await.expect("sent");
        assert_eq!(receive.await.expect("cut off"), 1);
        assert_eq!((incoming[0].length, &buffer), (10, b"longer tha"));
    });
}
