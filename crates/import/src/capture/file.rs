//! The files of captures: pcap in all its variants, and pcapng with every block that holds packets
//! or keys.

use std::io::{self, Read};

/// The largest block or packet that is read, in bytes.
const LARGEST: u32 = 64 << 20;

/// Up to this length, in bytes, a block is believed before it is there.
const USUAL: u32 = 64 << 10;

/// A packet of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    /// When it was captured, nanoseconds since 1970.
    pub(crate) nanos: u64,
    /// The link layer's number (`LINKTYPE_`).
    pub(crate) link: u16,
    pub(crate) bytes: Vec<u8>,
    /// How long it was on the wire.
    pub(crate) original: u32,
}

/// What a capture holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// A packet.
    Packet(Packet),
    /// Lines of an NSS key log.
    Keys(Vec<u8>),
}

/// Why a capture cannot be read on.
#[derive(Debug)]
pub(crate) enum FileError {
    /// The file cannot be read.
    Io(io::Error),
    /// The file is damaged.
    Damaged(String),
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// An interface of pcapng.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: u16,
    /// Ticks of its clock in a second.
    ticks: u64,
    /// Seconds to be added.
    offset: i64,
    snaplen: u32,
}

/// How the file is written.
#[derive(Debug)]
enum Format {
    /// pcap: one link layer; `scale` is the nanoseconds of a fraction, `more` bytes follow the header
    /// of a packet.
    Pcap {
        link: u16,
        scale: u64,
        more: usize,
    },
    Pcapng {
        interfaces: Vec<Interface>,
    },
}

/// A capture that is read block by block.
pub(crate) struct CaptureFile<R> {
    input: R,
    big_endian: bool,
    format: Format,
    /// Bytes read so far.
    pub(crate) offset: u64,
    /// Whether the file ends in the middle of a block.
    pub(crate) cut: bool,
    /// Comments of packets and sections.
    pub(crate) comments: u64,
}

/// Whether a file with these first bytes is a capture.
pub(crate) fn is_capture(begin: &[u8]) -> bool {
    let Some(magic) = begin.first_chunk::<4>().copied() else { return false };
    magic == [0x0a, 0x0d, 0x0d, 0x0a] || pcap(magic).is_some()
}

/// Byte order, nanoseconds of a fraction and more bytes after a packet's header, by the first four
/// bytes of pcap.
fn pcap(magic: [u8; 4]) -> Option<(bool, u64, usize)> {
    let of = |number: u32| match number {
        0xa1b2_c3d4 => Some((1000, 0)),
        0xa1b2_3c4d => Some((1, 0)),
        // Alexey Kuznetsov's variant of 1998.
        0xa1b2_cd34 => Some((1000, 8)),
        _ => None,
    };
    let big = of(u32::from_be_bytes(magic)).map(|(scale, more)| (true, scale, more));
    big.or_else(|| of(u32::from_le_bytes(magic)).map(|(scale, more)| (false, scale, more)))
}

impl<R: Read> CaptureFile<R> {
    /// Reads the begin of a capture.
    pub(crate) fn open(mut input: R) -> Result<Self, FileError> {
        let mut magic = [0; 4];
        input.read_exact(&mut magic)?;
        let format = Format::Pcapng { interfaces: Vec::new() };
        let mut file =
            Self { input, big_endian: false, format, offset: 4, cut: false, comments: 0 };
        match pcap(magic) {
            Some((big_endian, scale, more)) => {
                file.big_endian = big_endian;
                let mut header = [0; 20];
                file.exact(&mut header)?;
                let link = file.u32(&header[16..]) as u16 & 0x03ff;
                file.format = Format::Pcap { link, scale, more };
            }
            None => file.section()?,
        }
        Ok(file)
    }

    /// The next packet or keys; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Block>, FileError> {
        match self.format {
            Format::Pcap { link, scale, more } => self.pcap(link, scale, more),
            Format::Pcapng { .. } => self.pcapng(),
        }
    }

    /// The input itself.
    pub(crate) fn into_inner(self) -> R {
        self.input
    }

    /// The format's name.
    pub(crate) fn name(&self) -> &'static str {
        match self.format {
            Format::Pcap { .. } => "pcap",
            Format::Pcapng { .. } => "pcapng",
        }
    }

    fn exact(&mut self, into: &mut [u8]) -> io::Result<()> {
        self.input.read_exact(into)?;
        self.offset += into.len() as u64;
        Ok(())
    }

    /// Fills `into`; `false` at the end of the file, which is remembered if it is in the middle.
    fn fill(&mut self, into: &mut [u8]) -> io::Result<bool> {
        let mut filled = 0;
        while filled < into.len() {
            match self.input.read(&mut into[filled..]) {
                Ok(0) => {
                    self.cut |= filled > 0;
                    return Ok(false);
                }
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.offset += into.len() as u64;
        Ok(true)
    }

    /// Reads so many bytes, without trusting the number before they are there.
    fn body(&mut self, length: u32) -> Result<Option<Vec<u8>>, FileError> {
        if length > LARGEST {
            let why = format!("a block of {length} bytes is announced");
            return Err(FileError::Damaged(why));
        }
        if length <= USUAL {
            let mut body = vec![0; length as usize];
            let is_whole = self.fill(&mut body)?;
            self.cut |= !is_whole;
            return Ok(is_whole.then_some(body));
        }
        let mut body = Vec::new();
        self.input.by_ref().take(length.into()).read_to_end(&mut body)?;
        self.offset += body.len() as u64;
        if body.len() < length as usize {
            self.cut = true;
            return Ok(None);
        }
        Ok(Some(body))
    }

    fn u16(&self, bytes: &[u8]) -> u16 {
        let two = [bytes[0], bytes[1]];
        if self.big_endian { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) }
    }

    fn u32(&self, bytes: &[u8]) -> u32 {
        let four = [bytes[0], bytes[1], bytes[2], bytes[3]];
        if self.big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
    }

    fn pcap(&mut self, link: u16, scale: u64, more: usize) -> Result<Option<Block>, FileError> {
        let mut header = [0; 24];
        if !self.fill(&mut header[..16 + more])? {
            return Ok(None);
        }
        let [seconds, fraction, length, original] = [0, 4, 8, 12].map(|at| self.u32(&header[at..]));
        let nanos = u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * scale;
        let packet = self.body(length)?.map(|bytes| Packet { nanos, link, bytes, original });
        Ok(packet.map(Block::Packet))
    }

    /// Reads the rest of a section's header, whose type has been read.
    fn section(&mut self) -> Result<(), FileError> {
        let mut rest = [0; 8];
        self.exact(&mut rest)?;
        self.big_endian = match [rest[4], rest[5], rest[6], rest[7]] {
            [0x1a, 0x2b, 0x3c, 0x4d] => true,
            [0x4d, 0x3c, 0x2b, 0x1a] => false,
            _ => return Err(FileError::Damaged("a section has no byte-order magic".into())),
        };
        let length = self.u32(&rest);
        let left = length.checked_sub(12).filter(|left| *left >= 16 && length.is_multiple_of(4));
        let left = left
            .ok_or_else(|| FileError::Damaged(format!("a section's header has {length} bytes")))?;
        let body = self.body(left)?.unwrap_or_default();
        if body.get(..2).is_some_and(|major| self.u16(major) != 1) {
            return Err(FileError::Damaged("pcapng of another major version than 1".into()));
        }
        self.format = Format::Pcapng { interfaces: Vec::new() };
        Ok(())
    }

    fn pcapng(&mut self) -> Result<Option<Block>, FileError> {
        loop {
            let mut kind = [0; 4];
            if !self.fill(&mut kind)? {
                return Ok(None);
            }
            // The type of a section's header reads the same in both byte orders.
            if kind == [0x0a, 0x0d, 0x0d, 0x0a] {
                self.section()?;
                continue;
            }
            let kind = self.u32(&kind);
            let mut length = [0; 4];
            if !self.fill(&mut length)? {
                self.cut = true;
                return Ok(None);
            }
            let length = self.u32(&length);
            if length < 12 || !length.is_multiple_of(4) {
                let why = format!("a block of {length} bytes is announced");
                return Err(FileError::Damaged(why));
            }
            let Some(mut body) = self.body(length - 8)? else { return Ok(None) };
            // The length stands again at the end.
            body.truncate(length as usize - 12);
            if let Some(block) = self.block(kind, &body)? {
                return Ok(Some(block));
            }
        }
    }

    fn block(&mut self, kind: u32, body: &[u8]) -> Result<Option<Block>, FileError> {
        let short = || FileError::Damaged(format!("a block of type {kind} is too short"));
        let part = |at: usize, length: usize| body.get(at..at + length).ok_or_else(short);
        match kind {
            1 => {
                let (link, snaplen) = (self.u16(part(0, 2)?), self.u32(part(4, 4)?));
                let interface = self.interface(link, snaplen, body.get(8..).unwrap_or_default());
                if let Format::Pcapng { interfaces } = &mut self.format {
                    interfaces.push(interface);
                }
                Ok(None)
            }
            // Enhanced packet, and the packet block that came before it.
            2 | 6 => {
                let fixed = part(0, 20)?;
                let interface = if kind == 2 { self.u16(fixed).into() } else { self.u32(fixed) };
                let ticks =
                    u64::from(self.u32(&fixed[4..])) << 32 | u64::from(self.u32(&fixed[8..]));
                let (length, original) = (self.u32(&fixed[12..]) as usize, self.u32(&fixed[16..]));
                let bytes = part(20, length)?.to_vec();
                let options = body.get(20 + length.next_multiple_of(4)..).unwrap_or_default();
                self.comments +=
                    self.options(options).iter().filter(|(code, _)| *code == 1).count() as u64;
                let interface = self.of(interface)?;
                let nanos = nanos(ticks, &interface);
                Ok(Some(Block::Packet(Packet { nanos, link: interface.link, bytes, original })))
            }
            // A simple packet has no time.
            3 => {
                let original = self.u32(part(0, 4)?);
                let interface = self.of(0)?;
                let limit = if interface.snaplen == 0 { u32::MAX } else { interface.snaplen };
                let length = (original.min(limit) as usize).min(body.len() - 4);
                let bytes = part(4, length)?.to_vec();
                Ok(Some(Block::Packet(Packet { nanos: 0, link: interface.link, bytes, original })))
            }
            // Decryption secrets of TLS.
            10 => {
                let (secrets, length) = (self.u32(part(0, 4)?), self.u32(part(4, 4)?) as usize);
                Ok((secrets == 0x544c_534b)
                    .then(|| part(8, length))
                    .transpose()?
                    .map(|keys| Block::Keys(keys.to_vec())))
            }
            // Names, statistics, journal entries, custom blocks and whatever comes later.
            _ => Ok(None),
        }
    }

    fn of(&self, interface: u32) -> Result<Interface, FileError> {
        let known = match &self.format {
            Format::Pcapng { interfaces } => interfaces.get(interface as usize).copied(),
            Format::Pcap { .. } => None,
        };
        known.ok_or_else(|| {
            FileError::Damaged(format!("a packet of interface {interface}, which is not described"))
        })
    }

    fn interface(&self, link: u16, snaplen: u32, options: &[u8]) -> Interface {
        let mut interface = Interface { link, ticks: 1_000_000, offset: 0, snaplen };
        for (code, value) in self.options(options) {
            match (code, value) {
                // if_tsresol: a power of 2 or of 10.
                (9, [resolution]) => {
                    let power = u32::from(resolution & 0x7f);
                    let base: u64 = if resolution & 0x80 == 0 { 10 } else { 2 };
                    interface.ticks = base.checked_pow(power).unwrap_or(u64::MAX);
                }
                (14, offset) if offset.len() == 8 => {
                    let (first, second) = (self.u32(offset), self.u32(&offset[4..]));
                    let (high, low) =
                        if self.big_endian { (first, second) } else { (second, first) };
                    interface.offset = (u64::from(high) << 32 | u64::from(low)) as i64;
                }
                _ => {}
            }
        }
        interface
    }

    /// The options of a block.
    fn options<'b>(&self, mut rest: &'b [u8]) -> Vec<(u16, &'b [u8])> {
        let mut options = Vec::new();
        while rest.len() >= 4 {
            let (code, length) = (self.u16(rest), usize::from(self.u16(&rest[2..])));
            let Some(value) = rest.get(4..4 + length) else { break };
            if code == 0 {
                break;
            }
            options.push((code, value));
            rest = rest.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
        }
        options
    }
}

/// Ticks of an interface's clock as nanoseconds since 1970.
fn nanos(ticks: u64, interface: &Interface) -> u64 {
    let nanos = u128::from(ticks) * 1_000_000_000 / u128::from(interface.ticks.max(1));
    let offset = i128::from(interface.offset) * 1_000_000_000;
    u64::try_from((nanos as i128).saturating_add(offset).max(0)).unwrap_or(u64::MAX)
}
