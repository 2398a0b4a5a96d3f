//! The threads of commands that carry out many visits.

use core::num::NonZeroUsize;

use roundtrip_os::syscall::keep_freed_memory;

/// Readies this process for one visit after another; answers on how many threads, one a processor unless told.
pub(crate) fn many_visits(wanted: Option<NonZeroUsize>) -> NonZeroUsize {
    keep_freed_memory();
    let all = || std::thread::available_parallelism().ok();
    wanted.or_else(all).unwrap_or(NonZeroUsize::MIN)
}
