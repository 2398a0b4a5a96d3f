//! What stands behind the descriptors of a script's program.

mod datagrams;
mod epoll;
mod stream;

pub(crate) use datagrams::Datagrams;
pub(crate) use epoll::{Epoll, Watched};
pub(crate) use stream::{Seen, State, Stream};

/// What a descriptor stands for.
#[derive(Debug)]
pub(crate) struct File {
    /// `O_NONBLOCK` is set.
    pub(crate) is_nonblocking: bool,
    pub(crate) kind: Kind,
}

/// See [`File`].
#[derive(Debug)]
pub(crate) enum Kind {
    Stream(Box<Stream>),
    Datagrams(Datagrams),
    Epoll(Epoll),
}
