//! Interim responses and trailers: what stands around the response itself, in every version.

use core::fmt;
use std::rc::Rc;

use http::StatusCode;
use roundtrip_wire::LocalFuture;

use crate::message::Fields;

/// Takes interim responses while the response itself is being made.
pub(crate) trait InterimSink {
    fn send(&self, status: StatusCode, fields: &Fields);
}

/// Sends interim responses (RFC 9110 §15.2) of one request, whichever version it came in.
#[derive(Clone, Default)]
pub struct Interim(Option<Rc<dyn InterimSink>>);

impl Interim {
    pub(crate) fn to(sink: Rc<dyn InterimSink>) -> Self {
        Self(Some(sink))
    }

    /// Whom nobody hears: of a client of HTTP/1.0, which knows none.
    pub(crate) fn nobody() -> Self {
        Self(None)
    }

    /// Sends one; its status must be of the 1xx, and neither 100, which the server sends by itself,
    /// nor 101, which is no interim response to go on after. Others are passed over, and so are all
    /// once the response has begun.
    pub fn send(&self, status: StatusCode, fields: &Fields) {
        let fits = status.is_informational()
            && status != StatusCode::CONTINUE
            && status != StatusCode::SWITCHING_PROTOCOLS;
        if let Some(sink) = self.0.as_ref().filter(|_| fits) {
            sink.send(status, fields);
        }
    }

    /// Sends 103 Early Hints (RFC 8297) with these fields, `Link` among them.
    pub fn early_hints(&self, fields: &Fields) {
        self.send(StatusCode::EARLY_HINTS, fields);
    }
}

impl fmt::Debug for Interim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Interim").field(&self.0.is_some()).finish()
    }
}

/// The trailer fields of a response (RFC 9110 §6.5).
#[derive(Default)]
pub enum Trailers {
    /// There are none.
    #[default]
    None,
    /// They are known.
    Known(Fields),
    /// They are known when the body has been read: what makes them is asked then.
    Later(LocalFuture<'static, Fields>),
}

impl Trailers {
    /// Whether there may be any.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// The fields, once the body has been sent.
    pub(crate) async fn fields(self) -> Fields {
        match self {
            Self::None => Fields::new(),
            Self::Known(fields) => fields,
            Self::Later(fields) => fields.await,
        }
    }
}

impl From<Fields> for Trailers {
    fn from(fields: Fields) -> Self {
        if fields.is_empty() { Self::None } else { Self::Known(fields) }
    }
}

impl fmt::Debug for Trailers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Known(fields) => f.debug_tuple("Known").field(fields).finish(),
            Self::Later(_) => f.write_str("Later"),
        }
    }
}
