//! What the wires of a real machine, `live` and `tap`, need of its operating system: Linux.
//!
//! [`run`] starts a runtime on this thread; on it there are tasks ([`spawn`], [`work`]), timers
//! ([`Clock::sleep_until`]), signals ([`interrupted`], [`Signals`]) and child processes
//! ([`spawn_process`]). [`Machine`] is the machine's own files and services, [`random`] the system's
//! generator, and [`syscall`] the calls that no safe crate offers. [`on_threads`] is for programs that
//! use more than one processor.
//!
//! ```
//! use core::time::Duration;
//! use roundtrip_os::{Clock, run};
//!
//! let clock = Clock::start();
//! let late = run(async move {
//!     let until = clock.now() + Duration::from_millis(2);
//!     clock.sleep_until(until).await;
//!     clock.now() >= until
//! })?;
//! assert!(late);
//! # Ok::<(), std::io::Error>(())
//! ```

mod clock;
mod descriptors;
mod file;
pub mod layout;
mod machine;
mod nscd;
mod process;
pub mod random;
mod resolved;
mod signal;
pub mod syscall;
mod task;
mod timer;

pub use clock::{Clock, processor_time};
pub use descriptors::raise_descriptors;
pub use machine::Machine;
pub use process::{Process, Windowed, spawn_process};
pub use signal::{Asked, Notice, Notices, Signals, interrupted};
pub use task::{on_threads, run, spawn, work};
