//! `trace.pcapng`: a writer for the format of draft-ietf-opsawg-pcapng, with the blocks a record
//! needs: section header, interface description, enhanced packet, decryption secrets.

use std::io::{self, Read, Write};

use crate::Direction;

/// How an interface's packets begin, as the registry of link-layer types names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkType {
    /// An Ethernet header: `LINKTYPE_ETHERNET`.
    Ethernet,
    /// An IPv4 or IPv6 header: `LINKTYPE_RAW`.
    Raw,
}

impl LinkType {
    const fn code(self) -> u16 {
        match self {
            Self::Ethernet => 1,
            Self::Raw => 101,
        }
    }
}

/// One packet to be written to the capture.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The interface's number, as [`PcapngWriter::interface`] returned it.
    pub interface: u32,
    /// When the packet passed, in nanoseconds since 1970-01-01T00:00:00Z.
    pub nanos: u64,
    /// Whether the packet was sent or received.
    pub direction: Direction,
    /// The packet's bytes, whole; the writer cuts them at the interface's limit.
    pub bytes: &'a [u8],
    /// A comment on the packet for readers of the capture; empty for none.
    pub comment: &'a str,
}

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const DECRYPTION_SECRETS: u32 = 0x0A;
/// The secrets type `0x544c534b`: the data are lines of an NSS key log.
const TLS_KEY_LOG: u32 = 0x544C_534B;

const END_OF_OPTIONS: u16 = 0;
const COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;
const EPB_FLAGS: u16 = 2;

/// A writer of a pcapng capture file. Numbers are little-endian on every machine, so that the same
/// packets make the same file.
#[derive(Debug)]
pub struct PcapngWriter<W> {
    out: W,
    /// The block being built; the buffer is reused for every block.
    block: Vec<u8>,
    /// The snapshot length of each interface, in bytes; `usize::MAX` for none.
    limits: Vec<usize>,
    packets: u64,
}

impl<W: Write> PcapngWriter<W> {
    /// Begins a capture with a section header that names `program` as its writer.
    ///
    /// # Errors
    /// The errors of the underlying writer.
    pub fn new(out: W, program: &str) -> io::Result<Self> {
        let mut writer =
            Self { out, block: Vec::with_capacity(2048), limits: Vec::new(), packets: 0 };
        writer.begin(SECTION_HEADER);
        writer.u32(0x1A2B_3C4D);
        writer.u16(1);
        writer.u16(0);
        writer.u32(u32::MAX);
        writer.u32(u32::MAX);
        writer.option(SHB_USERAPPL, program.as_bytes());
        writer.option(END_OF_OPTIONS, &[]);
        writer.end()?;
        Ok(writer)
    }

    /// Describes the next interface and returns its number, from 0. Packets are cut after `snaplen`
    /// bytes; `None` keeps them whole.
    ///
    /// # Errors
    /// The errors of the underlying writer.
    pub fn interface(
        &mut self,
        name: &str,
        description: &str,
        link: LinkType,
        snaplen: Option<u32>,
    ) -> io::Result<u32> {
        self.begin(INTERFACE_DESCRIPTION);
        self.u16(link.code());
        self.u16(0);
        self.u32(snaplen.unwrap_or(0));
        self.option(IF_NAME, name.as_bytes());
        if !description.is_empty() {
            self.option(IF_DESCRIPTION, description.as_bytes());
        }
        // Timestamps have a resolution of 10⁻⁹ s.
        self.option(IF_TSRESOL, &[9]);
        self.option(END_OF_OPTIONS, &[]);
        self.end()?;
        let limit = snaplen.map_or(usize::MAX, |limit| limit as usize);
        self.limits.push(limit);
        Ok(self.limits.len() as u32 - 1)
    }

    /// How many interfaces have been described.
    pub fn interfaces(&self) -> usize {
        self.limits.len()
    }

    /// How many packets have been written; the next packet has this number plus one.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Writes lines of an NSS key log, with which readers decrypt the packets that follow.
    ///
    /// # Errors
    /// The errors of the underlying writer.
    pub fn secrets(&mut self, key_log: &[u8]) -> io::Result<()> {
        self.begin(DECRYPTION_SECRETS);
        self.u32(TLS_KEY_LOG);
        self.u32(key_log.len() as u32);
        self.block.extend_from_slice(key_log);
        self.pad();
        self.end()
    }

    /// Writes a packet and returns its number, from 1 as tshark counts.
    ///
    /// # Errors
    /// The errors of the underlying writer, and `InvalidInput` for an interface that was not
    /// described.
    pub fn packet(&mut self, packet: &Packet<'_>) -> io::Result<u64> {
        let Some(&limit) = self.limits.get(packet.interface as usize) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no such interface"));
        };
        let kept = &packet.bytes[..packet.bytes.len().min(limit)];
        self.begin(ENHANCED_PACKET);
        self.u32(packet.interface);
        self.u32((packet.nanos >> 32) as u32);
        self.u32(packet.nanos as u32);
        self.u32(kept.len() as u32);
        self.u32(packet.bytes.len() as u32);
        self.block.extend_from_slice(kept);
        self.pad();
        if !packet.comment.is_empty() {
            self.option(COMMENT, packet.comment.as_bytes());
        }
        let flags: u32 = match packet.direction {
            Direction::Received => 1,
            Direction::Sent => 2,
        };
        self.option(EPB_FLAGS, &flags.to_le_bytes());
        self.option(END_OF_OPTIONS, &[]);
        self.end()?;
        self.packets += 1;
        Ok(self.packets)
    }

    /// Flushes the underlying writer.
    ///
    /// # Errors
    /// The errors of the underlying writer.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Goes on in another place, to which all that was written so far has been copied.
    pub(crate) fn continue_in(&mut self, out: W) {
        self.out = out;
    }

    /// Returns the underlying writer.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn begin(&mut self, kind: u32) {
        self.block.clear();
        self.u32(kind);
        self.u32(0);
    }

    /// Fills in the length at both ends of the block and writes the block.
    fn end(&mut self) -> io::Result<()> {
        let length = (self.block.len() as u32 + 4).to_le_bytes();
        self.block[4..8].copy_from_slice(&length);
        self.block.extend_from_slice(&length);
        self.out.write_all(&self.block)
    }

    fn u16(&mut self, value: u16) {
        self.block.extend_from_slice(&value.to_le_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.block.extend_from_slice(&value.to_le_bytes());
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        let value = &value[..value.len().min(usize::from(u16::MAX))];
        self.u16(code);
        self.u16(value.len() as u16);
        self.block.extend_from_slice(value);
        self.pad();
    }

    fn pad(&mut self) {
        let whole = self.block.len().next_multiple_of(4);
        self.block.resize(whole, 0);
    }
}

/// Copies a capture of ours, with the lines of a key log before all packets: a reader that goes through
/// a file once, as tshark does, looks for keys when it comes to the handshake, and does not come back.
///
/// # Errors
/// The errors of reader and writer, and `InvalidData` for what is no capture of ours.
pub(crate) fn with_secrets_first(
    input: &mut impl Read,
    output: impl Write,
    key_log: &[u8],
) -> io::Result<()> {
    let mut writer =
        PcapngWriter { out: output, block: Vec::new(), limits: Vec::new(), packets: 0 };
    let mut block = Vec::new();
    let mut is_first = true;
    while let Some(kind) = read_block(input, &mut block)? {
        if kind != DECRYPTION_SECRETS {
            writer.out.write_all(&block)?;
        }
        if core::mem::replace(&mut is_first, false) {
            writer.secrets(key_log)?;
        }
    }
    writer.flush()
}

/// Reads the next block whole and returns its type; `None` at the end.
fn read_block(input: &mut impl Read, block: &mut Vec<u8>) -> io::Result<Option<u32>> {
    block.clear();
    if input.by_ref().take(8).read_to_end(block)? == 0 {
        return Ok(None);
    }
    let word = |at: usize| {
        let bytes = block.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u32::from_le_bytes).ok_or(io::ErrorKind::InvalidData)
    };
    let (kind, length) = (word(0)?, u64::from(word(4)?));
    let rest = length.checked_sub(8).ok_or(io::ErrorKind::InvalidData)?;
    if input.by_ref().take(rest).read_to_end(block)? as u64 != rest {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(kind))
}
