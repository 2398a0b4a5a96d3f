//! Two hosts whose frames are handed over in memory: no link, no delay, checksums on.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use roundtrip_host::{
    Config, Host, IfIndex, Interface, Limits, ListenerId, Offload, Received, SocketId,
};
use roundtrip_packet::{Envelope, EtherAddr, Flags, IpHeader, Link, Protocol, Verify, tcp};
use roundtrip_record::{InterfaceId, Off, Time};

/// Connections from one address to one port: less than half of the ephemeral ports. When the even
/// ones are used up, each further connection looks at all of them in vain, as in Linux.
const PER_ADDRESS: usize = 10_000;

const RECEIVED: Received = Received { verify: Verify::Full, segment_size: None, cause: None };

pub(crate) struct Pair {
    pub(crate) now: Time,
    pub(crate) client: Host,
    pub(crate) server: Host,
    eth: IfIndex,
    listener: ListenerId,
    frame: Vec<u8>,
    /// Frames that were handed over.
    pub(crate) frames: u64,
}

fn host(end: u8, addresses: u8, offload: Offload) -> (Host, IfIndex) {
    // All SYNs come at one instant here, which is not what the limits are for.
    let limits = Limits { syn_backlog: 1 << 20, ..Limits::default() };
    let mut host = Host::new(Config { seed: [end; 32], limits, ..Config::default() });
    let mac = |end| EtherAddr([2, 0, 0, 0, 0, end]);
    let interface = Interface::ethernet(InterfaceId(0), "eth0", mac(end));
    let eth = host.add_interface(Interface { offload, ..interface });
    for number in 0..addresses {
        host.add_address(eth, address(end, number), 16);
        host.add_neighbour(eth, address(3 - end, number), mac(3 - end));
    }
    (host, eth)
}

fn address(end: u8, number: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, end, number + 1).into()
}

impl Pair {
    pub(crate) fn new(offload: Offload) -> Self {
        let ((client, eth), (mut server, _)) = (host(1, 10, offload), host(2, 10, offload));
        let at = SocketAddr::new(address(2, 0), 80);
        let listener = server.listen(at, 1 << 20).expect("the port is free");
        Self { now: Time::ZERO, client, server, eth, listener, frame: Vec::new(), frames: 0 }
    }

    /// Opens `count` more connections: both ends of each.
    pub(crate) fn connect(&mut self, count: usize) -> Vec<(SocketId, SocketId)> {
        (0..count)
            .map(|number| {
                let from = address(1, (number / PER_ADDRESS) as u8);
                let local = Some(SocketAddr::new(from, 0));
                let to = SocketAddr::new(address(2, 0), 80);
                let client = self.client.connect(self.now, to, local, None, None, &mut Off);
                let client = client.expect("there are ports enough");
                self.exchange();
                (client, self.server.accept(self.listener).expect("the handshake is complete"))
            })
            .collect()
    }

    /// Hands frames over until neither end has any.
    pub(crate) fn exchange(&mut self) {
        loop {
            let before = self.frames;
            let Self { now, client, server, eth, frame, frames, .. } = self;
            while client.poll_transmit(*now, frame, &mut Off).is_some() {
                server.handle_frame(*now, *eth, frame, RECEIVED, &mut Off);
                *frames += 1;
            }
            while server.poll_transmit(*now, frame, &mut Off).is_some() {
                client.handle_frame(*now, *eth, frame, RECEIVED, &mut Off);
                *frames += 1;
            }
            if *frames == before {
                break;
            }
        }
        while self.client.poll_event().is_some() || self.server.poll_event().is_some() {}
    }

    fn segment(local: SocketAddr, header: &tcp::Header) -> Vec<u8> {
        let link = Link {
            source: EtherAddr([2, 0, 0, 0, 0, 1]),
            destination: EtherAddr([2, 0, 0, 0, 0, 2]),
        };
        let ip = IpHeader::new(local.ip(), address(2, 0), Protocol::TCP).expect("both are IPv4");
        let mut frame = Vec::new();
        let written = Envelope::new(link, ip).emit_tcp(header, [&[], &[]], &mut frame);
        written.expect("it fits");
        frame
    }

    /// A reset from nobody to nobody.
    pub(crate) fn reset_frame() -> Vec<u8> {
        let header = tcp::Header { flags: Flags::RST, ..tcp::Header::new(9, 9) };
        Self::segment(SocketAddr::new(address(1, 0), 9), &header)
    }

    /// Hands one frame to the server, and drops what it answers.
    pub(crate) fn hand_over(&mut self, bytes: &[u8]) {
        self.server.handle_frame(self.now, self.eth, bytes, RECEIVED, &mut Off);
        while self.server.poll_transmit(self.now, &mut self.frame, &mut Off).is_some() {}
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, until: Time) {
        self.now = until;
        self.client.handle_timeout(until, &mut Off);
        self.server.handle_timeout(until, &mut Off);
        self.exchange();
    }
}
