//! The mapping between a connection in the script and the real one: relative sequence numbers and
//! made-up timestamps on one side, real ones on the other.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use roundtrip_packet::options::{self, TcpOption};
use roundtrip_packet::{Flags, tcp};

use crate::ast::{Numbering, OptionSpec};

/// How far a script has come with a socket, which decides which packets belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// A new socket.
    New,
    /// `listen` was called.
    Listening,
    /// A SYN was sent to us; it is not answered yet.
    SynReceived,
    /// We have answered the SYN.
    SynAckSent,
    /// The third packet of the handshake came: `accept` can return the connection.
    Accepted,
    /// `connect` was called.
    Connecting,
    /// The script expects our SYN.
    SynSent,
    /// Our SYN was answered.
    Connected,
}

/// A connection, or a pair of UDP addresses.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub(crate) stage: Stage,
    /// Our address; its port is 0 until it is known.
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    /// The script's descriptor of the connection.
    pub(crate) fd: Option<i64>,
    /// The first sequence numbers of both sides, in the script and in reality.
    pub(crate) ours: Numbers,
    pub(crate) theirs: Numbers,
    /// The real timestamp for each timestamp that the script made up for us.
    echoes: BTreeMap<u32, u32>,
    /// Our first timestamp, in the script and in reality.
    first: Option<(u32, u32)>,
    /// Our IPv6 flow label, in the script and in reality.
    pub(crate) label: Option<(u32, u32)>,
}

/// The sequence number of a SYN, in the script and in reality.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) script: u32,
    pub(crate) live: u32,
}

impl Numbers {
    /// The offset to add to a number of the script. In SYNs numbers count from the script's own
    /// first number; in all other segments they are relative to the SYN.
    fn offset(self, is_syn: bool) -> u32 {
        if is_syn { self.live.wrapping_sub(self.script) } else { self.live }
    }
}

impl Flow {
    pub(crate) fn new(stage: Stage, local: SocketAddr, remote: SocketAddr) -> Flow {
        Flow {
            stage,
            local,
            remote,
            fd: None,
            ours: Numbers::default(),
            theirs: Numbers::default(),
            echoes: BTreeMap::new(),
            first: None,
            label: None,
        }
    }

    /// The real sequence number for one of the peer's in the script.
    pub(crate) fn their_sequence(&self, number: u32, is_syn: bool) -> u32 {
        number.wrapping_add(self.theirs.offset(is_syn))
    }

    /// The real sequence number for one of ours in the script.
    pub(crate) fn our_sequence(&self, number: u32, is_syn: bool) -> u32 {
        number.wrapping_add(self.ours.offset(is_syn))
    }

    /// The real timestamp for one that the script echoes.
    pub(crate) fn echo(&self, script: u32, scale: bool) -> Option<u32> {
        let seen = self.echoes.get(&script).copied();
        let scaled = || {
            let (first_script, first_live) = self.first.filter(|_| scale)?;
            Some(script.wrapping_sub(first_script).wrapping_add(first_live))
        };
        seen.or_else(scaled)
    }

    /// Remembers that the script names our timestamp `live` `script`.
    pub(crate) fn learn_timestamp(&mut self, script: u32, live: u32) {
        self.echoes.insert(script, live);
        self.first.get_or_insert((script, live));
    }

    /// One of our real timestamps in the script's count.
    pub(crate) fn script_timestamp(&self, live: u32) -> u32 {
        match self.first {
            Some((script, first)) => live.wrapping_sub(first).wrapping_add(script),
            None => live,
        }
    }

    /// One of our segments in the script's numbers; timestamps are still the real ones.
    pub(crate) fn seen(&self, segment: &tcp::Segment<'_>) -> crate::ast::TcpSpec {
        let header = &segment.header;
        let is_syn = header.flags.contains(Flags::SYN);
        let sequence = header.sequence.0.wrapping_sub(self.ours.offset(is_syn));
        let theirs = self.theirs.offset(is_syn);
        let ack = header.ack().map_or(header.acknowledgement.0, |ack| ack.0.wrapping_sub(theirs));
        crate::ast::TcpSpec {
            flags: header.flags,
            ace: None,
            start: sequence,
            numbering: Numbering::Relative,
            length: segment.payload.len() as u32,
            ack,
            window: Some(header.window),
            urgent: header.urgent,
            options: Some(options::iter(segment.options).map(|o| option(&o, theirs)).collect()),
        }
    }
}

/// A TCP option in the script's numbers; SACK blocks are in the peer's sequence space, `theirs`.
fn option(option: &TcpOption<'_>, theirs: u32) -> OptionSpec {
    match option {
        TcpOption::NoOperation => OptionSpec::NoOperation,
        TcpOption::EndOfList => OptionSpec::EndOfList,
        TcpOption::MaximumSegmentSize(mss) => OptionSpec::Mss(*mss),
        TcpOption::WindowScale(shift) => OptionSpec::WindowScale(*shift),
        TcpOption::SackPermitted => OptionSpec::SackPermitted,
        TcpOption::Sack(blocks) => OptionSpec::Sack(
            blocks
                .as_slice()
                .iter()
                .map(|b| (b.left.0.wrapping_sub(theirs), b.right.0.wrapping_sub(theirs)))
                .collect(),
        ),
        TcpOption::Timestamps(t) => {
            OptionSpec::Timestamps { value: Some(t.value), echo: t.echo, is_echo_absolute: false }
        }
        TcpOption::FastOpen(cookie) => {
            let bytes = cookie.as_bytes();
            if cookie.is_experimental() {
                let data = [&options::FAST_OPEN_EXPERIMENT, bytes].concat();
                let text = hex("FOEXP", bytes);
                OptionSpec::Raw { kind: options::kind::EXPERIMENT, text, data }
            } else {
                let (data, text) = (bytes.to_vec(), hex("FO", bytes));
                OptionSpec::Raw { kind: options::kind::FAST_OPEN, text, data }
            }
        }
        TcpOption::Unknown { kind, data } => {
            let text = hex(&format!("option {kind}"), data);
            OptionSpec::Raw { kind: *kind, data: data.to_vec(), text }
        }
        TcpOption::Malformed(bytes) => {
            OptionSpec::Raw { kind: 0, data: bytes.to_vec(), text: hex("malformed", bytes) }
        }
    }
}

fn hex(name: &str, data: &[u8]) -> String {
    let lead = if data.is_empty() { name.to_owned() } else { format!("{name} ") };
    data.iter().fold(lead, |text, byte| format!("{text}{byte:02x}"))
}
