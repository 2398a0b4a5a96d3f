//! The world that a script's events act on: the host on its wire, the descriptors of the program
//! that uses it, and the connections as the script sees them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use roundtrip_host::{Host, KnownServers};
use roundtrip_packet::{Flags, Transport, Verify, parse_packet};
use roundtrip_record::Time;

use super::expect::{self, Sent};
use super::fault::Fault;
use super::flow::{Flow, Numbers, Stage};
use super::net::{Captured, Net};
use super::wire;
use crate::ast::{Body, PacketSpec, TcpSpec};
use crate::file::File;
use crate::settings::Settings;

/// The peer's first port; each connection gets the next one.
const FIRST_PEER_PORT: u16 = 40_000;

/// The world that a script's events act on.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) net: Net,
    /// The open files of the program, by the script's descriptor numbers.
    pub(crate) files: BTreeMap<i64, File>,
    pub(crate) flows: Vec<Flow>,
    /// The index of the flow that packets belong to now.
    pub(crate) under_test: Option<usize>,
    next_peer_port: u16,
}

impl World {
    pub(crate) fn new(settings: Settings) -> World {
        World {
            net: Net::new(&settings),
            settings,
            files: BTreeMap::new(),
            flows: Vec::new(),
            under_test: None,
            next_peer_port: FIRST_PEER_PORT,
        }
    }

    /// Takes settings that a command has changed; what sockets have of them holds for new ones.
    pub(crate) fn take_settings(&mut self, settings: Settings) {
        self.net.host.set_fast_open_policy(settings.fast_open);
        if let Some(keys) = settings.fast_open_keys {
            self.net.host.set_fast_open_keys(keys);
        }
        if settings.forgotten > self.settings.forgotten {
            self.net.host.set_known_servers(KnownServers::default());
        }
        self.settings = settings;
    }

    pub(crate) fn host(&mut self) -> &mut Host {
        &mut self.net.host
    }

    pub(crate) fn flow(&self) -> Option<&Flow> {
        self.flows.get(self.under_test?)
    }

    pub(crate) fn flow_mut(&mut self) -> Option<&mut Flow> {
        self.flows.get_mut(self.under_test?)
    }

    /// The flow of a descriptor.
    pub(crate) fn flow_of(&mut self, fd: i64) -> Option<&mut Flow> {
        self.flows.iter_mut().rev().find(|flow| flow.fd == Some(fd))
    }

    /// Begins a flow, to which packets belong from now on.
    pub(crate) fn begin_flow(&mut self, stage: Stage, fd: Option<i64>) -> &mut Flow {
        let local = SocketAddr::new(self.settings.local, self.settings.bind_port);
        let remote = SocketAddr::new(self.settings.remote, self.settings.connect_port);
        self.under_test = Some(self.flows.len());
        let mut flow = Flow::new(stage, local, remote);
        flow.fd = fd;
        self.flows.push(flow);
        // The flow was pushed just now.
        let last = self.flows.len() - 1;
        &mut self.flows[last]
    }

    /// Sends a packet of the script to the host.
    pub(crate) fn inject(&mut self, spec: &PacketSpec) -> Result<(), Fault> {
        if let Body::Tcp(tcp) = &spec.body {
            self.prepare_injection(tcp);
        }
        if self.flow().is_none() {
            // The packet is ICMP or UDP without a socket.
            self.begin_flow(Stage::New, None);
        }
        let scale = self.settings.scale_echoes;
        let Some(flow) = self.flow() else { return Ok(()) };
        let bytes = wire::build(spec, flow, scale)?;
        let data = match &spec.body {
            Body::Tcp(tcp) => tcp.length,
            Body::Udp { .. } | Body::Icmp(_) => 0,
        };
        let segment_size = self.settings.segment_size.filter(|&size| data > u32::from(size));
        self.net.inject(&bytes, segment_size);
        Ok(())
    }

    /// Updates the flow for a segment to be sent: one for a listener begins a connection, others
    /// move one on.
    fn prepare_injection(&mut self, tcp: &TcpSpec) {
        let first = Numbers { script: tcp.start, live: tcp.start };
        let is_new = self.flow().is_none_or(|flow| flow.stage == Stage::Listening);
        if is_new {
            let port = self.next_peer_port;
            self.next_peer_port += 1;
            let flow = self.begin_flow(Stage::SynReceived, None);
            flow.remote.set_port(port);
            flow.theirs = first;
            return;
        }
        let Some(flow) = self.flow_mut() else { return };
        let (is_syn, is_ack) = (tcp.flags.contains(Flags::SYN), tcp.flags.contains(Flags::ACK));
        match flow.stage {
            Stage::SynAckSent if is_ack => flow.stage = Stage::Accepted,
            Stage::SynSent if is_syn => {
                flow.theirs = first;
                if is_ack {
                    flow.stage = Stage::Connected;
                }
            }
            _ => {}
        }
    }

    /// Updates the flow for a packet that is expected.
    pub(crate) fn prepare_expectation(&mut self, spec: &PacketSpec) -> Result<(), Fault> {
        let Some(flow) = self.flow_mut() else {
            return Err(Fault::mismatch("no socket is there that could send this packet"));
        };
        if let Body::Tcp(tcp) = &spec.body {
            let is_syn = tcp.flags.contains(Flags::SYN);
            let is_ack = tcp.flags.contains(Flags::ACK);
            match flow.stage {
                Stage::Connecting if is_syn && !is_ack => {
                    flow.stage = Stage::SynSent;
                    flow.ours.script = tcp.start;
                }
                Stage::SynReceived | Stage::SynSent if is_syn && is_ack => {
                    flow.ours.script = tcp.start;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The next packet of the flow under test among those that were sent. Others are skipped, as
    /// packetdrill skips what belongs to no socket of the script.
    pub(crate) fn next_sent(&mut self, wanted: &PacketSpec) -> Option<Sent> {
        while let Some(captured) = self.net.captured.pop_front() {
            if let Some(sent) = self.sent(&captured, wanted) {
                return Some(sent);
            }
        }
        None
    }

    fn sent(&mut self, captured: &Captured, wanted: &PacketSpec) -> Option<Sent> {
        let packet = parse_packet(&captured.bytes, Verify::Full).ok()?;
        let flow = self.flows.get_mut(self.under_test?)?;
        if packet.ip.destination() != flow.remote.ip() {
            return None;
        }
        let has_ports = |ours: u16, theirs: u16| {
            theirs == flow.remote.port() && (flow.local.port() == 0 || ours == flow.local.port())
        };
        match &packet.transport {
            Transport::Tcp(segment) => {
                let (ours, theirs) = expect::ports(segment);
                let flags = segment.header.flags;
                let is_first = flags.contains(Flags::SYN)
                    && match flow.stage {
                        Stage::SynSent => !flags.contains(Flags::ACK),
                        Stage::SynReceived => flags.contains(Flags::ACK),
                        _ => false,
                    };
                let has_foreign_ports = matches!(wanted.ports, Some((source, destination))
                    if (source, destination) == (ours, theirs));
                if !has_ports(ours, theirs) && !has_foreign_ports {
                    return None;
                }
                if is_first {
                    flow.local.set_port(ours);
                    flow.ours.live = segment.header.sequence.0;
                    if flow.stage == Stage::SynReceived {
                        flow.stage = Stage::SynAckSent;
                    }
                }
            }
            Transport::Udp { header, .. } => {
                if !has_ports(header.source_port, header.destination_port) {
                    return None;
                }
                flow.local.set_port(header.source_port);
            }
            // ICMP errors that we send are compared only if one is expected.
            _ if !matches!(wanted.body, Body::Icmp(_)) => return None,
            _ => {}
        }
        let flow = self.flow()?;
        expect::read(captured.at, &captured.bytes, flow)
    }

    /// Finishes a call: takes what the host sent because of it, and notifies the `epoll`
    /// descriptors.
    pub(crate) fn settle(&mut self) {
        self.net.drain();
        self.wake_files();
    }

    /// The time on the host's clock.
    pub(crate) fn now(&self) -> Time {
        self.net.now
    }
}
