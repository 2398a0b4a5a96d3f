//! Parsing of packets: `< S 0:0(0) win 1000 <mss 1460>`, `> udp (100)`, `< icmp unreachable …`.

use roundtrip_packet::Flags;
use roundtrip_packet::options::{FAST_OPEN_EXPERIMENT, kind};

use super::Parser;
use super::lexer::Token;
use crate::ast::{
    About, Body, Direction, IcmpSpec, Numbering, OptionSpec, PacketSpec, TcpSpec, TosSpec,
};
use crate::source::ReadError;

/// The option kinds of Accurate ECN (RFC 9768 §3.2.3).
const ACC_ECN: [u8; 2] = [172, 174];

impl Parser<'_> {
    pub(super) fn packet(&mut self) -> Result<PacketSpec, ReadError> {
        let direction = if self.take_sign('<') { Direction::Inbound } else { Direction::Outbound };
        if direction == Direction::Outbound {
            self.sign('>')?;
        }
        for layer in ["ipv4", "ipv6", "gre", "GREv0", "mpls"] {
            if self.is_word(layer) {
                return self.unsupported(format!("packets inside {layer}"));
            }
        }
        // Older packetdrill has it before the message, newer behind it.
        let bracket = [self.peek(), self.peek_after(1), self.peek_after(2)];
        let about = match bracket {
            [Token::Sign('['), Token::Int(_), Token::Sign(':')] => Some(self.about()?),
            _ => None,
        };
        if about.is_some() && !self.is_word("icmp") {
            return self.expected("`icmp`: a message is about this segment");
        }
        let ip_at = self.at;
        let ip = self.ip_info()?;
        if ip.tos == TosSpec::Ect01 && direction == Direction::Inbound {
            let expected = "one of the two: `[ect01]` can only be expected".into();
            return Err(self.complaint(ip_at, expected));
        }
        if self.is_word("encap") {
            return self.unsupported("packets inside PSP");
        }
        for (word, name) in [("sctp", "SCTP"), ("udplite", "UDP-Lite")] {
            if self.is_word(word) {
                return self.unsupported(format!("packets of {name}"));
            }
        }
        if self.take_word("udp") {
            let ports = self.ports()?;
            self.sign('(')?;
            let length = self.number("a number of bytes")?;
            self.sign(')')?;
            return Ok(PacketSpec { direction, ip, ports, body: Body::Udp { length } });
        }
        if self.take_word("icmp") {
            let message = self.icmp()?;
            let body = match about {
                Some(about) => Body::Icmp(IcmpSpec { about, ..message }),
                None => Body::Icmp(message),
            };
            return Ok(PacketSpec { direction, ip, ports: None, body });
        }
        let ports = self.ports()?;
        let body = Body::Tcp(self.tcp(direction)?);
        if self.is_sign('/') {
            return self.unsupported("TCP inside UDP, which Linux does not have:");
        }
        Ok(PacketSpec { direction, ip, ports, body })
    }

    fn ports(&mut self) -> Result<Option<(u16, u16)>, ReadError> {
        if !matches!(self.peek(), Token::Int(_)) {
            return Ok(None);
        }
        let source = self.number("a port")?;
        self.sign('>')?;
        Ok(Some((source, self.number("a port")?)))
    }

    fn tcp(&mut self, direction: Direction) -> Result<TcpSpec, ReadError> {
        let (flags, ace) = self.flags()?;
        let (numbering, start, length) = self.numbered_sequence(direction)?;
        let length = u32::from(length);
        let ack = if self.take_word("ack") { self.number("an acknowledgement number")? } else { 0 };
        let window_at = self.at;
        let window = match self.take_word("win") {
            true if self.take_sign('*') => None,
            true => Some(self.number("a window")?),
            false => None,
        };
        if window.is_none() && direction == Direction::Inbound {
            let expected = "`win` and a number: a packet to the host has a window".into();
            return Err(self.complaint(window_at, expected));
        }
        let urgent = if self.take_word("urg") { self.number("an urgent pointer")? } else { 0 };
        let options = self.tcp_options(direction)?;
        Ok(TcpSpec { flags, ace, start, numbering, length, ack, window, urgent, options })
    }

    fn flags(&mut self) -> Result<(Flags, Option<u8>), ReadError> {
        let at = self.at;
        let mut text = String::new();
        match self.peek().clone() {
            Token::Sign('-') => {
                self.advance();
                return Ok((Flags::NONE, None));
            }
            Token::Word(word) => {
                text.push_str(&word);
                self.advance();
            }
            _ => {}
        }
        match self.peek().clone() {
            Token::Sign('.') => {
                text.push('.');
                self.advance();
            }
            Token::Decimal(ace) if ace.len() == 2 => {
                text.push_str(&ace);
                self.advance();
            }
            _ => {}
        }
        parse_flags(&text).ok_or_else(|| {
            let expected = "TCP flags: letters of FSRPUEWA, then `.` for ACK; or `-` for none";
            self.complaint(at, expected.into())
        })
    }

    /// Parses `1:1001(1000)`, `0:0(0)!`, `...(0)`.
    fn numbered_sequence(
        &mut self,
        direction: Direction,
    ) -> Result<(Numbering, u32, u16), ReadError> {
        if *self.peek() == Token::Ellipsis {
            if direction == Direction::Inbound {
                return self.expected("a sequence number: `...` can only be expected");
            }
            self.advance();
            self.sign('(')?;
            let length = self.number("a number of bytes")?;
            self.sign(')')?;
            return Ok((Numbering::Any, 0, length));
        }
        let (start, length) = self.sequence()?;
        let is_absolute = self.take_sign('!');
        let numbering = if is_absolute { Numbering::Absolute } else { Numbering::Relative };
        Ok((numbering, start, length))
    }

    /// Parses `1:1001(1000)`.
    fn sequence(&mut self) -> Result<(u32, u16), ReadError> {
        let start: u32 = self.number("a sequence number")?;
        self.sign(':')?;
        let end_at = self.at;
        let end: u32 = self.number("the sequence number after the last byte")?;
        self.sign('(')?;
        let length: u16 = self.number("a number of bytes")?;
        if start.wrapping_add(u32::from(length)) != end {
            let right = start.wrapping_add(u32::from(length));
            let expected = format!("{right}: {start} and {length} bytes");
            return Err(self.complaint(end_at, expected));
        }
        self.sign(')')?;
        Ok((start, length))
    }

    fn tcp_options(&mut self, direction: Direction) -> Result<Option<Vec<OptionSpec>>, ReadError> {
        // A `<` here cannot be the next event: that begins with a time.
        if !self.take_sign('<') {
            return Ok(Some(Vec::new()));
        }
        if *self.peek() == Token::Ellipsis {
            if direction == Direction::Inbound {
                return self.expected("a list: `<...>` can only be expected");
            }
            self.advance();
            self.sign('>')?;
            return Ok(None);
        }
        let at = self.at;
        let mut all = vec![self.tcp_option(direction)?];
        while self.take_sign(',') {
            all.push(self.tcp_option(direction)?);
        }
        if !self.is_sign('>') {
            return self.expected("`,` or `>`");
        }
        let length: usize = all.iter().map(OptionSpec::length).sum();
        if length > 40 || !length.is_multiple_of(4) {
            let expected = "options that fill words of four bytes, ten at most (`nop` fills up)";
            let found = format!("{expected}; these take {length} bytes");
            return Err(self.complaint(at, found));
        }
        self.advance();
        Ok(Some(all))
    }

    fn tcp_option(&mut self, direction: Direction) -> Result<OptionSpec, ReadError> {
        const KNOWN: &str =
            "a TCP option: mss, nop, eol, wscale, sackOK, sack, TS, FO, FOEXP, md5, ECN";
        let at = self.at;
        let word = self.word(KNOWN)?;
        Ok(match word.as_str() {
            "nop" => OptionSpec::NoOperation,
            "eol" => OptionSpec::EndOfList,
            "mss" => OptionSpec::Mss(self.number("a segment size")?),
            "wscale" => OptionSpec::WindowScale(self.number("a shift")?),
            "sackOK" => OptionSpec::SackPermitted,
            "sack" => OptionSpec::Sack(self.sack()?),
            "TS" => {
                let (value, echo, is_echo_absolute) = self.timestamps(direction)?;
                OptionSpec::Timestamps { value, echo, is_echo_absolute }
            }
            "FO" => self.raw_option(kind::FAST_OPEN, &[], "FO")?,
            "FOEXP" => self.raw_option(kind::EXPERIMENT, &FAST_OPEN_EXPERIMENT, "FOEXP")?,
            "md5" => self.raw_option(kind::MD5, &[], "md5")?,
            "ECN" => self.acc_ecn()?,
            _ => return Err(self.complaint(at, KNOWN.into())),
        })
    }

    fn sack(&mut self) -> Result<Vec<(u32, u32)>, ReadError> {
        let mut blocks = Vec::new();
        loop {
            let left = self.number("the left edge of a SACK block")?;
            self.sign(':')?;
            blocks.push((left, self.number("the right edge of a SACK block")?));
            if !matches!(self.peek(), Token::Int(_)) {
                return Ok(blocks);
            }
        }
    }

    /// Parses `val 100 ecr 0`, `val ... ecr 0!`.
    fn timestamps(&mut self, direction: Direction) -> Result<(Option<u32>, u32, bool), ReadError> {
        if !self.take_word("val") {
            return self.expected("`val`");
        }
        let value = if direction == Direction::Outbound && *self.peek() == Token::Ellipsis {
            self.advance();
            None
        } else {
            Some(self.number("a timestamp")?)
        };
        if !self.take_word("ecr") {
            return self.expected("`ecr`");
        }
        let echo = self.number("a timestamp")?;
        Ok((value, echo, self.take_sign('!')))
    }

    /// Parses an option that is kept as bytes, given in hexadecimal.
    fn raw_option(&mut self, kind: u8, lead: &[u8], name: &str) -> Result<OptionSpec, ReadError> {
        let mut data = lead.to_vec();
        let mut text = name.to_owned();
        if matches!(self.peek(), Token::Word(_) | Token::Int(_)) {
            let (from, to) = self.lexeme().span;
            let word = &self.text[from..to];
            let digits = self.definitions.get(word).map_or(word, String::as_str);
            let Some(bytes) = hexadecimal(digits) else {
                // A cookie may be a name that only the command line defines.
                return match *self.peek() {
                    Token::Word(_) => self.unsupported(format!("the cookie {word}")),
                    _ => self.expected("an even number of hexadecimal digits"),
                };
            };
            data.extend(bytes);
            text = format!("{name} {digits}");
            self.advance();
        }
        Ok(OptionSpec::Raw { kind, data, text })
    }

    /// Parses `ECN e0b 1 ceb 0 e1b 1`: byte counters of 24 bits.
    fn acc_ecn(&mut self) -> Result<OptionSpec, ReadError> {
        let (mut data, mut text) = (Vec::new(), "ECN".to_owned());
        let mut kind = ACC_ECN[0];
        loop {
            let name = match self.peek() {
                Token::Word(word) if matches!(word.as_str(), "e0b" | "e1b" | "ceb") => word.clone(),
                _ if data.is_empty() => return self.expected("`e0b` or `e1b`"),
                _ => return Ok(OptionSpec::Raw { kind, data, text }),
            };
            self.advance();
            if data.is_empty() && name == "e1b" {
                kind = ACC_ECN[1];
            }
            let count: u32 = self.number("a counter")?;
            data.extend_from_slice(&count.to_be_bytes()[1..]);
            text = format!("{text} {name} {count}");
        }
    }

    fn icmp(&mut self) -> Result<IcmpSpec, ReadError> {
        let place = self.place();
        let kind = self.word("an ICMP type")?;
        let code = match self.peek().clone() {
            Token::Word(word) if word != "mtu" && word != "id" => {
                self.advance();
                Some(word)
            }
            _ => None,
        };
        let mtu = if self.take_word("mtu") { Some(self.number("an MTU")?) } else { None };
        let id = if self.take_word("id") { self.number("an identifier")? } else { 0 };
        let about = self.about()?;
        Ok(IcmpSpec { place, kind, code, mtu, id, about })
    }

    fn about(&mut self) -> Result<About, ReadError> {
        if !self.take_sign('[') {
            return Ok(About::Tcp { start: 0, length: 0 });
        }
        let about = match self.peek().clone() {
            Token::Word(word) if word == "udp" || word == "raw" => {
                self.advance();
                self.sign('(')?;
                let length = self.number("a number of bytes")?;
                self.sign(')')?;
                if word == "udp" { About::Udp { length } } else { About::Raw { length } }
            }
            _ => {
                let (start, length) = self.sequence()?;
                About::Tcp { start, length }
            }
        };
        self.sign(']')?;
        Ok(about)
    }
}

impl OptionSpec {
    /// The length of the option, bytes.
    pub(crate) fn length(&self) -> usize {
        match self {
            OptionSpec::NoOperation | OptionSpec::EndOfList => 1,
            OptionSpec::Mss(_) => 4,
            OptionSpec::WindowScale(_) => 3,
            OptionSpec::SackPermitted => 2,
            OptionSpec::Sack(blocks) => 2 + 8 * blocks.len(),
            OptionSpec::Timestamps { .. } => 10,
            OptionSpec::Raw { data, .. } => 2 + data.len(),
        }
    }
}

/// Parses flags such as `S.`, each letter once. A digit is the counter of Accurate ECN.
fn parse_flags(text: &str) -> Option<(Flags, Option<u8>)> {
    if text.is_empty() {
        return None;
    }
    let (mut flags, mut ace) = (Flags::NONE, None);
    for letter in text.chars() {
        let flag = match letter {
            'F' => Flags::FIN,
            'S' => Flags::SYN,
            'R' => Flags::RST,
            'P' => Flags::PSH,
            '.' => Flags::ACK,
            'U' => Flags::URG,
            'E' => Flags::ECE,
            'W' => Flags::CWR,
            'A' => Flags::AE,
            '0'..='7' if ace.is_none() => {
                ace = letter.to_digit(8).map(|count| count as u8);
                continue;
            }
            _ => return None,
        };
        if flags.contains(flag) {
            return None;
        }
        flags |= flag;
    }
    if let Some(count) = ace {
        let bits = [(1, Flags::ECE), (2, Flags::CWR), (4, Flags::AE)];
        for (bit, flag) in bits {
            if count & bit != 0 {
                flags |= flag;
            }
        }
    }
    Some((flags, ace))
}

fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let digit = |c: u8| char::from(c).to_digit(16);
    pairs.iter().map(|[high, low]| Some((digit(*high)? * 16 + digit(*low)?) as u8)).collect()
}
