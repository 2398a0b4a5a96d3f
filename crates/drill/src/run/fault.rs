//! The reasons why a script cannot go on.

use roundtrip_record::Time;

/// Why a script cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The host did something else than the script says; the lines say what.
    Mismatch(Vec<String>),
    /// The script asks for something that is not supported.
    Unsupported(String),
}

impl Fault {
    pub(crate) fn mismatch(line: impl Into<String>) -> Fault {
        Fault::Mismatch(vec![line.into()])
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Fault {
        Fault::Unsupported(what.into())
    }
}

/// A time in the notation of scripts: seconds since the beginning, with six digits.
pub(crate) fn seconds(at: Time) -> String {
    let micros = at.since(super::net::START).as_micros();
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}
