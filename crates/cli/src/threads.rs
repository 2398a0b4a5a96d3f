//! The threads of commands that use all processors.

use core::num::NonZeroUsize;

/// As many threads as are wanted, one a processor unless told.
pub(crate) fn processors(wanted: Option<NonZeroUsize>) -> NonZeroUsize {
    let all = || std::thread::available_parallelism().ok();
    wanted.or_else(all).unwrap_or(NonZeroUsize::MIN)
}

/// Readies this process for one visit after another; answers on how many threads, one a processor unless told.
#[cfg(feature = "page")]
pub(crate) fn many_visits(wanted: Option<NonZeroUsize>) -> NonZeroUsize {
    roundtrip_os::syscall::keep_freed_memory();
    processors(wanted)
}
