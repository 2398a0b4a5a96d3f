//! The text of an archive as UTF-8: a byte order mark is passed over, UTF-16 is decoded.

use std::io::{self, Read};

use encoding_rs::{Decoder, UTF_16BE, UTF_16LE};

use crate::error::ImportError;
use crate::input::Input;
use crate::json::{Json, JsonError};

/// The bytes of an archive as UTF-8.
pub(crate) struct Text {
    input: Input,
    decoder: Option<Decoder>,
    decoded: Vec<u8>,
    at: usize,
    over: bool,
    /// What is unusual about the text, for a note.
    pub(crate) unusual: Option<&'static str>,
}

impl Text {
    /// Finds out the encoding by the first bytes.
    pub(crate) fn new(input: Input) -> Self {
        // Without a byte order mark, the zero byte beside the first brace tells the encoding
        // (RFC 4627 §3).
        let (decoder, unusual) = match input.begin() {
            [0xef, 0xbb, 0xbf, ..] => (None, Some("the text begins with a byte order mark")),
            [0xff, 0xfe, ..] | [b'{', 0, ..] => (
                Some(UTF_16LE.new_decoder_with_bom_removal()),
                Some("the text is UTF-16, little-endian"),
            ),
            [0xfe, 0xff, ..] | [0, b'{', ..] => (
                Some(UTF_16BE.new_decoder_with_bom_removal()),
                Some("the text is UTF-16, big-endian"),
            ),
            _ => (None, None),
        };
        let skip = if decoder.is_none() && unusual.is_some() { 3 } else { 0 };
        let mut text = Self { input, decoder, decoded: Vec::new(), at: 0, over: false, unusual };
        let mut mark = [0; 3];
        if skip > 0 && text.input.read_exact(&mut mark).is_err() {
            text.over = true;
        }
        text
    }

    /// The file behind the text.
    pub(crate) fn input(&mut self) -> &mut Input {
        &mut self.input
    }

    /// Decodes the next stretch of UTF-16.
    fn decode(&mut self) -> io::Result<()> {
        let Some(decoder) = &mut self.decoder else { return Ok(()) };
        let mut bytes = [0; 1 << 13];
        let read = self.input.read(&mut bytes)?;
        self.over = read == 0;
        // A code unit of two bytes becomes at most three, and a pair of them four.
        self.decoded.resize(read * 2 + 16, 0);
        self.at = 0;
        let (_, _, written, _) =
            decoder.decode_to_utf8(&bytes[..read], &mut self.decoded, self.over);
        self.decoded.truncate(written);
        Ok(())
    }
}

impl Read for Text {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.decoder.is_none() {
            return if self.over { Ok(0) } else { self.input.read(into) };
        }
        while self.at == self.decoded.len() && !self.over {
            self.decode()?;
        }
        let ready = &self.decoded[self.at..];
        let taken = ready.len().min(into.len());
        into[..taken].copy_from_slice(&ready[..taken]);
        self.at += taken;
        Ok(taken)
    }
}

/// An error of the text, with its line and column.
pub(crate) fn located(json: &mut Json<Text>, error: JsonError) -> ImportError {
    match error {
        JsonError::Io(source) => {
            let offset = json.offset();
            json.input().input().origin().failed(offset, source)
        }
        JsonError::Wrong { offset, why } => {
            let (line, column) = json.place(offset);
            let path = json.input().input().path().to_owned();
            ImportError::Json { path, offset, line, column, why }
        }
    }
}
