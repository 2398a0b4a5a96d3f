//! Values written back in the notation of scripts, for reports.

use std::fmt::{self, Display, Formatter};

use roundtrip_packet::{Ecn, Flags};

use crate::ast::{
    About, Body, Call, Direction, Expr, IpSpec, Numbering, OptionSpec, PacketSpec, TcpSpec, TosSpec,
};

impl Display for PacketSpec {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self.direction {
            Direction::Inbound => "< ",
            Direction::Outbound => "> ",
        })?;
        self.ip.fmt(f)?;
        if let Some((source, destination)) = self.ports {
            write!(f, "{source} > {destination} ")?;
        }
        match &self.body {
            Body::Tcp(tcp) => tcp.fmt(f),
            Body::Udp { length } => write!(f, "udp ({length})"),
            Body::Icmp(icmp) => {
                write!(f, "icmp {}", icmp.kind)?;
                icmp.code.iter().try_for_each(|code| write!(f, " {code}"))?;
                icmp.mtu.iter().try_for_each(|mtu| write!(f, " mtu {mtu}"))?;
                match icmp.about {
                    About::Tcp { start, length } => {
                        write!(f, " [{start}:{}({length})]", start.wrapping_add(length.into()))
                    }
                    About::Udp { length } => write!(f, " [udp ({length})]"),
                    About::Raw { length } => write!(f, " [raw ({length})]"),
                }
            }
        }
    }
}

impl Display for IpSpec {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.tos {
            TosSpec::Any => {}
            TosSpec::Ecn(Ecn::NotEct) => f.write_str("[noecn] ")?,
            TosSpec::Ecn(Ecn::Ect0) => f.write_str("[ect0] ")?,
            TosSpec::Ecn(Ecn::Ect1) => f.write_str("[ect1] ")?,
            TosSpec::Ecn(Ecn::Ce) => f.write_str("[ce] ")?,
            TosSpec::Ect01 => f.write_str("[ect01] ")?,
            TosSpec::Tos(tos) => write!(f, "[tos {tos:#04x}] ")?,
            TosSpec::Dscp(dscp) => write!(f, "[dscp {dscp:#04x}] ")?,
        }
        if let Some(label) = self.flow_label {
            write!(f, "[flowlabel {label:#x}] ")?;
        }
        self.ttl.iter().try_for_each(|ttl| write!(f, "[ttl {ttl}] "))
    }
}

impl Display for TcpSpec {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let TcpSpec { flags, ace, start, numbering, length, ack, window, urgent, options } = self;
        match ace {
            Some(ace) => {
                let plain = *flags & !(Flags::ECE | Flags::CWR | Flags::AE);
                write!(f, "{}{ace}", Letters(plain))?;
            }
            None => Letters(*flags).fmt(f)?,
        }
        match numbering {
            Numbering::Any => write!(f, " ...({length})")?,
            Numbering::Relative | Numbering::Absolute => {
                write!(f, " {start}:{}({length})", start.wrapping_add(*length))?;
            }
        }
        f.write_str(if *numbering == Numbering::Absolute { "!" } else { "" })?;
        if flags.contains(Flags::ACK) || *ack != 0 {
            write!(f, " ack {ack}")?;
        }
        window.iter().try_for_each(|window| write!(f, " win {window}"))?;
        if *urgent != 0 {
            write!(f, " urg {urgent}")?;
        }
        let Some(options) = options else { return f.write_str(" <...>") };
        for (place, option) in options.iter().enumerate() {
            f.write_str(if place == 0 { " <" } else { "," })?;
            option.fmt(f)?;
        }
        f.write_str(if options.is_empty() { "" } else { ">" })
    }
}

/// TCP flags as packetdrill writes them: `S.`, and `-` for none.
struct Letters(Flags);

impl Display for Letters {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const ORDER: [(Flags, char); 9] = [
            (Flags::FIN, 'F'),
            (Flags::SYN, 'S'),
            (Flags::RST, 'R'),
            (Flags::PSH, 'P'),
            (Flags::URG, 'U'),
            (Flags::ECE, 'E'),
            (Flags::CWR, 'W'),
            (Flags::AE, 'A'),
            (Flags::ACK, '.'),
        ];
        if self.0 == Flags::NONE {
            return f.write_str("-");
        }
        ORDER
            .iter()
            .filter(|(flag, _)| self.0.contains(*flag))
            .try_for_each(|(_, letter)| write!(f, "{letter}"))
    }
}

impl Display for OptionSpec {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            OptionSpec::NoOperation => f.write_str("nop"),
            OptionSpec::EndOfList => f.write_str("eol"),
            OptionSpec::Mss(mss) => write!(f, "mss {mss}"),
            OptionSpec::WindowScale(shift) => write!(f, "wscale {shift}"),
            OptionSpec::SackPermitted => f.write_str("sackOK"),
            OptionSpec::Sack(blocks) => {
                f.write_str("sack")?;
                blocks.iter().try_for_each(|(left, right)| write!(f, " {left}:{right}"))
            }
            OptionSpec::Timestamps { value, echo, is_echo_absolute } => {
                let value = value.map_or_else(|| "...".to_owned(), |value| value.to_string());
                write!(f, "TS val {value}")?;
                write!(f, " ecr {echo}{}", if *is_echo_absolute { "!" } else { "" })
            }
            OptionSpec::Raw { text, .. } => f.write_str(text),
        }
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name)?;
        comma_separated(f, &self.arguments)?;
        f.write_str(")")
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Ellipsis => f.write_str("..."),
            Expr::Int(number) => number.fmt(f),
            Expr::Word(word) => f.write_str(word),
            Expr::Text(text) => write!(f, "\"{}\"", text.escape_ascii()),
            Expr::Or(all) => all.iter().enumerate().try_for_each(|(place, one)| {
                f.write_str(if place == 0 { "" } else { "|" })?;
                one.fmt(f)
            }),
            Expr::List(all) => {
                f.write_str("[")?;
                comma_separated(f, all)?;
                f.write_str("]")
            }
            Expr::Apply(name, arguments) => {
                write!(f, "{name}(")?;
                comma_separated(f, arguments)?;
                f.write_str(")")
            }
            Expr::Group(members) => {
                f.write_str("{")?;
                for (place, member) in members.iter().enumerate() {
                    f.write_str(if place == 0 { "" } else { ", " })?;
                    member.name.iter().try_for_each(|name| f.write_str(name))?;
                    member.parameter.iter().try_for_each(|one| write!(f, "({one})"))?;
                    f.write_str(if member.name.is_some() { "=" } else { "" })?;
                    member.value.fmt(f)?;
                }
                f.write_str("}")
            }
        }
    }
}

fn comma_separated(f: &mut Formatter<'_>, all: &[Expr]) -> fmt::Result {
    all.iter().enumerate().try_for_each(|(place, one)| {
        f.write_str(if place == 0 { "" } else { ", " })?;
        one.fmt(f)
    })
}

#[cfg(test)]
mod tests {
    use crate::Definitions;
    use crate::ast::Action;

    /// A value that is parsed and written again has the same text.
    #[test]
    fn packets_and_calls_survive_the_way_there_and_back() {
        for text in [
            "> S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 8>",
            "< [ect0] FPUEW. 1:101(100) ack 1 win 257 urg 3 <nop,nop,sack 1:2 3:4>",
            "> R 1:1(0)",
            "> - 1:1(0) <...>",
            "< P.5 1:1(0) ack 1 win 1",
            "> [tos 0x10] udp (100)",
            "< icmp unreachable frag_needed mtu 1280 [1:1461(1460)]",
        ] {
            let script = crate::parse(&format!("0 {text}"), &Definitions::default()).unwrap();
            let Action::Packet(packet) = &script.events[0].action else { panic!() };
            assert_eq!(packet.to_string(), text);
        }
        let text =
            "recvmsg(3, {msg_name(...)=..., msg_iov(1)=[{..., 1000}], msg_flags=A|B}, \"x\\n\")";
        let script = crate::parse(&format!("0 {text} = 0"), &Definitions::default()).unwrap();
        let Action::Call(call) = &script.events[0].action else { panic!() };
        assert_eq!(call.to_string(), text);
    }
}
