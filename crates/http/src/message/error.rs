//! What can be wrong with a message.

use core::fmt;

/// Something in a message that the RFCs do not allow, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{defect}, at byte {offset} ({})", .defect.rule())]
pub struct MessageError {
    /// What is wrong.
    pub defect: Defect,
    /// Where: bytes from the start of the message.
    pub offset: u64,
}

impl MessageError {
    pub(crate) const fn new(defect: Defect, offset: u64) -> Self {
        Self { defect, offset }
    }
}

macro_rules! defects {
    ($($variant:ident $status:literal $rule:literal $text:literal,)*) => {
        /// A rule broken. Each has its text, the section that rules it, and the status with which a
        /// server answers it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Defect {$(
            #[doc = concat!("A ", $text, " (", $rule, ").")]
            $variant,
        )*}

        impl Defect {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// In a person's words.
            pub const fn text(self) -> &'static str {
                match self {$(Self::$variant => $text,)*}
            }

            /// Where it is ruled.
            pub const fn rule(self) -> &'static str {
                match self {$(Self::$variant => $rule,)*}
            }

            /// The status with which a server refuses such a request.
            pub const fn status(self) -> u16 {
                match self {$(Self::$variant => $status,)*}
            }
        }
    };
}

defects! {
    BareLineFeed 400 "RFC 9112 §2.2" "line feed without a carriage return before it",
    BareCarriageReturn 400 "RFC 9112 §2.2" "carriage return without a line feed after it",
    SpaceBeforeFields 400 "RFC 9112 §2.2" "white space between start line and first field",
    BadRequestLine 400 "RFC 9112 §3" "request line that is not method, target and version with single spaces between",
    NoVersion 400 "RFC 9112 §3" "request line without a version, as in HTTP/0.9",
    BadMethod 400 "RFC 9110 §9.1" "method that is not a token",
    MethodTooLong 501 "RFC 9112 §3" "method longer than any that is known",
    BadTarget 400 "RFC 9112 §3.2" "request target of no known form, or with a byte that none may have",
    TargetTooLong 414 "RFC 9112 §3" "request target longer than the limit",
    BadVersion 400 "RFC 9112 §2.3" "version that is not HTTP/ and two digits",
    UnsupportedVersion 505 "RFC 9110 §15.6.6" "major version other than 1",
    BadStatusLine 400 "RFC 9112 §4" "status line that is not version, status and reason",
    BadStatus 400 "RFC 9110 §15" "status that is not three digits from 100 to 999",
    BadReason 400 "RFC 9112 §4" "reason phrase with a control character",
    NoColon 400 "RFC 9112 §5" "field line without a colon",
    SpaceBeforeColon 400 "RFC 9112 §5.1" "white space between field name and colon",
    BadFieldName 400 "RFC 9110 §5.1" "field name that is not a token",
    BadFieldValue 400 "RFC 9110 §5.5" "field value with a control character",
    ObsoleteFold 400 "RFC 9112 §5.2" "field line folded on to the next",
    HeadTooLarge 431 "RFC 6585 §5" "head larger than the limit",
    TooManyFields 431 "RFC 6585 §5" "head with more fields than the limit",
    HostMissing 400 "RFC 9112 §3.2" "request without a Host field",
    HostTwice 400 "RFC 9112 §3.2" "request with more than one Host field",
    BadHost 400 "RFC 9110 §7.2" "Host that is not a host with an optional port",
    BadContentLength 400 "RFC 9110 §8.6" "Content-Length that is not a decimal number",
    ConflictingLengths 400 "RFC 9112 §6.3" "message with more than one Content-Length",
    LengthAndCoding 400 "RFC 9112 §6.1" "message with both Transfer-Encoding and Content-Length",
    CodingBeforeHttp11 400 "RFC 9112 §6.1" "Transfer-Encoding in a message of HTTP/1.0",
    BadTransferCoding 400 "RFC 9112 §6.1" "Transfer-Encoding that is not a list of codings",
    NotChunkedLast 400 "RFC 9112 §6.3" "message whose last transfer coding is not chunked",
    ChunkedTwice 400 "RFC 9112 §6.1" "message that is chunked more than once",
    CodingForbidden 400 "RFC 9112 §6.1" "Transfer-Encoding where no body may be",
    UnknownTransferCoding 501 "RFC 9112 §6.1" "transfer coding that is not understood",
    BadChunkSize 400 "RFC 9112 §7.1" "chunk size that is not a hexadecimal number",
    ChunkTooLarge 400 "RFC 9112 §7.1" "chunk size beyond 2^63",
    BadChunkExtension 400 "RFC 9112 §7.1.1" "chunk extension with a byte that none may have",
    ChunkExtensionsTooLong 400 "RFC 9112 §7.1.1" "total of chunk extensions longer than the limit",
    BadChunkEnd 400 "RFC 9112 §7.1" "chunk without an end of line after its data",
    TrailersTooLarge 431 "RFC 6585 §5" "trailer section larger than the limit",
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
