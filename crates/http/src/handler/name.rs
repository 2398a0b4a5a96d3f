//! Names of files as bytes: URLs can hold any, and so can names on Unix.

use std::ffi::OsString;

/// The name that these bytes are; `None` where no file of this system can have it.
#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "other systems have names that are text alone")]
pub(super) fn from_bytes(bytes: Vec<u8>) -> Option<OsString> {
    use std::os::unix::ffi::OsStringExt as _;
    Some(OsString::from_vec(bytes))
}

/// The name that these bytes are; `None` where no file of this system can have it.
#[cfg(not(unix))]
pub(super) fn from_bytes(bytes: Vec<u8>) -> Option<OsString> {
    String::from_utf8(bytes).ok().map(OsString::from)
}
