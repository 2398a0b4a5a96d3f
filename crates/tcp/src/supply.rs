//! How much memory the host has for a connection's buffers.

/// How much memory there is for a connection's buffers, whose owner counts that of all
/// ([`Connection::memory`]) against a limit (`net.ipv4.tcp_mem`; `__sk_mem_raise_allocated`).
///
/// [`Connection::memory`]: crate::Connection::memory
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Supply {
    /// As much as the buffers may take.
    #[default]
    Ample,
    /// It runs short (`sk_under_memory_pressure`): buffers and windows do not grow.
    Short,
    /// There is none beyond the least of each buffer (the first values of
    /// [`Profile::receive_memory`] and [`Profile::send_memory`]): what comes is dropped, and
    /// nothing is taken to be sent.
    ///
    /// [`Profile::receive_memory`]: crate::Profile::receive_memory
    /// [`Profile::send_memory`]: crate::Profile::send_memory
    Gone,
}
