//! How late timers are: ours beside the runtime's own, in the same process and in turn.
//!
//! ```text
//! lateness [TIMES]      how often each sleeps (2000), between 0.1 and 2.1 ms
//! ```

use core::time::Duration;

use roundtrip_os::{Clock, run};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let times = std::env::args().nth(1).map_or(Ok(2000), |text| text.parse())?;
    let clock = Clock::start();
    let (mut ours, mut theirs) = run(async {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for number in 0..times {
            let after = Duration::from_nanos(100_000 + (number * 7_919_u64) % 2_000_000);
            let at = clock.now() + after;
            clock.sleep_until(at).await;
            ours.push(clock.now().since(at));
            let at = clock.now() + after;
            runtimes_own(after).await;
            theirs.push(clock.now().since(at));
        }
        (ours, theirs)
    })?;
    show("timerfd", &mut ours);
    show("tokio's", &mut theirs);
    Ok(())
}

#[allow(clippy::disallowed_methods, reason = "the timer that ours is measured against")]
async fn runtimes_own(after: Duration) {
    tokio::time::sleep(after).await;
}

fn show(name: &str, late: &mut [Duration]) {
    late.sort_unstable();
    let at = |share: f64| {
        let rank = (late.len() as f64 * share) as usize;
        late[rank.min(late.len() - 1)].as_secs_f64() * 1e3
    };
    println!(
        "{name}: late by {:.3} ms (p50), {:.3} ms (p99), {:.3} ms (max)",
        at(0.5),
        at(0.99),
        at(1.0)
    );
}
