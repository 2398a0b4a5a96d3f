//! Two hosts and a bad link, once for each seed: whatever the profiles, the options, the link and
//! the applications, exactly what was sent arrives, or a reset does.
//!
//! ```sh
//! ROUNDTRIP_SEED=123 cargo test -p roundtrip-trial --test engine -- --nocapture   # one seed
//! ROUNDTRIP_SEEDS=10000 cargo test -p roundtrip-trial --test engine               # more of them
//! ```

use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use roundtrip_trial::{Chance, FrameLog, Outcome, exchange};

/// Seeds of one run.
const SEEDS: u64 = 1_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn what_arrives_is_what_was_sent() {
    if let Some(seed) = number("ROUNDTRIP_SEED") {
        println!("{:?}", exchange(Chance::from_seed(seed), FrameLog::Printed));
        return;
    }
    let seeds = number("ROUNDTRIP_SEEDS").unwrap_or(SEEDS);
    let next = AtomicU64::new(0);
    let total = Mutex::new((Outcome::default(), Vec::new()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                break;
            }
            let outcome = catch_unwind(|| exchange(Chance::from_seed(seed), FrameLog::Silent));
            let (sum, failed) = &mut *total.lock().expect("no thread panics with it");
            let Ok(outcome) = outcome else {
                failed.push(seed);
                continue;
            };
            sum.connections += outcome.connections;
            sum.complete += outcome.complete;
            sum.aborted += outcome.aborted;
            sum.given_up += outcome.given_up;
            sum.bytes += outcome.bytes;
            sum.harmed += outcome.harmed;
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    let (sum, mut failed) = total.into_inner().expect("no thread panicked with it");
    println!("{seeds} seeds: {sum:?}");
    failed.sort_unstable();
    assert!(
        failed.is_empty(),
        "seeds {failed:?}; one of them: ROUNDTRIP_SEED={} cargo test -p roundtrip-trial --test \
         engine -- --nocapture",
        failed[0]
    );
    // The test would see little if most were cut short.
    assert!(sum.complete * 2 > sum.connections, "{sum:?}");
    assert!(sum.given_up * 100 < sum.connections, "{sum:?}");
    assert!(sum.harmed > seeds, "{sum:?}");
}
