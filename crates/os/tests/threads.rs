//! Work on several threads gets done where the system refuses to start them. The limit that brings this
//! about holds for the whole process: this is the only test in it.
#![cfg(target_os = "linux")]

use core::num::NonZeroUsize;
use core::time::Duration;
use std::sync::{Condvar, Mutex};

use roundtrip_os::on_threads;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The size of this process's address space, in bytes.
fn size() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kib = size.and_then(|text| text.trim().strip_suffix(" kB")).expect("a size in kB");
    kib.parse::<u64>().expect("a number") << 10
}

/// The numbers of the threads that run where there is room for this many bytes of stacks.
fn numbers(room: u64) -> Vec<usize> {
    let before = getrlimit(Resource::As);
    let limit = Rlimit { current: Some(size() + room), ..before };
    setrlimit(Resource::As, limit).expect("a lower limit");
    let (all_there, changed) = (Mutex::new(false), Condvar::new());
    let numbers = on_threads(NonZeroUsize::new(1000).expect("many"), |number| {
        // The first runs once the others were started, which keep their stacks until then.
        let mut there = all_there.lock().expect("no panic");
        if number == 0 {
            *there = true;
            changed.notify_all();
        } else {
            let most = Duration::from_secs(10);
            drop(changed.wait_timeout_while(there, most, |there| !*there).expect("no panic"));
        }
        number
    });
    setrlimit(Resource::As, before).expect("the limit of before");
    numbers
}

#[test]
fn where_threads_are_refused_those_that_are_there_do_the_work() {
    // A stack is 2 MiB.
    assert_eq!(numbers(1 << 20), [0]);
    let some = numbers(33 << 20);
    assert!((2..100).contains(&some.len()), "{}", some.len());
    assert!(some.iter().copied().eq(0..some.len()), "{some:?}");
}
