//! The syntax tree of a packetdrill script.

use std::time::Duration;

use roundtrip_packet::{Ecn, Flags};

use crate::source::Place;

/// A whole script.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// The `--name=value` options at the head of the script.
    pub options: Vec<HeadOption>,
    /// The commands before the first event.
    pub preamble: Option<Command>,
    /// The events, in order.
    pub events: Vec<Event>,
    /// The commands after the last event, which packetdrill runs whatever came of the script.
    pub cleanup: Option<Command>,
}

/// A `--name=value` at the head of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadOption {
    /// The place of the option in the script.
    pub place: Place,
    /// The name of the option, such as `tolerance_usecs`.
    pub name: String,
    /// The text after the equals sign, without quotes.
    pub value: Option<String>,
}

/// Shell commands between backticks. They are recognised, never run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The place where the commands begin.
    pub place: Place,
    /// The text between the backticks.
    pub text: String,
}

/// An event of a script: one line.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The place where the event begins.
    pub place: Place,
    /// When the event happens.
    pub when: When,
    /// What the event does.
    pub action: Action,
}

/// When an event happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// `0.100`: at this time after the beginning.
    At(Duration),
    /// `0.100~0.200`: at some time between these.
    Between(Duration, Duration),
    /// `+.1`: at this time after the previous event.
    After(Duration),
    /// `+.1~+.2`: at some time between these after the previous event.
    AfterBetween(Duration, Duration),
    /// `*`: at any time.
    Anytime,
}

/// What an event does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A packet is sent to the host, or expected from it.
    Packet(PacketSpec),
    /// A system call is made.
    Call(Call),
    /// Shell commands: recognised, never run.
    Command(String),
    /// `%{ … }%`: assertions on the state of the connection.
    Code(Code),
}

/// Code between `%{` and `}%`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// The place where the text of the code begins.
    pub place: Place,
    /// The text of the code.
    pub text: String,
}

/// The direction of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `<`: to the host.
    Inbound,
    /// `>`: expected from the host.
    Outbound,
}

/// A packet, in the numbers of the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketSpec {
    /// The direction of the packet.
    pub direction: Direction,
    /// The expected or given fields of the IP header.
    pub ip: IpSpec,
    /// `1234 > 80`: the ports, if they are given.
    pub ports: Option<(u16, u16)>,
    /// The content of the packet.
    pub body: Body,
}

/// The fields of an IP header that a script gives; those it leaves out are not compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IpSpec {
    /// The TOS or traffic class: `[ect0]`, `[tos 0x10]`.
    pub tos: TosSpec,
    /// The flow label: `[flowlabel 0x123]`.
    pub flow_label: Option<u32>,
    /// The TTL or hop limit: `[ttl 64]`.
    pub ttl: Option<u8>,
}

/// The value that a script gives for the TOS or traffic class byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TosSpec {
    /// No value is given.
    #[default]
    Any,
    /// An ECN codepoint: `[ect0]`, `[ect1]`, `[ce]`, `[noecn]`.
    Ecn(Ecn),
    /// `[ect01]`: ECT(0) or ECT(1).
    Ect01,
    /// `[dscp 0x2e]`: the upper six bits.
    Dscp(u8),
    /// `[tos 0x10]`: all eight bits.
    Tos(u8),
}

/// The content of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A TCP segment.
    Tcp(TcpSpec),
    /// `udp (100)`: a UDP datagram with this many bytes of data.
    Udp {
        /// The length of the data, bytes.
        length: u16,
    },
    /// An ICMP message.
    Icmp(IcmpSpec),
}

/// A TCP segment, in the numbers of the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpSpec {
    /// The flags: `S.`, `P.`, or `-` for none.
    pub flags: Flags,
    /// `.5`: the counter in the three bits of Accurate ECN (RFC 9768).
    pub ace: Option<u8>,
    /// `1:1001(1000)`: the first sequence number.
    pub start: u32,
    /// How the first sequence number is meant.
    pub numbering: Numbering,
    /// The length of the data, bytes.
    pub length: u32,
    /// `ack 1`: the acknowledgement number; 0 if it is left out.
    pub ack: u32,
    /// `win 257`: the window; `None` if it is left out or `*`.
    pub window: Option<u16>,
    /// `urg 1`: the urgent pointer; 0 if it is left out.
    pub urgent: u16,
    /// `<mss 1460,…>`: the options, in order; `None` for `<...>`, which matches any.
    pub options: Option<Vec<OptionSpec>>,
}

/// How a sequence number in a script is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbering {
    /// `1:1(0)`: relative to the first sequence number of its direction.
    #[default]
    Relative,
    /// `0:0(0)!`: as it is in the header.
    Absolute,
    /// `...(0)`: the number is not compared.
    Any,
}

/// A TCP option, in the numbers of the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionSpec {
    /// No operation: `nop`.
    NoOperation,
    /// The end of the list: `eol`.
    EndOfList,
    /// The maximum segment size: `mss 1460`.
    Mss(u16),
    /// The window scale: `wscale 7`.
    WindowScale(u8),
    /// SACK permitted: `sackOK`.
    SackPermitted,
    /// SACK blocks: `sack 1:1001 2001:3001`.
    Sack(Vec<(u32, u32)>),
    /// Timestamps: `TS val 100 ecr 0`.
    Timestamps {
        /// The sender's timestamp; `None` for `...`, which is not compared.
        value: Option<u32>,
        /// The echoed timestamp.
        echo: u32,
        /// `ecr 100!`: whether the echoed timestamp is the one in the header.
        is_echo_absolute: bool,
    },
    /// `FO cookie`, and every other option that is kept as bytes.
    Raw {
        /// The kind of the option.
        kind: u8,
        /// The data of the option.
        data: Vec<u8>,
        /// The text of the option in the script.
        text: String,
    },
}

/// An ICMP message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IcmpSpec {
    /// The place of the message's type, for errors.
    pub place: Place,
    /// The name of the type: `unreachable`, or `type_3`.
    pub kind: String,
    /// The name of the code: `frag_needed`, or `code_4`.
    pub code: Option<String>,
    /// `mtu 1280`: the MTU in the message.
    pub mtu: Option<u32>,
    /// `id 1`: the identifier of an echo.
    pub id: u16,
    /// `[1:1461(1460)]`: the packet that the message is about.
    pub about: About,
}

/// The packet that an ICMP error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// A segment of the connection.
    Tcp {
        /// The first sequence number of the segment, relative to ours.
        start: u32,
        /// The length of the data, bytes.
        length: u16,
    },
    /// A datagram of the socket.
    Udp {
        /// The length of the data, bytes.
        length: u16,
    },
    /// No packet: the message has this many bytes.
    Raw {
        /// The length of the message, ICMP header included, bytes.
        length: u16,
    },
}

/// A system call and its expected result.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// `...0.200`: the call may block, and then returns at this time (on the scale of its event's
    /// time).
    pub end: Option<Duration>,
    /// The name of the call, such as `connect`.
    pub name: String,
    /// The arguments.
    pub arguments: Vec<Expr>,
    /// The expected result.
    pub result: Expr,
    /// The expected error, such as `EINPROGRESS`.
    pub errno: Option<String>,
}

/// An argument or a result of a system call.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// `...`: any suitable value.
    Ellipsis,
    /// A number.
    Int(i64),
    /// A name: `SOCK_STREAM`.
    Word(String),
    /// A string, with its escapes resolved.
    Text(Vec<u8>),
    /// Flags joined by "or": `A | B`.
    Or(Vec<Expr>),
    /// A list: `[ … ]`.
    List(Vec<Expr>),
    /// A structure: `{ … }`.
    Group(Vec<Member>),
    /// A function applied to arguments: `htons(8080)`.
    Apply(String, Vec<Expr>),
}

/// A member of a `{ … }`: `fd=4`, `msg_iov(1)=[…]`, or just a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The name of the member, such as `msg_iov`.
    pub name: Option<String>,
    /// The parameter of the member: the `1` in `msg_iov(1)`.
    pub parameter: Option<Expr>,
    /// The value of the member.
    pub value: Expr,
}

impl Expr {
    /// The member of a `{ … }` with this name.
    pub(crate) fn member(&self, name: &str) -> Option<&Expr> {
        let Expr::Group(members) = self else { return None };
        members.iter().find(|m| m.name.as_deref() == Some(name)).map(|m| &m.value)
    }
}
