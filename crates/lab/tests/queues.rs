//! What a person feels of a queue: how long a small exchange takes beside a download.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use roundtrip_lab::{Internet, Net, Seed, Settings};
use roundtrip_record::{LinkCounts, Log, Role};
use roundtrip_wire::{Datagram as _, Listener as _, Wire as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// From the beginning of the download until the echo is asked for the first time: slow start is over.
const WARM_UP: Duration = Duration::from_secs(4);
const ASKED: u32 = 400;
const GAP: Duration = Duration::from_millis(20);

/// What was seen beside a download.
struct Seen {
    /// What each exchange took beyond the round-trip time, in order of size, milliseconds.
    delays: Vec<f64>,
    /// Bits per second of the download while the echo was asked.
    rate: f64,
    down: LinkCounts,
}

impl Seen {
    fn median(&self) -> f64 {
        self.delays[self.delays.len() / 2]
    }

    fn p95(&self) -> f64 {
        self.delays[self.delays.len() * 95 / 100]
    }
}

/// Downloads without end over 10 Mbit/s and 40 ms, and asks an echo beside it.
fn beside_a_download(queue: &str) -> Seen {
    let net: Net = format!("rtt=40ms,down=10Mbit,up=2Mbit,{queue}").parse().unwrap();
    let mut internet = Internet::new(Settings::new(net, Seed::new(7), Log::off()));
    let address = IpAddr::from(Internet::web_address(0));
    let server = internet.add_server("www", Role::WebServer, address);

    let mut listener = server.listen(SocketAddr::new(address, 80)).unwrap();
    let serve = async move {
        let mut stream = listener.accept().await.unwrap();
        let piece = vec![b'x'; 1 << 16];
        while stream.write_all(&piece).await.is_ok() {}
    };
    server.spawn(serve).detach();
    let socket = server.datagram(SocketAddr::new(address, 7)).unwrap();
    let echo = async move {
        loop {
            let packet = socket.receive().await.unwrap();
            socket.send_to(&packet.bytes, packet.from, None).await.unwrap();
        }
    };
    server.spawn(echo).detach();

    let client = internet.client().clone();
    let reader = client.clone();
    let read = async move {
        let mut stream = reader.connect(SocketAddr::new(address, 80), None, None).await.unwrap();
        let mut buffer = vec![0; 1 << 16];
        while stream.read(&mut buffer).await.unwrap() > 0 {}
    };
    client.spawn(read).detach();
    let down = internet.access()[1];
    let lab = internet.lab();
    let work = async move {
        client.sleep(WARM_UP).await;
        let before = (client.now(), lab.counts(down));
        let mut delays = Vec::new();
        for _ in 0..ASKED {
            // A lost question or answer costs no more than its patience; a port each tells them apart.
            let socket = client.datagram(SocketAddr::from(([0, 0, 0, 0], 0))).unwrap();
            let asked = client.now();
            socket.send_to(b"who is there", SocketAddr::new(address, 7), None).await.unwrap();
            let answer = async { Some(socket.receive().await.unwrap()) };
            let patience = async {
                client.sleep(Duration::from_secs(5)).await;
                None
            };
            if first_of(answer, patience).await.is_some() {
                delays.push((client.now() - asked).as_nanos() as f64 / 1e6 - 40.0);
            }
            client.sleep(GAP).await;
        }
        (delays, (client.now() - before.0).as_secs_f64(), before.1)
    };
    let (mut delays, seconds, before) = lab.run_until(work).unwrap();
    delays.sort_by(f64::total_cmp);
    let after = lab.counts(down);
    let delivered = (after.delivered - before.delivered) as f64 * 1_514.0 * 8.0;
    Seen { delays, rate: delivered / seconds, down: after }
}

/// The first of two that is done.
async fn first_of<T>(one: impl Future<Output = T>, other: impl Future<Output = T>) -> T {
    let (mut one, mut other) = (std::pin::pin!(one), std::pin::pin!(other));
    std::future::poll_fn(|context| match one.as_mut().poll(context) {
        std::task::Poll::Ready(value) => std::task::Poll::Ready(value),
        std::task::Poll::Pending => other.as_mut().poll(context),
    })
    .await
}

#[test]
fn codel_keeps_the_standing_queue_near_its_target() {
    println!("queue                      median ms    p95 ms   Mbit/s   full   aqm  peak");
    let mut seen = Vec::new();
    for queue in ["queue=1000p", "queue=100p", "aqm=codel", "aqm=codel,target=20ms", "aqm=fq_codel"]
    {
        let one = beside_a_download(queue);
        println!(
            "{queue:<26} {:>9.1} {:>9.1} {:>8.2} {:>6} {:>5} {:>5}",
            one.median(),
            one.p95(),
            one.rate / 1e6,
            one.down.queue_full,
            one.down.aqm,
            one.down.queue_peak
        );
        seen.push(one);
    }
    let [bloated, router, codel, relaxed, fair] = &seen[..] else { panic!("five") };
    assert!(bloated.median() > 500.0, "a thousand frames of 1.2 ms stand in the queue");
    assert!(router.median() > 50.0);
    assert!((1.0..8.0).contains(&codel.median()), "about the target of 5 ms");
    assert!(relaxed.median() > codel.median() + 3.0 && relaxed.median() < 30.0);
    assert!(fair.p95() < 3.0, "the echo never waits for the download's queue");
    for (one, least) in seen.iter().zip([9.5e6, 9.5e6, 8.5e6, 9.0e6, 8.5e6]) {
        assert!(one.rate > least, "the download still has its rate: {}", one.rate);
    }
    assert!(codel.down.aqm > 0 && codel.down.queue_full == 0);
}
