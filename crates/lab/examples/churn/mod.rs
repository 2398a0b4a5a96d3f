//! Very many short connections: handshake, 1 KiB, close.

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use roundtrip_host::Held;
use roundtrip_lab::{End, Forwarding, Lab, LabHost, Rate, Seed, Shape, Stuck};
use roundtrip_record::{Log, Role, Time};
use roundtrip_wire::{Listener as _, Wire as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Bytes of an answer.
const ANSWER: usize = 1024;
/// From a client to the server.
const DELAY: Duration = Duration::from_millis(20);
/// How often is looked what the server holds: every so many connections.
const LOOK: u32 = 64;

/// Clients on networks of their own, which fetch 1 KiB from one server again and again. The
/// server closes first, as HTTP/1.0 has it, so that `TIME_WAIT` is its.
pub(crate) struct Churn {
    /// How many connections.
    pub(crate) connections: u32,
    /// How many at a time.
    pub(crate) concurrency: u32,
    /// From how many addresses.
    pub(crate) clients: u8,
}

/// What came of it.
pub(crate) struct Outcome {
    /// Frames on all links.
    pub(crate) frames: u64,
    /// Virtual time until the last connection was closed by its client.
    pub(crate) took: Time,
    /// The most that was seen at the server: sockets, and those in `TIME_WAIT`.
    pub(crate) most: (usize, usize),
    /// What the server holds after `TIME_WAIT` is over everywhere.
    pub(crate) left: Held,
}

impl Churn {
    pub(crate) fn carry_out(&self) -> Result<Outcome, Stuck> {
        let mut lab = Lab::new(Seed::new(1), SystemTime::UNIX_EPOCH, Log::off());
        let server = lab.add_host("server", Role::WebServer, Forwarding::Off);
        let clients = (0..self.clients).map(|number| client(&mut lab, &server, number));
        let clients: Vec<LabHost> = clients.collect();
        server.spawn(serve(server.clone())).detach();

        let left = Rc::new(Cell::new(self.connections));
        let most = Rc::new(Cell::new((0, 0)));
        let took = lab.run_until(async {
            let tasks: Vec<_> = (0..self.concurrency)
                .map(|number| {
                    let network = (number % u32::from(self.clients)) as u8;
                    let client = &clients[usize::from(network)];
                    let (left, most) = (Rc::clone(&left), Rc::clone(&most));
                    client.spawn(fetch_all(client.clone(), server.clone(), network, left, most))
                })
                .collect();
            for task in tasks {
                task.await;
            }
            server.now()
        })?;
        assert!(lab.settle(took + Duration::from_secs(200))?, "something never ends");
        let frames = lab.all_counts().iter().map(|counts| counts.frames).sum();
        Ok(Outcome { frames, took, most: most.get(), left: server.host(|host| host.held()) })
    }
}

fn address(network: u8, end: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, network, 0, end)
}

/// A client with a link to the server.
fn client(lab: &mut Lab, server: &LabHost, network: u8) -> LabHost {
    let client = lab.add_host(&format!("client{network}"), Role::Client, Forwarding::Off);
    let end = |host, number| End {
        host,
        addresses: vec![(address(network, number).into(), 24)],
        shape: Shape { rate: Rate::Constant(10_000_000_000), ..Shape::ideal(DELAY) },
    };
    lab.link(&end(&client, 1), &end(server, 2));
    client
}

async fn serve(server: LabHost) {
    let at = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 80));
    let mut listener = server.listen(at).expect("the port is free");
    loop {
        let Ok(mut stream) = listener.accept().await else { continue };
        let answer = async move {
            stream.write_all(&[b'x'; ANSWER]).await?;
            stream.shutdown().await?;
            // The client's FIN.
            stream.read(&mut [0]).await.map(drop)
        };
        let answer = async { answer.await.expect("no connection breaks here") };
        server.spawn(answer).detach();
    }
}

async fn fetch_all(
    client: LabHost,
    server: LabHost,
    network: u8,
    left: Rc<Cell<u32>>,
    most: Rc<Cell<(usize, usize)>>,
) {
    let at = SocketAddr::from((address(network, 2), 80));
    let mut answer = Vec::with_capacity(ANSWER);
    while let Some(rest) = left.get().checked_sub(1) {
        left.set(rest);
        let mut stream = client.connect(at, None, None).await.expect("the server listens");
        answer.clear();
        stream.read_to_end(&mut answer).await.expect("no connection breaks here");
        assert_eq!(answer.len(), ANSWER);
        drop(stream);
        if rest % LOOK == 0 {
            let Held { sockets, time_wait, .. } = server.host(|host| host.held());
            let (most_sockets, most_waiting) = most.get();
            most.set((most_sockets.max(sockets), most_waiting.max(time_wait)));
        }
    }
}
