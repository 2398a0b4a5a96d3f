//! The rules by which advice is found: each reads a recorded visit, and proposes what could help it.

pub(crate) mod caching;
pub(crate) mod connection;
pub(crate) mod content;
pub(crate) mod markup;
pub(crate) mod server;
