//! What is common to the request line and the status line (RFC 9112 §2.1).

use super::error::{Defect, MessageError};

/// The first line of a message.
pub trait StartLine: Sized {
    /// Empty lines before it that are passed over (RFC 9112 §2.2).
    const EMPTY_LINES: u8;

    /// What is wrong when it is longer than the limit; `begin` is as much of it as the limit permits.
    fn too_long(begin: &[u8]) -> Defect;

    /// Reads it, without its line end, from `offset` of the message.
    ///
    /// # Errors
    /// When it is not as the RFC has it.
    fn parse(line: &[u8], offset: u64) -> Result<Self, MessageError>;

    /// Reads one that breaks a rule as every browser does; `None` where they do not.
    fn tolerate(_line: &[u8]) -> Option<Self> {
        None
    }

    /// Writes it with its line end.
    fn encode(&self, out: &mut Vec<u8>);
}
