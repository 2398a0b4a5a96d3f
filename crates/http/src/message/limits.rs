//! How much of a message is taken before its body, and how strictly its rules are held to.

/// Limits on what must be held in memory at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the start line with its line end. RFC 9112 §3 recommends at least 8000.
    pub start_line: usize,
    /// Bytes of the whole head, the blank line included.
    pub head: usize,
    /// Field lines in a head.
    pub fields: usize,
    /// Bytes of all chunk extensions of one body together.
    pub chunk_extensions: usize,
    /// Bytes of a trailer section.
    pub trailers: usize,
    /// What becomes of what the RFCs do not allow.
    pub manner: Manner,
}

/// What becomes of what the RFCs do not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It is refused. Two readers that tolerate differently are how requests are smuggled.
    Strict,
    /// It is taken as browsers take it, where all of them do, and told
    /// ([`super::HeadDecoder::take_tolerated`] and its like).
    Tolerant,
}

impl Limits {
    /// What a server takes.
    pub const SERVER: Self = Self {
        start_line: 8 * 1024,
        head: 32 * 1024,
        fields: 100,
        chunk_extensions: 4 * 1024,
        trailers: 8 * 1024,
        manner: Manner::Strict,
    };

    /// What a client takes: servers send more, with cookies and policies. 256 KiB is Chromium's
    /// limit (`net/http/http_stream_parser.cc`).
    pub const CLIENT: Self = Self {
        start_line: 16 * 1024,
        head: 256 * 1024,
        fields: 1000,
        chunk_extensions: 16 * 1024,
        trailers: 64 * 1024,
        manner: Manner::Tolerant,
    };
}
