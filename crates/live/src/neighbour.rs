//! Step 2 as the kernel does it: its neighbour table, and how it changes.

use std::net::IpAddr;

use crate::netlink::{DUMP, Message, Netlink, attributes};
use crate::route::{Route, route_to};
use roundtrip_os::layout::{address, octets, u16_at, u32_at};
use roundtrip_record::{
    EventId, Evidence, InterfaceId, Log, NeighbourChanged, NeighbourState, Step, Time, Trace as _,
    Unseen, What,
};

const RTM_NEWNEIGH: u16 = 28;
const RTM_DELNEIGH: u16 = 29;
const RTM_GETNEIGH: u16 = 30;
/// `struct ndmsg`.
const NDMSG: usize = 12;
const NDA_DST: u16 = 1;
const NDA_LLADDR: u16 = 2;
/// `RTNLGRP_NEIGH`, as a mask.
const NEIGHBOURS: u32 = 1 << 2;

/// Watches one next hop while a connection is being opened.
pub(crate) struct Watch {
    socket: Netlink,
    route: Route,
    interface: InterfaceId,
    state: Option<NeighbourState>,
}

/// An entry of the table.
struct Entry {
    address: IpAddr,
    interface: u32,
    state: Option<NeighbourState>,
    mac: Option<String>,
}

impl Watch {
    /// Finds the route, reports what the table says of its next hop, and begins to watch. `None`
    /// where there is no next hop to find, or the kernel does not tell; the latter is reported.
    pub(crate) fn start(
        log: &Log,
        at: Time,
        to: IpAddr,
        cause: Option<EventId>,
        interface: impl FnOnce(&Route) -> InterfaceId,
    ) -> Option<Self> {
        if !log.is_on() {
            return None;
        }
        let route = route_to(to).ok()?;
        if route.local {
            return None;
        }
        let watch = move || -> std::io::Result<Self> {
            let socket = Netlink::open(None, NEIGHBOURS)?;
            let interface = interface(&route);
            Ok(Self { socket, route, interface, state: None })
        };
        match watch() {
            Ok(mut watch) => {
                let table = watch.table();
                for entry in table {
                    watch.report(log, at, cause, entry);
                }
                Some(watch)
            }
            Err(error) => {
                log.clone().emit(at, cause, || {
                    What::Unseen(Unseen {
                        step: Step::Neighbour,
                        what: format!("the neighbour table ({error})"),
                        needs: "a kernel that lets this process use rtnetlink".into(),
                    })
                });
                None
            }
        }
    }

    /// Reports what has changed since. Besides its notifications the table itself is looked at:
    /// the kernel does not announce that an entry has become INCOMPLETE.
    pub(crate) fn poll(&mut self, log: &Log, at: Time, cause: Option<EventId>) {
        let announced = self.socket.notifications();
        let mut entries: Vec<Entry> =
            announced.iter().filter_map(|message| self.entry(message)).collect();
        entries.extend(self.table());
        for entry in entries {
            self.report(log, at, cause, entry);
        }
    }

    /// The next hop whose entry has failed, if it has.
    pub(crate) fn failed(&self) -> Option<IpAddr> {
        matches!(self.state, Some(NeighbourState::Failed)).then_some(self.route.next_hop)
    }

    fn table(&self) -> Vec<Entry> {
        let mut body = vec![0; NDMSG];
        body[0] = octets(self.route.next_hop).0;
        let Ok(socket) = Netlink::open(None, 0) else { return Vec::new() };
        let answers = socket.ask(RTM_GETNEIGH, DUMP, &body).unwrap_or_default();
        answers.iter().filter_map(|message| self.entry(message)).collect()
    }

    /// The entry a message tells of, if it is the one watched.
    fn entry(&self, message: &Message) -> Option<Entry> {
        let mut entry = Entry {
            address: self.route.next_hop,
            interface: u32_at(&message.body, 4)?,
            state: match message.kind {
                RTM_NEWNEIGH => state(u16_at(&message.body, 8)?),
                RTM_DELNEIGH => Some(NeighbourState::Failed),
                _ => return None,
            },
            mac: None,
        };
        for (kind, value) in attributes(&message.body, NDMSG) {
            match kind {
                NDA_DST => entry.address = address(value)?,
                NDA_LLADDR => entry.mac = Some(mac(value)),
                _ => {}
            }
        }
        let ours = entry.address == self.route.next_hop && entry.interface == self.route.interface;
        ours.then_some(entry)
    }

    fn report(&mut self, log: &Log, at: Time, cause: Option<EventId>, entry: Entry) {
        let Some(to) = entry.state else { return };
        if self.state == Some(to) {
            return;
        }
        let (from, interface) = (self.state.replace(to), self.interface);
        log.clone().emit(at, cause, || {
            What::NeighbourChanged(NeighbourChanged {
                interface,
                address: entry.address,
                mac: entry.mac,
                from,
                to,
                how: Evidence::Observed("netlink".into()),
            })
        });
    }
}

/// `NUD_*` of `include/uapi/linux/neighbour.h`.
fn state(bits: u16) -> Option<NeighbourState> {
    const STATES: [(u16, NeighbourState); 8] = [
        (0x01, NeighbourState::Incomplete),
        (0x02, NeighbourState::Reachable),
        (0x04, NeighbourState::Stale),
        (0x08, NeighbourState::Delay),
        (0x10, NeighbourState::Probe),
        (0x20, NeighbourState::Failed),
        (0x40, NeighbourState::Noarp),
        (0x80, NeighbourState::Permanent),
    ];
    STATES.into_iter().find_map(|(bit, state)| (bits & bit != 0).then_some(state))
}

fn mac(bytes: &[u8]) -> String {
    let octets: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    octets.join(":")
}
