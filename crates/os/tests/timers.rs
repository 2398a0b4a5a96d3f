//! Timers: never early, in order, and far finer than a millisecond.

use core::cell::RefCell;
use core::num::NonZeroUsize;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use std::rc::Rc;

use roundtrip_os::{Clock, on_threads, run, spawn};

#[test]
fn a_timer_is_late_by_far_less_than_a_millisecond() {
    const TIMES: usize = 200;
    let clock = Clock::start();
    let mut late: Vec<Duration> = run(async {
        let mut late = Vec::new();
        for number in 0..TIMES {
            // Not in step with any tick of the kernel.
            let at = clock.now() + Duration::from_nanos(310_700 + 1_237 * number as u64);
            clock.sleep_until(at).await;
            let now = clock.now();
            assert!(now >= at, "early: {now:?} for {at:?}");
            late.push(now.since(at));
        }
        late
    })
    .expect("a runtime");
    late.sort_unstable();
    // A machine that does much else wakes us late now and then, but not every fourth time.
    let fourth = late[TIMES / 4];
    assert!(fourth < Duration::from_micros(500), "{fourth:?}");
}

#[test]
fn timers_go_off_in_their_order_and_not_after_they_are_given_up() {
    let clock = Clock::start();
    let seen = run(async {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let start = clock.now();
        let task = |name: u32, after: u64| {
            let (seen, at) = (Rc::clone(&seen), start + Duration::from_micros(after));
            spawn(async move {
                clock.sleep_until(at).await;
                seen.borrow_mut().push(name);
            })
        };
        let tasks = [task(3, 9_000), task(1, 3_000), task(2, 3_000)];
        let given_up = task(9, 2_000);
        clock.sleep_until(start + Duration::from_millis(1)).await;
        drop(given_up);
        for task in tasks {
            task.await;
        }
        seen.take()
    });
    assert_eq!(seen.expect("a runtime"), [1, 2, 3]);
}

#[test]
fn what_is_polled_before_its_time_still_wakes() {
    let clock = Clock::start();
    run(async {
        let until = clock.now() + Duration::from_millis(5);
        let mut sleep = pin!(clock.sleep_until(until));
        // By hand once, as a select does, with another waker than the one that comes to wait.
        let mut context = core::task::Context::from_waker(core::task::Waker::noop());
        assert_eq!(sleep.as_mut().poll(&mut context), Poll::Pending);
        sleep.await;
        assert!(clock.now() >= until);
    })
    .expect("a runtime");
}

#[test]
fn every_thread_has_its_own_runtime_and_timers() {
    let clock = Clock::start();
    let numbers = on_threads(NonZeroUsize::new(4).expect("four"), |number| {
        run(async {
            let until = clock.now() + Duration::from_millis(2);
            clock.sleep_until(until).await;
            (number, clock.now() >= until)
        })
        .expect("a runtime")
    });
    assert_eq!(numbers, [(0, true), (1, true), (2, true), (3, true)]);
}
