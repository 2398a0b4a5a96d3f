//! Two hosts of smoltcp whose frames are handed over in memory.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpAddress, IpCidr};

/// Frames on their way, and buffers that are not in use.
#[derive(Default)]
struct Cable {
    frames: VecDeque<Vec<u8>>,
    free: Vec<Vec<u8>>,
}

type Shared = Rc<RefCell<Cable>>;

/// One end of two cables.
struct Port {
    from: Shared,
    to: Shared,
}

struct Received(Vec<u8>, Shared);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        let result = read(&self.0);
        self.1.borrow_mut().free.push(self.0);
        result
    }
}

struct Sending(Shared);

impl TxToken for Sending {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        let mut frame = self.0.borrow_mut().free.pop().unwrap_or_default();
        frame.resize(length, 0);
        let result = write(&mut frame);
        self.0.borrow_mut().frames.push_back(frame);
        result
    }
}

impl Device for Port {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sending)> {
        let frame = self.from.borrow_mut().frames.pop_front()?;
        Some((Received(frame, Rc::clone(&self.from)), Sending(Rc::clone(&self.to))))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending> {
        Some(Sending(Rc::clone(&self.to)))
    }

    /// All checksums are computed and verified: the default.
    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

struct End {
    port: Port,
    interface: Interface,
    sockets: SocketSet<'static>,
    socket: SocketHandle,
}

impl End {
    fn new(number: u8, from: &Shared, to: &Shared, buffer: usize) -> Self {
        let mut port = Port { from: Rc::clone(from), to: Rc::clone(to) };
        let mac = EthernetAddress([2, 0, 0, 0, 0, number]);
        let config = Config::new(HardwareAddress::Ethernet(mac));
        let mut interface = Interface::new(config, &mut port, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            let address = IpCidr::new(IpAddress::v4(10, 0, 0, number), 24);
            addresses.push(address).expect("there is room for one");
        });
        let room = || SocketBuffer::new(vec![0; buffer]);
        let mut socket = Socket::new(room(), room());
        socket.set_nagle_enabled(false);
        let mut sockets = SocketSet::new(Vec::new());
        let socket = sockets.add(socket);
        Self { port, interface, sockets, socket }
    }

    fn socket(&mut self) -> &mut Socket<'static> {
        self.sockets.get_mut(self.socket)
    }

    fn poll(&mut self, now: Instant) {
        self.interface.poll(now, &mut self.port, &mut self.sockets);
    }
}

pub(crate) struct SmoltcpPair {
    now: Instant,
    client: End,
    server: End,
    cables: [Shared; 2],
}

impl SmoltcpPair {
    /// A connection whose sockets have so much room each way.
    pub(crate) fn connected(buffer: usize) -> Self {
        let cables = [Shared::default(), Shared::default()];
        let [there, back] = &cables;
        let (client, server) = (End::new(1, back, there, buffer), End::new(2, there, back, buffer));
        let mut pair = Self { now: Instant::ZERO, client, server, cables };
        pair.server.socket().listen(80).expect("it is new");
        let End { interface, sockets, socket, .. } = &mut pair.client;
        let to = (IpAddress::v4(10, 0, 0, 2), 80);
        let socket = sockets.get_mut::<Socket<'_>>(*socket);
        socket.connect(interface.context(), to, 40_000).expect("it is new");
        while !pair.server.socket().may_send() {
            pair.exchange();
        }
        pair
    }

    /// Hands frames over until there are none, and lets 100 µs pass.
    pub(crate) fn exchange(&mut self) {
        loop {
            self.client.poll(self.now);
            self.server.poll(self.now);
            if self.cables.iter().all(|cable| cable.borrow().frames.is_empty()) {
                break;
            }
        }
        self.now += Duration::from_micros(100);
    }

    /// Writes at most so many bytes, whatever they are.
    pub(crate) fn write(&mut self, most: usize) -> usize {
        let socket = self.client.socket();
        let mut written = 0;
        while written < most && socket.can_send() {
            let fill = |room: &mut [u8]| {
                let count = room.len().min(most - written);
                (count, count)
            };
            written += socket.send(fill).expect("it is open");
        }
        written
    }

    /// Takes what has arrived.
    pub(crate) fn read(&mut self) -> usize {
        let socket = self.server.socket();
        let mut read = 0;
        while socket.can_recv() {
            read += socket.recv(|bytes| (bytes.len(), bytes.len())).expect("it is open");
        }
        read
    }
}
