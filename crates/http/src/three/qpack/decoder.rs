//! Decodes field sections, and takes what the other end puts into the table.

use super::Line;
use super::dynamic::Table;
use super::prefix::{Reader, Unread, number};
use super::static_table::ENTRIES;
use crate::three::breach::{Breach, Code};

/// A section that was decoded, or waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    Lines(Vec<Line>),
    /// It refers to an entry that has not come.
    Blocked,
    /// It is larger than it may be.
    TooLarge,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Decoder {
    table: Table,
    /// The capacity that we allow.
    most: u64,
    /// Bytes that a section may come to, each field counting 32 more.
    section: usize,
    /// The beginning of an instruction that has not come to its end.
    input: Vec<u8>,
    /// Instructions for the other end's encoder that have not been sent.
    output: Vec<u8>,
    /// Entries that the other end knows to have come.
    known: u64,
}

const FAILED: Code = Code::QPACK_DECOMPRESSION_FAILED;

fn failed(why: &'static str) -> Breach {
    Breach::of_connection(FAILED, why)
}

fn broken(_: Unread) -> Breach {
    failed("a field section that cannot be decoded")
}

impl Decoder {
    /// One that allows a table of so many bytes, and sections of so many.
    pub(crate) fn new(most: u64, section: usize) -> Self {
        let (input, output) = (Vec::new(), Vec::new());
        Self { table: Table::default(), most, section, input, output, known: 0 }
    }

    /// Takes bytes of the other end's encoder stream (RFC 9204 §4.3); whether entries came.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<bool, Breach> {
        let before = self.table.inserted();
        let input = [core::mem::take(&mut self.input).as_slice(), bytes].concat();
        let mut reader = Reader { rest: &input };
        loop {
            let start = reader;
            match self.instruction(&mut reader) {
                Ok(true) => {}
                Ok(false) => break,
                Err(Instruction::Short) => {
                    // The longest there can be fills the table.
                    if start.rest.len() as u64 > 2 * self.most + 64 {
                        return Err(encoder("an instruction longer than the table"));
                    }
                    self.input = start.rest.to_vec();
                    break;
                }
                Err(Instruction::Bad(why)) => return Err(encoder(why)),
            }
        }
        let came = self.table.inserted() - before;
        if came > 0 {
            // Insert Count Increment (§4.4.3).
            number(self.table.inserted() - self.known, 6, 0, &mut self.output);
            self.known = self.table.inserted();
        }
        Ok(came > 0)
    }

    /// The next instruction; false where there is none.
    fn instruction(&mut self, reader: &mut Reader<'_>) -> Result<bool, Instruction> {
        let most = self.most as usize;
        let Some(first) = reader.first() else { return Ok(false) };
        let line = match first {
            // Insert with Name Reference (§4.3.2).
            0x80.. => {
                let index = reader.number(6)?;
                let name = if first & 0x40 == 0 {
                    self.relative(index).ok_or(Instruction::Bad("a name that is not there"))?.0
                } else {
                    let entry = ENTRIES.get(index as usize);
                    let (name, _) = entry.ok_or(Instruction::Bad("a name of no entry"))?;
                    name.as_bytes().to_vec()
                };
                (name, reader.string(7, most)?)
            }
            // Insert with Literal Name (§4.3.3).
            0x40..=0x7f => (reader.string(5, most)?, reader.string(7, most)?),
            // Set Dynamic Table Capacity (§4.3.1).
            0x20..=0x3f => {
                let capacity = reader.number(5)?;
                if capacity > self.most {
                    return Err(Instruction::Bad("a table larger than we allow"));
                }
                self.table.set_capacity(capacity);
                return Ok(true);
            }
            // Duplicate (§4.3.4).
            0x00..=0x1f => {
                let index = reader.number(5)?;
                self.relative(index).ok_or(Instruction::Bad("an entry that is not there"))?
            }
        };
        let fits = self.table.insert(line);
        fits.map(|()| true).map_err(|_| Instruction::Bad("an entry larger than the table"))
    }

    /// The entry that so many came after.
    fn relative(&self, index: u64) -> Option<Line> {
        let index = self.table.inserted().checked_sub(1)?.checked_sub(index)?;
        self.table.get(index).cloned()
    }

    /// Decodes a section of a stream (RFC 9204 §4.5).
    pub(crate) fn decode(&mut self, stream: u64, section: &[u8]) -> Result<Decoded, Breach> {
        let mut reader = Reader { rest: section };
        let required = self.required(reader.number(8).map_err(broken)?)?;
        let negative = reader.first().is_some_and(|first| first & 0x80 != 0);
        let delta = reader.number(7).map_err(broken)?;
        let base = if negative {
            required.checked_sub(delta).and_then(|base| base.checked_sub(1))
        } else {
            required.checked_add(delta)
        };
        let base = base.ok_or(failed("a base before the first entry"))?;
        if required > self.table.inserted() {
            return Ok(Decoded::Blocked);
        }
        let (mut lines, mut size) = (Vec::new(), 0);
        while !reader.rest.is_empty() {
            let line = self.line(&mut reader, base, required)?;
            size += line.0.len() + line.1.len() + 32;
            if size > self.section {
                return Ok(Decoded::TooLarge);
            }
            lines.push(line);
        }
        if required > 0 {
            // Section Acknowledgment (§4.4.1), which tells of the entries as well.
            number(stream, 7, 0x80, &mut self.output);
            self.known = self.known.max(required);
        }
        Ok(Decoded::Lines(lines))
    }

    /// How many entries a section needs, out of what its prefix says (§4.5.1.1).
    fn required(&self, coded: u64) -> Result<u64, Breach> {
        let bad = failed("a number of entries that cannot be");
        if coded == 0 {
            return Ok(0);
        }
        let entries = self.most / 32;
        let full = 2 * entries;
        if coded > full {
            return Err(bad);
        }
        let most = self.table.inserted() + entries;
        let wrapped = most / full * full;
        let mut required = wrapped + coded - 1;
        if required > most {
            required = required.checked_sub(full).filter(|less| *less > 0).ok_or(bad)?;
        }
        if required == 0 { Err(bad) } else { Ok(required) }
    }

    /// The next line of a section.
    fn line(&self, reader: &mut Reader<'_>, base: u64, required: u64) -> Result<Line, Breach> {
        let first = reader.first().unwrap_or_default();
        let dynamic = |index: Option<u64>| {
            let line = index.filter(|index| *index < required).and_then(|at| self.table.get(at));
            line.cloned().ok_or(failed("an entry that is not there"))
        };
        let below = |index: u64| base.checked_sub(1).and_then(|last| last.checked_sub(index));
        let fixed = |index: u64| {
            let entry = usize::try_from(index).ok().and_then(|index| ENTRIES.get(index));
            entry.copied().ok_or(failed("an entry beyond the static table"))
        };
        let value = |reader: &mut Reader<'_>| reader.string(7, self.section).map_err(broken);
        Ok(match first {
            // Indexed (§4.5.2).
            0x80.. => {
                let index = reader.number(6).map_err(broken)?;
                if first & 0x40 == 0 {
                    dynamic(below(index))?
                } else {
                    let (name, value) = fixed(index)?;
                    (name.as_bytes().to_vec(), value.as_bytes().to_vec())
                }
            }
            // Literal with Name Reference (§4.5.4).
            0x40..=0x7f => {
                let index = reader.number(4).map_err(broken)?;
                let name = if first & 0x10 == 0 {
                    dynamic(below(index))?.0
                } else {
                    fixed(index)?.0.as_bytes().to_vec()
                };
                (name, value(reader)?)
            }
            // Literal with Literal Name (§4.5.6).
            0x20..=0x3f => (reader.string(3, self.section).map_err(broken)?, value(reader)?),
            // Indexed with Post-Base Index (§4.5.3).
            0x10..=0x1f => {
                let index = reader.number(4).map_err(broken)?;
                dynamic(base.checked_add(index))?
            }
            // Literal with Post-Base Name Reference (§4.5.5).
            0x00..=0x0f => {
                let index = reader.number(3).map_err(broken)?;
                (dynamic(base.checked_add(index))?.0, value(reader)?)
            }
        })
    }

    /// A stream is given up whose sections may not have been decoded (§4.4.2).
    pub(crate) fn cancel(&mut self, stream: u64) {
        if self.table.capacity() > 0 {
            number(stream, 6, 0x40, &mut self.output);
        }
    }

    /// What is to be sent to the other end's encoder.
    pub(crate) fn take_output(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.output)
    }
}

/// Why an instruction cannot be taken.
enum Instruction {
    Short,
    Bad(&'static str),
}

impl From<Unread> for Instruction {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Short => Self::Short,
            Unread::Broken => Self::Bad("an instruction that is none"),
        }
    }
}

fn encoder(why: &'static str) -> Breach {
    Breach::of_connection(Code::QPACK_ENCODER_STREAM_ERROR, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::three::qpack::encode;

    fn bytes(hex: &str) -> Vec<u8> {
        let hex: String = hex.split_whitespace().collect();
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    }

    fn lines(of: &[(&str, &str)]) -> Decoded {
        let line =
            |(name, value): &(&str, &str)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        Decoded::Lines(of.iter().map(line).collect())
    }

    /// RFC 9204 appendix B, one after the other.
    #[test]
    fn the_examples_of_the_rfc_are_read() {
        // The table of the examples has 220 bytes; that of B.2 is set to 220.
        let mut decoder = Decoder::new(220, 1000);
        let first = bytes("0000 510b 2f69 6e64 6578 2e68 746d 6c");
        assert_eq!(decoder.decode(0, &first), Ok(lines(&[(":path", "/index.html")])));
        assert!(decoder.take_output().is_empty());
        // B.2: sections may come before what they refer to.
        let second = bytes("0381 10 11");
        assert_eq!(decoder.decode(4, &second), Ok(Decoded::Blocked));
        let inserts = bytes(
            "3fbd 01 c0 0f 7777 772e 6578 616d 706c 652e 636f 6d c1 0c 2f73 616d 706c 652f 7061 7468",
        );
        for byte in inserts.chunks(1) {
            decoder.feed(byte).unwrap();
        }
        assert_eq!(decoder.take_output(), [0x01, 0x01], "one increment for each entry");
        let expected = lines(&[(":authority", "www.example.com"), (":path", "/sample/path")]);
        assert_eq!(decoder.decode(4, &second), Ok(expected));
        assert_eq!(decoder.take_output(), [0x84]);
        // B.3.
        let third = bytes("4a 6375 7374 6f6d 2d6b 6579 0c 6375 7374 6f6d 2d76 616c 7565");
        assert_eq!(decoder.feed(&third), Ok(true));
        assert_eq!(decoder.take_output(), [0x01]);
        // B.4: a duplicate, and a section with a base before its entries' end.
        assert_eq!(decoder.feed(&[0x02]), Ok(true));
        let expected = lines(&[
            (":authority", "www.example.com"),
            (":path", "/"),
            ("custom-key", "custom-value"),
        ]);
        assert_eq!(decoder.decode(8, &bytes("0500 80 c1 81")), Ok(expected));
        decoder.take_output();
        // B.5: the oldest entry falls out.
        let fifth = bytes("810d 6375 7374 6f6d 2d76 616c 7565 32");
        assert_eq!(decoder.feed(&fifth), Ok(true));
        assert_eq!(decoder.table.inserted(), 5);
        assert_eq!(decoder.table.get(0), None);
        let of = |line: &Line| String::from_utf8_lossy(&line.1).into_owned();
        assert_eq!(decoder.table.get(4).map(of).as_deref(), Some("custom-value2"));
    }

    #[test]
    fn what_is_encoded_comes_back() {
        let all = [
            (":method", "GET"),
            (":path", "/a/b?c=d"),
            (":scheme", "https"),
            ("cookie", "a=b"),
            ("x-own", "v\u{e9}"),
            ("accept", "*/*"),
        ];
        let coded = encode(all.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        assert_eq!(Decoder::new(0, 1000).decode(0, &coded), Ok(lines(&all)));
        assert_eq!(Decoder::new(0, 100).decode(0, &coded), Ok(Decoded::TooLarge));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for section in
            ["", "00", "0000ff24", "000080", "0100", "000010", "0000 27 ff", "0000 51 05 61"]
        {
            let breach = Decoder::new(220, 1000).decode(0, &bytes(section)).unwrap_err();
            assert_eq!((breach.code, breach.of_stream), (FAILED, false), "{section}");
        }
        // A table that we do not allow, an entry that is not there, one that does not fit.
        for stream in ["3fbe01", "00", "80 01 61", "ff 40 01 61", "41 61 01 62"] {
            let breach = Decoder::new(220, 1000).feed(&bytes(stream)).unwrap_err();
            assert_eq!(breach.code, Code::QPACK_ENCODER_STREAM_ERROR, "{stream}");
        }
    }

    proptest::proptest! {
        /// Whatever comes, nothing is kept beyond the limits.
        #[test]
        fn arbitrary_bytes_do_no_harm(
            stream: Vec<Vec<u8>>,
            sections: Vec<Vec<u8>>,
        ) {
            let mut decoder = Decoder::new(220, 1000);
            for bytes in stream {
                if decoder.feed(&bytes).is_err() {
                    break;
                }
                proptest::prop_assert!(decoder.input.len() <= 2 * 220 + 64 + bytes.len());
            }
            for section in sections {
                if let Ok(Decoded::Lines(lines)) = decoder.decode(0, &section) {
                    let size: usize =
                        lines.iter().map(|(name, value)| name.len() + value.len() + 32).sum();
                    proptest::prop_assert!(size <= 1000);
                }
            }
        }

        /// What the encoder makes, the decoder reads.
        #[test]
        fn lines_come_back(all: Vec<(Vec<u8>, Vec<u8>)>) {
            let coded = encode(all.iter().map(|(name, value)| (name.as_slice(), value.as_slice())));
            let decoded = Decoder::new(0, usize::MAX).decode(0, &coded);
            proptest::prop_assert_eq!(decoded, Ok(Decoded::Lines(all)));
        }
    }

    #[test]
    fn an_instruction_that_never_ends_is_not_kept() {
        let mut decoder = Decoder::new(220, 1000);
        // A string longer than the table may be.
        assert!(decoder.feed(&bytes("3fbd01 5fff ff03")).is_err());
        let mut decoder = Decoder::new(220, 1000);
        decoder.feed(&bytes("3fbd01 7f b001")).unwrap();
        assert!((0..100).any(|_| decoder.feed(&[b'a'; 10]).is_err()) || decoder.input.len() < 600);
    }
}
