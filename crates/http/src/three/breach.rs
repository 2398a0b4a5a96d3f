//! What the other end may not do, and by which code it is told so.

/// An error code (RFC 9114 §8.1, RFC 9204 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) u64);

impl Code {
    pub(crate) const NO_ERROR: Self = Self(0x100);
    pub(crate) const GENERAL_PROTOCOL_ERROR: Self = Self(0x101);
    pub(crate) const INTERNAL_ERROR: Self = Self(0x102);
    pub(crate) const STREAM_CREATION_ERROR: Self = Self(0x103);
    pub(crate) const CLOSED_CRITICAL_STREAM: Self = Self(0x104);
    pub(crate) const FRAME_UNEXPECTED: Self = Self(0x105);
    pub(crate) const FRAME_ERROR: Self = Self(0x106);
    pub(crate) const EXCESSIVE_LOAD: Self = Self(0x107);
    pub(crate) const ID_ERROR: Self = Self(0x108);
    pub(crate) const SETTINGS_ERROR: Self = Self(0x109);
    pub(crate) const MISSING_SETTINGS: Self = Self(0x10a);
    pub(crate) const REQUEST_REJECTED: Self = Self(0x10b);
    pub(crate) const REQUEST_CANCELLED: Self = Self(0x10c);
    pub(crate) const REQUEST_INCOMPLETE: Self = Self(0x10d);
    pub(crate) const MESSAGE_ERROR: Self = Self(0x10e);
    pub(crate) const VERSION_FALLBACK: Self = Self(0x110);
    pub(crate) const QPACK_DECOMPRESSION_FAILED: Self = Self(0x200);
    pub(crate) const QPACK_ENCODER_STREAM_ERROR: Self = Self(0x201);
    pub(crate) const QPACK_DECODER_STREAM_ERROR: Self = Self(0x202);

    /// Its name, as the RFCs have it, or its number.
    pub(crate) fn words(self) -> String {
        let name = match self {
            Self::NO_ERROR => "H3_NO_ERROR",
            Self::GENERAL_PROTOCOL_ERROR => "H3_GENERAL_PROTOCOL_ERROR",
            Self::INTERNAL_ERROR => "H3_INTERNAL_ERROR",
            Self::STREAM_CREATION_ERROR => "H3_STREAM_CREATION_ERROR",
            Self::CLOSED_CRITICAL_STREAM => "H3_CLOSED_CRITICAL_STREAM",
            Self::FRAME_UNEXPECTED => "H3_FRAME_UNEXPECTED",
            Self::FRAME_ERROR => "H3_FRAME_ERROR",
            Self::EXCESSIVE_LOAD => "H3_EXCESSIVE_LOAD",
            Self::ID_ERROR => "H3_ID_ERROR",
            Self::SETTINGS_ERROR => "H3_SETTINGS_ERROR",
            Self::MISSING_SETTINGS => "H3_MISSING_SETTINGS",
            Self::REQUEST_REJECTED => "H3_REQUEST_REJECTED",
            Self::REQUEST_CANCELLED => "H3_REQUEST_CANCELLED",
            Self::REQUEST_INCOMPLETE => "H3_REQUEST_INCOMPLETE",
            Self::MESSAGE_ERROR => "H3_MESSAGE_ERROR",
            Self(0x10f) => "H3_CONNECT_ERROR",
            Self::VERSION_FALLBACK => "H3_VERSION_FALLBACK",
            Self::QPACK_DECOMPRESSION_FAILED => "QPACK_DECOMPRESSION_FAILED",
            Self::QPACK_ENCODER_STREAM_ERROR => "QPACK_ENCODER_STREAM_ERROR",
            Self::QPACK_DECODER_STREAM_ERROR => "QPACK_DECODER_STREAM_ERROR",
            Self(other) => return format!("code {other:#x}"),
        };
        name.to_owned()
    }
}

/// Something that the other end may not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why} ({})", .code.words())]
pub(crate) struct Breach {
    pub(crate) code: Code,
    pub(crate) why: &'static str,
    /// It ends its stream alone, and not the connection (RFC 9114 §8).
    pub(crate) of_stream: bool,
}

impl Breach {
    /// One that ends the connection.
    pub(crate) const fn of_connection(code: Code, why: &'static str) -> Self {
        Self { code, why, of_stream: false }
    }

    /// One that ends its stream.
    pub(crate) const fn of_stream(code: Code, why: &'static str) -> Self {
        Self { code, why, of_stream: true }
    }

    /// A message that is not as it must be (RFC 9114 §4.1.2).
    pub(crate) const fn malformed(why: &'static str) -> Self {
        Self::of_stream(Code::MESSAGE_ERROR, why)
    }
}
