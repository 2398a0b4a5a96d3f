//! The first reading of a capture: its digest, the keys that it holds, and when it begins.

use crate::error::ImportError;
use crate::input::{Input, Origin};

use super::file::{Block, CaptureFile, FileError};
use super::keys::Keys;

/// What the first reading tells.
pub(crate) struct Survey {
    /// SHA-256 of the file, in hexadecimal.
    pub(crate) digest: String,
    /// The name of the file's format.
    pub(crate) format: &'static str,
    pub(crate) keys: Keys,
    /// When the first packet was captured, nanoseconds since 1970.
    pub(crate) epoch: u64,
    pub(crate) packets: u64,
}

impl Survey {
    /// Reads a capture to its end.
    pub(crate) fn of(input: Input) -> Result<Self, ImportError> {
        let origin = input.origin().clone();
        let mut file = open(input)?;
        let (digest, keys) = (String::new(), Keys::default());
        let mut survey = Self { digest, format: file.name(), keys, epoch: 0, packets: 0 };
        loop {
            match file.next() {
                Ok(Some(Block::Packet(packet))) => {
                    if survey.packets == 0 {
                        survey.epoch = packet.nanos;
                    }
                    survey.packets += 1;
                }
                Ok(Some(Block::Keys(keys))) => survey.keys.add(&keys),
                Ok(None) => break,
                Err(error) => return Err(wrong(&origin, file.offset, error)),
            }
        }
        survey.digest = file.into_inner().digest()?;
        Ok(survey)
    }
}

/// Opens a capture.
pub(crate) fn open(input: Input) -> Result<CaptureFile<Input>, ImportError> {
    let origin = input.origin().clone();
    CaptureFile::open(input).map_err(|error| wrong(&origin, 0, error))
}

/// What is wrong with a capture, and where.
pub(crate) fn wrong(origin: &Origin, offset: u64, error: FileError) -> ImportError {
    match error {
        FileError::Io(source) => origin.failed(offset, source),
        FileError::Damaged(why) => ImportError::Damaged { path: origin.path.clone(), offset, why },
    }
}
