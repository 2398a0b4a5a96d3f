//! A script as it was read: packetdrill's language as values.

use std::time::Duration;

use roundtrip_packet::{Ecn, Flags};

use crate::source::Place;

/// A whole script.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// The `--name=value` options at its head.
    pub options: Vec<HeadOption>,
    /// The commands before the first event.
    pub preamble: Option<Command>,
    /// What happens, in order.
    pub events: Vec<Event>,
    /// The commands after the last event, run whatever came of the script.
    pub cleanup: Option<Command>,
}

/// A `--name=value` at the head of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadOption {
    /// Where it stands.
    pub place: Place,
    /// `tolerance_usecs`.
    pub name: String,
    /// What follows the equals sign, without quotes.
    pub value: Option<String>,
}

/// Shell commands between backticks. They are recognised, never run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Where they begin.
    pub place: Place,
    /// The text between the backticks.
    pub text: String,
}

/// One line of a script.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Where it begins.
    pub place: Place,
    /// When it happens.
    pub when: When,
    /// What happens.
    pub action: Action,
}

/// When an event happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// `0.100`: so long after the beginning.
    At(Duration),
    /// `0.100~0.200`: sometime between these.
    Between(Duration, Duration),
    /// `+.1`: so long after the event before.
    After(Duration),
    /// `+.1~+.2`: sometime between these after the event before.
    AfterBetween(Duration, Duration),
    /// `*`: whenever.
    Anytime,
}

/// What happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A packet is sent to the host, or expected of it.
    Packet(PacketSpec),
    /// A system call is made.
    Call(Call),
    /// Shell commands: recognised, never run.
    Command(String),
    /// `%{ … }%`: assertions on the state of the connection.
    Code(Code),
}

/// `%{ … }%`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Where its text begins.
    pub place: Place,
    /// The text.
    pub text: String,
}

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `<`: to the host.
    Inject,
    /// `>`: expected from the host.
    Expect,
}

/// A packet, in the script's own numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketSpec {
    /// Which way it goes.
    pub way: Way,
    /// What is said of its IP header.
    pub ip: IpSpec,
    /// `1234 > 80`: its ports, where they are given.
    pub ports: Option<(u16, u16)>,
    /// What it carries.
    pub body: Body,
}

/// What a script says of an IP header: what it does not say is not compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IpSpec {
    /// `[ect0]`, `[tos 0x10]`.
    pub tos: TosSpec,
    /// `[flowlabel 0x123]`.
    pub flow_label: Option<u32>,
    /// `[ttl 64]`.
    pub ttl: Option<u8>,
}

/// What a script says of the TOS or traffic class byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TosSpec {
    /// Nothing.
    #[default]
    Any,
    /// `[ect0]`, `[ect1]`, `[ce]`, `[noecn]`.
    Ecn(Ecn),
    /// `[ect01]`: one of the two.
    Ect01,
    /// `[dscp 0x2e]`: the upper six bits.
    Dscp(u8),
    /// `[tos 0x10]`: all eight bits.
    Tos(u8),
}

/// What a packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A TCP segment.
    Tcp(TcpSpec),
    /// `udp (100)`: a UDP datagram with so many bytes of data.
    Udp {
        /// Bytes of data.
        length: u16,
    },
    /// An ICMP message.
    Icmp(IcmpSpec),
}

/// A TCP segment, in the script's own numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpSpec {
    /// `S.`, `P.`, `-`.
    pub flags: Flags,
    /// `.5`: the count in the three bits of Accurate ECN (RFC 9768).
    pub ace: Option<u8>,
    /// `1:1001(1000)`: the first sequence number.
    pub start: u32,
    /// How that number is meant.
    pub numbering: Numbering,
    /// The bytes of data.
    pub length: u32,
    /// `ack 1`; 0 where it is left out.
    pub ack: u32,
    /// `win 257`; `None` where it is left out or `*`.
    pub window: Option<u16>,
    /// `urg 1`; 0 where it is left out.
    pub urgent: u16,
    /// `<mss 1460,…>` in order; `None` is `<...>`: whatever there is.
    pub options: Option<Vec<OptionSpec>>,
}

/// How a sequence number of a script is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbering {
    /// `1:1(0)`: relative to the first of its direction.
    #[default]
    Relative,
    /// `0:0(0)!`: as it stands in the header.
    Absolute,
    /// `...(0)`: it is not looked at.
    Any,
}

/// A TCP option, in the script's own numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionSpec {
    /// `nop`.
    NoOperation,
    /// `eol`.
    EndOfList,
    /// `mss 1460`.
    Mss(u16),
    /// `wscale 7`.
    WindowScale(u8),
    /// `sackOK`.
    SackPermitted,
    /// `sack 1:1001 2001:3001`.
    Sack(Vec<(u32, u32)>),
    /// `TS val 100 ecr 0`.
    Timestamps {
        /// The sender's clock; `None` is `...`: it is not looked at.
        value: Option<u32>,
        /// The clock sent back.
        echo: u32,
        /// `ecr 100!`: the clock sent back stands in the option as it does here.
        is_echo_absolute: bool,
    },
    /// `FO cookie`, and every option that is only bytes here.
    Raw {
        /// Its kind.
        kind: u8,
        /// Its data.
        data: Vec<u8>,
        /// As it stands in the script.
        text: String,
    },
}

/// An ICMP message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IcmpSpec {
    /// Where its type stands, for complaints.
    pub place: Place,
    /// `unreachable`, `type_3`.
    pub kind: String,
    /// `frag_needed`, `code_4`.
    pub code: Option<String>,
    /// `mtu 1280`.
    pub mtu: Option<u32>,
    /// `id 1`: of an echo.
    pub id: u16,
    /// `[1:1461(1460)]`: the packet it is about.
    pub about: About,
}

/// The packet that an ICMP error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// A segment of the connection.
    Tcp {
        /// Its first sequence number, relative to ours.
        start: u32,
        /// Its bytes of data.
        length: u16,
    },
    /// A datagram of the socket.
    Udp {
        /// Its bytes of data.
        length: u16,
    },
    /// None: the message has this many bytes.
    Raw {
        /// All of them, the ICMP header included.
        length: u16,
    },
}

/// A system call and what it should answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// `...0.200`: it may block, and returns then (on the scale of its event's time).
    pub end: Option<Duration>,
    /// `connect`.
    pub name: String,
    /// What is given to it.
    pub arguments: Vec<Expr>,
    /// What it should answer.
    pub result: Expr,
    /// `EINPROGRESS`.
    pub errno: Option<String>,
}

/// An argument or a result.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// `...`: whatever fits.
    Ellipsis,
    /// A number.
    Int(i64),
    /// A name: `SOCK_STREAM`.
    Word(String),
    /// A string, its escapes resolved.
    Text(Vec<u8>),
    /// `A | B`.
    Or(Vec<Expr>),
    /// `[ … ]`.
    List(Vec<Expr>),
    /// `{ … }`.
    Group(Vec<Member>),
    /// `htons(8080)`.
    Apply(String, Vec<Expr>),
}

/// A part of a `{ … }`: `fd=4`, `msg_iov(1)=[…]`, or just a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// `msg_iov`.
    pub name: Option<String>,
    /// The `1` in `msg_iov(1)`.
    pub parameter: Option<Expr>,
    /// What it is.
    pub value: Expr,
}

impl Expr {
    /// The member of a `{ … }` with this name.
    pub(crate) fn member(&self, name: &str) -> Option<&Expr> {
        let Expr::Group(members) = self else { return None };
        members.iter().find(|m| m.name.as_deref() == Some(name)).map(|m| &m.value)
    }
}
