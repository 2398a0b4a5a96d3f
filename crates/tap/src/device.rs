//! The TAP device (Linux `Documentation/networking/tuntap.rst`). All of this crate's `unsafe` is here.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;

use roundtrip_os::syscall::watch;
use rustix::net::{AddressFamily, SocketType, socket};
use tokio::io::unix::AsyncFd;

use crate::header;
use crate::napi::{Receiver, Threaded};
use crate::settings::{Cidr, Offloading, Settings};

const TUNSETIFF: libc::c_ulong = 0x4004_54ca;
const TUNSETOFFLOAD: libc::c_ulong = 0x4004_54d0;
const TUNSETVNETHDRSZ: libc::c_ulong = 0x4004_54d8;
const IFF_TAP: i16 = 0x0002;
const IFF_NAPI: i16 = 0x0010;
const IFF_NO_PI: i16 = 0x1000;
const IFF_VNET_HDR: i16 = 0x4000;
/// `TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN`.
const OFFLOADS: libc::c_ulong = 0x1 | 0x2 | 0x4 | 0x8;

/// An open device.
pub(crate) struct Device {
    pub(crate) name: String,
    /// Where the kernel receives what we write. Goes before the device does.
    _threaded: Option<Threaded>,
    pub(crate) descriptor: AsyncFd<OwnedFd>,
    /// Frames carry a `virtio_net_hdr`.
    pub(crate) vnet_header: bool,
    /// Largest IP packet, bytes.
    pub(crate) mtu: u16,
}

/// Why there is no device.
#[derive(Debug, thiserror::Error)]
pub enum TapError {
    /// The kernel has no TUN/TAP driver, or hides it.
    #[error(
        "/dev/net/tun is not there: the kernel module tun is not loaded, or this container does not have the device"
    )]
    NoDriver,
    /// The device may not be opened or made.
    #[error(
        "{device}: not permitted. It takes CAP_NET_ADMIN (run as root), or a device made for you: ip tuntap add {device} mode tap user $USER"
    )]
    NotPermitted {
        /// Its name.
        device: String,
    },
    /// Something else holds it.
    #[error("{device} is in use by another program")]
    Busy {
        /// Its name.
        device: String,
    },
    /// The other end of the device could not be set up.
    #[error("{device} was made, but its kernel end could not be given {address}: {why}")]
    Unconfigured {
        /// Its name.
        device: String,
        /// The address meant for it.
        address: IpAddr,
        /// What the kernel said.
        why: io::Error,
    },
    /// It was there before, and is switched off.
    #[error("{device} is down: ip link set {device} up")]
    Down {
        /// Its name.
        device: String,
    },
    /// It was taken away while it was in use.
    #[error("{device} went away while it was in use: somebody has removed it")]
    Gone {
        /// Its name.
        device: String,
    },
    /// One of our addresses is another host's (RFC 5227, RFC 4862 §5.4).
    #[error(
        "{address} on {device} is somebody else's: the kernel's end or another host on that network answers for it; take another one (addr=…)"
    )]
    AddressTaken {
        /// The device's name.
        device: String,
        /// The address.
        address: IpAddr,
    },
    /// Anything else the kernel said.
    #[error("{device}: {why}")]
    Failed {
        /// Its name.
        device: String,
        /// What the kernel said.
        why: io::Error,
    },
}

impl Device {
    /// Opens the device, and makes it first where there is none. The kernel's end of one made here
    /// gets the gateways' addresses, since nobody else could have been told of it.
    pub(crate) fn open(settings: &Settings, offload: Offloading) -> Result<Self, TapError> {
        let device = settings.device.clone();
        let failed = |why: io::Error| TapError::Failed { device: device.clone(), why };
        let control = socket(AddressFamily::INET, SocketType::DGRAM, None)
            .map_err(|why| failed(why.into()))?;
        let made = rustix::net::netdevice::name_to_index(&control, &device).is_err();
        let (mut file, mut vnet_header) = attach(&device, offload, Receiver::Thread)?;
        let threaded = hardware_address(&control, &device)
            .ok()
            .and_then(|address| Threaded::ask(&device, address));
        if threaded.is_none() {
            drop(file);
            (file, vnet_header) = attach(&device, offload, Receiver::Write)?;
        }
        // What an earlier user of the device has set is still set.
        if vnet_header {
            set_header_length(&file).map_err(failed)?;
        }
        let offloads = if vnet_header { OFFLOADS } else { 0 };
        if set_offload(&file, offloads).is_err() {
            set_offload(&file, 0).map_err(failed)?;
        }
        let mtu = if made {
            bring_up(settings)?
        } else {
            let there = Existing::read(&control, &device).map_err(failed)?;
            if !there.is_up {
                return Err(TapError::Down { device });
            }
            settings.mtu.unwrap_or(there.mtu)
        };
        let descriptor = watch(file.into()).map_err(failed)?;
        Ok(Self { name: device, _threaded: threaded, descriptor, vnet_header, mtu })
    }
}

/// What was set up of a device that was there before.
struct Existing {
    is_up: bool,
    mtu: u16,
}

impl Existing {
    fn read(control: &OwnedFd, device: &str) -> io::Result<Self> {
        let mut asked = request(device);
        ioctl(control.as_raw_fd(), libc::SIOCGIFFLAGS, &mut asked)?;
        // SAFETY: the kernel has just written this member of the union.
        let flags = unsafe { asked.ifr_ifru.ifru_flags };
        ioctl(control.as_raw_fd(), libc::SIOCGIFMTU, &mut asked)?;
        // SAFETY: as before.
        let mtu = unsafe { asked.ifr_ifru.ifru_mtu };
        let mtu = u16::try_from(mtu).unwrap_or(u16::MAX);
        Ok(Self { is_up: flags & libc::IFF_UP as i16 != 0, mtu })
    }
}

/// Opens the driver and takes hold of the device, which is made if there is none. Says whether
/// frames carry a `virtio_net_hdr`.
fn attach(device: &str, offload: Offloading, receiver: Receiver) -> Result<(File, bool), TapError> {
    let not_permitted = || TapError::NotPermitted { device: device.to_owned() };
    let failed = |why| TapError::Failed { device: device.to_owned(), why };
    let tun = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open("/dev/net/tun");
    let file = tun.map_err(|why| match why.kind() {
        io::ErrorKind::NotFound => TapError::NoDriver,
        io::ErrorKind::PermissionDenied => not_permitted(),
        _ => failed(why),
    })?;
    let napi = match receiver {
        Receiver::Write => 0,
        Receiver::Thread => IFF_NAPI,
    };
    let set = |flags: i16| {
        let mut request = request(device);
        request.ifr_ifru.ifru_flags = IFF_TAP | IFF_NO_PI | napi | flags;
        ioctl(file.as_raw_fd(), TUNSETIFF, &mut request)
    };
    if offload == Offloading::Allowed && set(IFF_VNET_HDR).is_ok() {
        return Ok((file, true));
    }
    set(0).map_err(|why| match why.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => not_permitted(),
        Some(libc::EBUSY) => TapError::Busy { device: device.to_owned() },
        // Not a TAP device, or one of several queues.
        _ => failed(why),
    })?;
    Ok((file, false))
}

/// The hardware address of the kernel's end.
fn hardware_address(control: &OwnedFd, device: &str) -> io::Result<[u8; 6]> {
    let mut asked = request(device);
    ioctl(control.as_raw_fd(), libc::SIOCGIFHWADDR, &mut asked)?;
    // SAFETY: the kernel has just written this member of the union.
    let data = unsafe { asked.ifr_ifru.ifru_hwaddr.sa_data };
    Ok(core::array::from_fn(|at| data[at] as u8))
}

fn set_offload(file: &File, offloads: libc::c_ulong) -> io::Result<()> {
    // SAFETY: this request takes its argument by value and touches no memory of ours.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), TUNSETOFFLOAD as _, offloads) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The kernel counts on headers as `header` has them, also where an earlier user wanted longer ones.
fn set_header_length(file: &File) -> io::Result<()> {
    ioctl(file.as_raw_fd(), TUNSETVNETHDRSZ, &mut (header::LENGTH as libc::c_int))
}

/// Gives the kernel's end its addresses and switches it on. Gives the MTU.
fn bring_up(settings: &Settings) -> Result<u16, TapError> {
    let size = settings.mtu.unwrap_or(1500);
    // Nobody else is on a cable made just now: the kernel need not look for duplicates of its own
    // IPv6 addresses for two seconds. If it may not be told so, it does.
    let _ = std::fs::write(format!("/proc/sys/net/ipv6/conf/{}/accept_dad", settings.device), "0");
    let failed = |why| TapError::Failed { device: settings.device.clone(), why };
    let control = socket(AddressFamily::INET, SocketType::DGRAM, None)
        .map_err(|error| failed(error.into()))?;
    let mut flags = request(&settings.device);
    ioctl(control.as_raw_fd(), libc::SIOCGIFFLAGS, &mut flags).map_err(failed)?;
    // SAFETY: the kernel has just written this member of the union.
    let now = unsafe { flags.ifr_ifru.ifru_flags };
    flags.ifr_ifru.ifru_flags = now | libc::IFF_UP as i16;
    let mut mtu = request(&settings.device);
    mtu.ifr_ifru.ifru_mtu = i32::from(size);
    ioctl(control.as_raw_fd(), libc::SIOCSIFMTU, &mut mtu).map_err(failed)?;
    ioctl(control.as_raw_fd(), libc::SIOCSIFFLAGS, &mut flags).map_err(failed)?;
    for gateway in &settings.gateways {
        let Some(ours) = settings.addresses.iter().find(|cidr| cidr.contains(*gateway)) else {
            continue;
        };
        let end = Cidr { address: *gateway, prefix_len: ours.prefix_len };
        let set = match gateway {
            IpAddr::V4(_) => set_v4(&settings.device, end),
            IpAddr::V6(_) => set_v6(&settings.device, end),
        };
        set.map_err(|why| TapError::Unconfigured {
            device: settings.device.clone(),
            address: *gateway,
            why,
        })?;
    }
    Ok(size)
}

fn set_v4(device: &str, end: Cidr) -> io::Result<()> {
    let IpAddr::V4(address) = end.address else { return Ok(()) };
    let control = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    let mask = u32::MAX.checked_shl(32 - u32::from(end.prefix_len)).unwrap_or(0);
    for (call, bits) in [(libc::SIOCSIFADDR, address.to_bits()), (libc::SIOCSIFNETMASK, mask)] {
        let mut set = request(device);
        let word = bits.to_be_bytes();
        // struct sockaddr_in: family, port, address.
        set.ifr_ifru.ifru_addr.sa_family = libc::AF_INET as u16;
        // SAFETY: the member was written by the line above.
        let data = unsafe { &mut set.ifr_ifru.ifru_addr.sa_data };
        for (slot, byte) in data[2..6].iter_mut().zip(word) {
            *slot = byte as libc::c_char;
        }
        ioctl(control.as_raw_fd(), call, &mut set)?;
    }
    Ok(())
}

fn set_v6(device: &str, end: Cidr) -> io::Result<()> {
    let IpAddr::V6(address) = end.address else { return Ok(()) };
    let control = socket(AddressFamily::INET6, SocketType::DGRAM, None)?;
    let index = rustix::net::netdevice::name_to_index(&control, device)?;
    let mut set = libc::in6_ifreq {
        ifr6_addr: libc::in6_addr { s6_addr: address.octets() },
        ifr6_prefixlen: end.prefix_len.into(),
        ifr6_ifindex: index as i32,
    };
    ioctl(control.as_raw_fd(), libc::SIOCSIFADDR, &mut set)
}

fn request(device: &str) -> libc::ifreq {
    // SAFETY: all-zero is a valid ifreq.
    let mut request: libc::ifreq = unsafe { core::mem::zeroed() };
    for (slot, byte) in request.ifr_name.iter_mut().take(15).zip(device.bytes()) {
        *slot = byte as libc::c_char;
    }
    request
}

fn ioctl<T>(descriptor: i32, call: libc::c_ulong, argument: &mut T) -> io::Result<()> {
    // SAFETY: every caller passes the structure that its request reads and writes (netdevice(7),
    // tuntap.rst), and it lives through the call.
    let result = unsafe { libc::ioctl(descriptor, call as _, core::ptr::from_mut(argument)) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
