//! Credentials in captured frames: overwritten in place, the TCP checksum adjusted to it.
