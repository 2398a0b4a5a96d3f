//! The wire of our own TCP/IP on a TAP device: a real network, and every packet is ours.
//!
//! A TAP device is a cable with two ends. The kernel holds one, as a network interface; this crate
//! holds the other, and puts a whole host on it: [`Tap`] is `wire`'s [`Stack`] over `host`, so what
//! runs here is what runs in the lab, against whatever the kernel's end leads to.
//!
//! ```no_run
//! use roundtrip_os::{Clock, Machine};
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
mod napi;
mod port;
mod settings;

use std::future::Future;
use std::io;
use std::time::Duration;

use roundtrip_host::{Config, Host, Interface, Kind, Offload, Route};
use roundtrip_os::{Clock, Machine, random};
use roundtrip_packet::EtherAddr;
use roundtrip_record::{Interface as Declared, Log, Role};
use roundtrip_wire::{Stack, Wire as _};

pub use device::TapError;
pub use port::{Tap, TapPort};
pub use settings::{Cidr, Offloading, Settings, SettingsError};

use device::Device;

/// How long connections may take to close when all is done.
const LEAVE: Duration = Duration::from_millis(500);

/// Runs `body` on the wire, on this thread, to its end. What was spawned ends with it.
///
/// While a record is kept nothing is offloaded, so that the capture holds the frames as they would
/// cross a cable. Afterwards connections get half a second to close, and are then reset. A device
/// that was made here is gone with that; one that was there before stays.
///
/// The kernel receives what we send in a thread of the device for as long as it is ours (threaded
/// NAPI). Where that is not to be had (before Linux 5.12, or `/sys` cannot be written) it does so
/// inside our `write`, which halves what we can send without offloads.
///
/// # Errors
/// The outer: no runtime can be had. The inner: no device can be had, and which privilege is missing;
/// it went away; or somebody else has one of our addresses.
pub fn run<T, F: Future<Output = T>>(
    settings: &Settings,
    clock: Clock,
    log: &Log,
    machine: Machine,
    body: impl FnOnce(Tap) -> F,
) -> io::Result<Result<T, TapError>> {
    roundtrip_os::run(async {
        let tap = open(settings, clock, log, machine)?;
        let carrying = tokio::task::spawn_local(port::carry(tap.clone()));
        let body = body(tap.clone());
        let result = tokio::select! { biased;
            trouble = tap.port().trouble() => Err(trouble),
            result = body => Ok(result),
        };
        if result.is_ok() {
            take_leave(&tap).await;
        }
        carrying.abort();
        result
    })
}

/// Lets connections finish that are being closed, and resets those that do not: once this host is
/// gone nobody answers for them. What is in `TIME_WAIT` owes the peer nothing.
async fn take_leave(tap: &Tap) {
    let until = tap.now() + LEAVE;
    while tap.host(|host| host.held().sockets) > 0 && tap.now() < until {
        tap.sleep_until(tap.now() + Duration::from_millis(1)).await;
    }
    tap.abort_all();
}

fn open(settings: &Settings, clock: Clock, log: &Log, machine: Machine) -> Result<Tap, TapError> {
    let offload = if log.is_on() { Offloading::Off } else { settings.offload };
    let device = Device::open(settings, offload)?;
    let mut seed = [0; 32];
    // Nobody may guess the host's ports and sequence numbers.
    random::fill(&mut seed);
    // Locally administered, unicast (IEEE 802 §8.2.2).
    let mac = EtherAddr([0x02, seed[27], seed[28], seed[29], seed[30], seed[31]]);
    let interface = Interface {
        id: log.interface_id(),
        name: settings.device.clone(),
        mac,
        mtu: device.mtu,
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
    let tap = Stack::new(host, TapPort::new(device, index, clock, machine), log);
    tap.check_addresses();
    Ok(tap)
}
