//! The wire of our own TCP/IP on a TAP device: a real network, and every packet is ours.
//!
//! A TAP device is a cable with two ends. The kernel holds one, as a network interface; this crate
//! holds the other, and puts a whole host on it: [`Tap`] is `wire`'s [`Stack`] over `host`, so what
//! runs here is what runs in the lab, against whatever the kernel's end leads to.
//!
//! ```no_run
//! use roundtrip_live::{Clock, Machine};
//! use roundtrip_record::Log;
//! use roundtrip_wire::Wire as _;
//!
//! let settings: roundtrip_tap::Settings = "tap:rt0,addr=10.9.0.1/24,gw=10.9.0.2".parse()?;
//! roundtrip_tap::run(&settings, Clock::start(), &Log::off(), Machine::default(), |tap| async move {
//!     tap.connect("10.9.0.2:80".parse().unwrap(), None, None).await.is_ok()
//! })??;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod device;
mod header;
mod port;
mod settings;

use std::future::Future;
use std::io;
use std::rc::Rc;

use roundtrip_host::{Config, Host, Interface, Kind, Offload, Route};
use roundtrip_live::{Clock, Machine};
use roundtrip_packet::EtherAddr;
use roundtrip_record::{Interface as Declared, Log, Role};
use roundtrip_wire::Stack;
use tokio::task::LocalSet;

pub use device::TapError;
pub use port::TapPort;
pub use settings::{Cidr, Offloading, Settings, SettingsError};

use device::Device;

/// A host of our own behind a TAP device.
pub type Tap = Stack<TapPort>;

/// Runs `body` on the wire, on this thread, to its end. What was spawned ends with it.
///
/// While a record is kept nothing is offloaded, so that the capture holds the frames as they would
/// cross a cable.
///
/// # Errors
/// The outer: no runtime can be had. The inner: no device can be had, and which privilege is missing.
pub fn run<T, F: Future<Output = T>>(
    settings: &Settings,
    clock: Clock,
    log: &Log,
    machine: Machine,
    body: impl FnOnce(Tap) -> F,
) -> io::Result<Result<T, TapError>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tasks = LocalSet::new();
    let result = tasks.block_on(&runtime, async {
        let tap = open(settings, clock, log, machine)?;
        let carrying = tokio::task::spawn_local(port::carry(tap.clone()));
        let result = body(tap).await;
        carrying.abort();
        Ok(result)
    });
    drop(tasks);
    runtime.shutdown_background();
    Ok(result)
}

fn open(settings: &Settings, clock: Clock, log: &Log, machine: Machine) -> Result<Tap, TapError> {
    let offload = if log.is_on() { Offloading::Off } else { settings.offload };
    let device = Device::open(settings, offload)?;
    let mut seed = [0; 32];
    chance(&mut seed);
    // Locally administered, unicast (IEEE 802 §8.2.2).
    let mac = EtherAddr([0x02, seed[27], seed[28], seed[29], seed[30], seed[31]]);
    let interface = Interface {
        id: log.interface_id(),
        name: settings.device.clone(),
        mac,
        mtu: settings.mtu,
        offload: Offload { tso: device.vnet_header, checksum: device.vnet_header },
        kind: Kind::Ethernet,
    };
    let declared = Declared {
        id: interface.id,
        name: interface.name.clone(),
        mac: mac.to_string(),
        addresses: settings.addresses.iter().map(|cidr| cidr.address).collect(),
    };
    let log = log.of(log.host("client", Role::Client, &[declared]));
    let mut host = Host::new(Config { host: log.host_id(), seed, ..Config::default() });
    let index = host.add_interface(interface);
    for cidr in &settings.addresses {
        host.add_address(index, cidr.address, cidr.prefix_len);
    }
    for gateway in &settings.gateways {
        let everywhere: std::net::IpAddr = if gateway.is_ipv4() {
            std::net::Ipv4Addr::UNSPECIFIED.into()
        } else {
            std::net::Ipv6Addr::UNSPECIFIED.into()
        };
        host.add_route(Route {
            to: everywhere,
            prefix_len: 0,
            via: Some(*gateway),
            interface: index,
        });
    }
    Ok(Stack::new(host, TapPort::new(Rc::new(device), index, clock, machine), log))
}

/// The host's seed: nobody may guess its ports and sequence numbers.
fn chance(bytes: &mut [u8; 32]) {
    let mut filled = 0;
    while filled < bytes.len() {
        let flags = rustix::rand::GetRandomFlags::empty();
        match rustix::rand::getrandom(&mut bytes[filled..], flags) {
            Ok(count) => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            // Only a kernel older than 3.17 has no getrandom; there is no safe way on.
            Err(error) => unreachable!("getrandom: {error}"),
        }
    }
}
