//! Parsing of the brackets before a packet, which describe its IP header: `[ect0]`,
//! `(tos 0x10, ttl 64)`, `[class 0x20, hlim 255]`, `[dscp CS1]`, `[flowlabel 0x1]`.

use roundtrip_packet::Ecn;

use super::Parser;
use super::lexer::Token;
use crate::ast::{IpSpec, TosSpec};
use crate::source::ReadError;

const WHAT: &str = "`ect0`, `ect1`, `ect01`, `ce`, `noecn`, `tos`, `class`, `dscp`, `flowlabel`, \
                    `ttl` or `hlim`";

/// The names of DSCP code points (IANA, "Differentiated Services Field Codepoints").
const CODE_POINTS: [(&str, u8); 23] = [
    ("CS0", 0),
    ("CS1", 8),
    ("CS2", 16),
    ("CS3", 24),
    ("CS4", 32),
    ("CS5", 40),
    ("CS6", 48),
    ("CS7", 56),
    ("AF11", 10),
    ("AF12", 12),
    ("AF13", 14),
    ("AF21", 18),
    ("AF22", 20),
    ("AF23", 22),
    ("AF31", 26),
    ("AF32", 28),
    ("AF33", 30),
    ("AF41", 34),
    ("AF42", 36),
    ("AF43", 38),
    ("EF", 46),
    ("VOICE_ADMIT", 44),
    ("LE", 1),
];

impl Parser<'_> {
    pub(super) fn ip_info(&mut self) -> Result<IpSpec, ReadError> {
        let mut ip = IpSpec::default();
        let close = match self.peek() {
            Token::Sign('[') => ']',
            Token::Sign('(') => ')',
            _ => return Ok(ip),
        };
        self.advance();
        loop {
            self.ip_field(&mut ip)?;
            if !self.take_sign(',') {
                break;
            }
        }
        self.sign(close)?;
        Ok(ip)
    }

    fn ip_field(&mut self, ip: &mut IpSpec) -> Result<(), ReadError> {
        let at = self.at;
        let word = self.word(WHAT)?;
        let tos = match word.as_str() {
            "ect0" => TosSpec::Ecn(Ecn::Ect0),
            "ect1" => TosSpec::Ecn(Ecn::Ect1),
            "ce" => TosSpec::Ecn(Ecn::Ce),
            "noecn" => TosSpec::Ecn(Ecn::NotEct),
            "ect01" => TosSpec::Ect01,
            // nplab's packetdrill writes `ecn` before each ECN codepoint.
            "ecn" => return self.ip_field(ip),
            // TOS of IPv4 and traffic class of IPv6 are the same eight bits.
            "tos" | "class" => TosSpec::Tos(self.number("a byte")?),
            "dscp" => TosSpec::Dscp(self.code_point()?),
            "flowlabel" => {
                ip.flow_label = Some(self.number("a flow label")?);
                return Ok(());
            }
            "ttl" | "hlim" => {
                ip.ttl = Some(self.number("a hop count")?);
                return Ok(());
            }
            _ => return Err(self.complaint(at, WHAT.into())),
        };
        ip.tos = match (ip.tos, tos) {
            (TosSpec::Any, tos) => tos,
            (TosSpec::Dscp(dscp), TosSpec::Ecn(ecn)) | (TosSpec::Ecn(ecn), TosSpec::Dscp(dscp)) => {
                TosSpec::Tos(dscp << 2 | ecn as u8)
            }
            _ => return Err(self.complaint(at, "one word on each bit of that byte".into())),
        };
        Ok(())
    }

    /// Parses a code point: `0x2e`, `EF`.
    fn code_point(&mut self) -> Result<u8, ReadError> {
        const WHAT: &str = "a code point: a number up to 63, or a name such as `CS1`, `AF11`, `EF`";
        let known = match self.peek() {
            Token::Int(number) => u8::try_from(*number).ok().filter(|number| *number < 64),
            Token::Word(word) => {
                CODE_POINTS.iter().find(|(name, _)| name == word).map(|(_, value)| *value)
            }
            _ => None,
        };
        let Some(known) = known else { return self.expected(WHAT) };
        self.advance();
        Ok(known)
    }
}
