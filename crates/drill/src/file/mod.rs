//! The open files of the script's program.

mod datagrams;
mod epoll;
mod notices;
mod stream;

pub(crate) use datagrams::Datagrams;
pub(crate) use epoll::{Epoll, Watched};
pub(crate) use notices::Notices;
pub(crate) use stream::{Seen, State, Stream};

/// An open file, to which a descriptor refers.
#[derive(Debug)]
pub(crate) struct File {
    /// Whether `O_NONBLOCK` is set.
    pub(crate) is_nonblocking: bool,
    pub(crate) kind: Kind,
}

/// The kind of an open file.
#[derive(Debug)]
pub(crate) enum Kind {
    Stream(Box<Stream>),
    Datagrams(Datagrams),
    Epoll(Epoll),
}
