//! What both ends of HTTP/3 have in common (RFC 9114), upon the streams of `roundtrip_quic`.

mod breach;
mod fields;
mod frame;
mod hub;
mod number;
mod observer;
mod qpack;
mod settings;
mod unidirectional;

pub(crate) use breach::{Breach, Code};
pub(crate) use fields::{
    Lines, others as other_lines, request_head, request_lines, response_head, response_lines,
    trailers,
};
pub(crate) use frame::{Frames, Kind, Part, data_head, framed};
pub(crate) use hub::{Hub, Section};
pub use observer::{Observation, Observed, Observer};
