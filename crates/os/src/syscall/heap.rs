//! What the allocator does with memory that is no longer used.

/// The most that stays with the process, of the end of each thread's heap.
#[cfg(target_env = "gnu")]
const KEPT: i32 = 64 << 20;
/// How much more than asked for is taken of the kernel at once.
#[cfg(target_env = "gnu")]
const AT_ONCE: i32 = 1 << 20;
/// Blocks up to this size come from the heap, and not from a mapping of their own.
#[cfg(target_env = "gnu")]
const FROM_HEAP: i32 = 32 << 20;

/// Lets the process keep what it frees, up to 64 MiB a thread, for what it allocates next.
///
/// Unless told, glibc gives the end of a heap back to the kernel as soon as 128 KiB there are free. A program that
/// carries out one visit after another would give the same pages back and fault them in again for each: a sixth
/// of the processor time of a sweep, and more on two threads, which wait for each other in the kernel.
///
/// Other C libraries have no such setting: with them nothing is changed.
pub fn keep_freed_memory() {
    #[cfg(target_env = "gnu")]
    for (parameter, value) in [
        (libc::M_TRIM_THRESHOLD, KEPT),
        (libc::M_TOP_PAD, AT_ONCE),
        (libc::M_MMAP_THRESHOLD, FROM_HEAP),
    ] {
        // SAFETY: `mallopt` takes two numbers and touches nothing but the allocator's settings, under its lock.
        // It answers 0 where it refuses one, and then things stay as they were.
        unsafe { libc::mallopt(parameter, value) };
    }
}
