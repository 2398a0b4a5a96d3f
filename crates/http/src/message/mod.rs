//! Messages of HTTP/1.0 and HTTP/1.1 (RFC 9112), without I/O: client and server share this codec.
//!
//! Decoders take bytes as they come and say how many they used; what they find wrong is a
//! [`MessageError`] that knows its byte offset and the section of the RFC that it breaks. A server is
//! strict: what the RFCs merely tolerate from old senders is refused, since two readers that
//! tolerate differently are how requests are smuggled. A client takes what every browser takes, and
//! tells of it ([`Manner`]).

mod body;
mod chunked;
mod error;
mod extension;
mod fields;
mod framing;
mod head;
mod host;
mod limits;
mod request_line;
mod start_line;
mod status_line;
mod step;
mod tolerated;
mod version;

pub use body::BodyDecoder;
pub use chunked::{ChunkedDecoder, encode_chunk_size, encode_last_chunk};
pub use error::{Defect, MessageError};
pub use fields::{Fields, Values, escape, to_text};
pub use framing::{keeps_alive, request_framing, response_framing};
pub use head::{Fed, Head, HeadDecoder, RequestHead, ResponseHead};
pub use host::{Authority, authority};
pub use limits::{Limits, Manner};
pub use request_line::{RequestLine, TargetForm};
pub use start_line::StartLine;
pub use status_line::StatusLine;
pub use step::Step;

pub(crate) use framing::{Codings, framed, transfer_codings};
pub(crate) use version::version_text;
