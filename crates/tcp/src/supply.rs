//! The memory that a host has for a connection's buffers.

/// How much memory there is for a connection's buffers. The owner adds up the memory of all its
/// connections ([`Connection::memory`]) and compares it with a limit (`net.ipv4.tcp_mem`;
/// `__sk_mem_raise_allocated`).
///
/// [`Connection::memory`]: crate::Connection::memory
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Supply {
    /// There is as much memory as the buffers may take.
    #[default]
    Ample,
    /// Memory is short (`sk_under_memory_pressure`): buffers and windows do not grow.
    Short,
    /// There is no memory beyond the least of each buffer (the first values of
    /// [`Profile::receive_memory`] and [`Profile::send_memory`]): received data is dropped, and
    /// writes take nothing.
    ///
    /// [`Profile::receive_memory`]: crate::Profile::receive_memory
    /// [`Profile::send_memory`]: crate::Profile::send_memory
    Gone,
}
