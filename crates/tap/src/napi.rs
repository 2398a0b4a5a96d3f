//! Where the kernel receives what we write to the device (`drivers/net/tun.c`, `net/core/dev.c`).
//!
//! Without `IFF_NAPI` the kernel's TCP runs inside each `write`, one frame at a time. With it
//! `write` queues the frame and a poll takes it in; and if the device polls in a thread of its own
//! (Linux 5.12, `/sys/class/net/NAME/threaded`), that thread is on another processor while we make
//! the next frames, and its GRO finds more than one to look at, as for a network card's frames.
//! `IFF_NAPI` without the thread is a poll for each `write`, which is slower than none.

use std::fs;
use std::path::PathBuf;

/// Who takes in what we write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receiver {
    /// The kernel, inside our `write`.
    Write,
    /// A thread of the device.
    Thread,
}

/// That a device polls in a thread; when dropped, it does as it did before.
pub(crate) struct Threaded {
    switch: PathBuf,
    before: String,
}

impl Threaded {
    /// Has a device poll in a thread. It has to be attached with `IFF_NAPI`. `None` where the kernel
    /// has no such threads, or the file system is not ours to write to, or does not show the device:
    /// it may show another network namespace, with a device of the same name, so that this one is
    /// told by its hardware address.
    pub(crate) fn ask(device: &str, hardware: [u8; 6]) -> Option<Self> {
        let folder = PathBuf::from("/sys/class/net").join(device);
        let address = fs::read_to_string(folder.join("address")).ok()?;
        let bytes = address.trim_end().split(':').map(|byte| u8::from_str_radix(byte, 16));
        if !bytes.eq(hardware.map(Ok)) {
            return None;
        }
        let switch = folder.join("threaded");
        let before = fs::read_to_string(&switch).ok()?;
        fs::write(&switch, "1").ok()?;
        Some(Self { switch, before })
    }
}

impl Drop for Threaded {
    fn drop(&mut self) {
        // If somebody has removed the device there is nothing left to restore.
        let _ = fs::write(&self.switch, &self.before);
    }
}
