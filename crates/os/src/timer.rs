//! The timers of a thread: deadlines in order, and one alarm of the kernel's for the earliest.
//!
//! The alarm is a timerfd (`timerfd_create(2)`), which keeps nanoseconds; the runtime's own timers have
//! a grain of a millisecond.

use core::cell::{Cell, RefCell};
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Instant;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;

use crate::syscall::watch;

thread_local! {
    /// Those of the runtime that runs on this thread.
    static TIMERS: RefCell<Option<Rc<Timers>>> = const { RefCell::new(None) };
}

/// A deadline, and a number that tells those of one instant apart: the earlier set wakes first.
type Key = (Instant, u64);

/// See the module.
pub(crate) struct Timers {
    alarm: AsyncFd<OwnedFd>,
    /// When the alarm goes off; it may be earlier than anybody waits for, since a timer that is given
    /// up leaves it as it is.
    set: Cell<Option<Instant>>,
    waiting: RefCell<BTreeMap<Key, Waker>>,
    numbers: Cell<u64>,
}

/// Makes the timers of this thread; inside its runtime. They are there until the guard is dropped,
/// and somebody has to [`drive`] them.
pub(crate) fn install() -> io::Result<(Installed, Rc<Timers>)> {
    let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
    let alarm = watch(timerfd_create(TimerfdClockId::Monotonic, flags)?)?;
    let timers = Rc::new(Timers {
        alarm,
        set: Cell::new(None),
        waiting: RefCell::default(),
        numbers: Cell::new(0),
    });
    TIMERS.set(Some(Rc::clone(&timers)));
    Ok((Installed, timers))
}

/// This thread has timers.
pub(crate) struct Installed;

impl Drop for Installed {
    fn drop(&mut self) {
        TIMERS.set(None);
    }
}

/// Wakes who waits, whenever the alarm goes off.
pub(crate) async fn drive(timers: Rc<Timers>) {
    // How often it has gone off: eight bytes that have to be read to make it quiet.
    let mut count = [0; 8];
    while let Ok(mut ready) = timers.alarm.readable().await {
        if rustix::io::read(timers.alarm.get_ref(), &mut count) == Err(rustix::io::Errno::AGAIN) {
            ready.clear_ready();
            continue;
        }
        timers.wake();
    }
}

impl Timers {
    fn of_this_thread() -> Rc<Self> {
        let timers = TIMERS.with_borrow(Clone::clone);
        timers.expect("a timer is waited for outside of roundtrip_os::run, which has the timers")
    }

    /// Wakes everybody whose time has come, and sets the alarm for the next.
    fn wake(&self) {
        self.set.set(None);
        let now = now();
        let later = self.waiting.borrow_mut().split_off(&(now, u64::MAX));
        let due = self.waiting.replace(later);
        due.into_values().for_each(Waker::wake);
        let next = self.waiting.borrow().keys().next().copied();
        if let Some((at, _)) = next {
            self.set_alarm(at, now);
        }
    }

    fn add(&self, at: Instant, now: Instant, waker: Waker) -> Key {
        let key = (at, self.numbers.get());
        self.numbers.set(key.1 + 1);
        self.waiting.borrow_mut().insert(key, waker);
        if self.set.get().is_none_or(|set| at < set) {
            self.set_alarm(at, now);
        }
        key
    }

    fn set_alarm(&self, at: Instant, now: Instant) {
        // Zero would switch it off.
        let after = at.saturating_duration_since(now).max(Duration::from_nanos(1));
        let once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let value = Timespec {
            tv_sec: i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: after.subsec_nanos().into(),
        };
        let alarm = Itimerspec { it_interval: once, it_value: value };
        timerfd_settime(self.alarm.get_ref(), TimerfdTimerFlags::empty(), &alarm)
            .expect("a timerfd of our own takes every time that is in range");
        self.set.set(Some(at));
    }
}

#[allow(clippy::disallowed_methods, reason = "the clock of these timers")]
fn now() -> Instant {
    Instant::now()
}

/// Completes at an instant.
pub(crate) struct Sleep {
    at: Instant,
    /// Where it waits, once it does.
    waiting: Option<(Rc<Timers>, Key)>,
}

impl Sleep {
    pub(crate) fn until(at: Instant) -> Self {
        Self { at, waiting: None }
    }

    fn give_up(&mut self) {
        if let Some((timers, key)) = self.waiting.take() {
            timers.waiting.borrow_mut().remove(&key);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let now = now();
        if self.at <= now {
            self.give_up();
            return Poll::Ready(());
        }
        if let Some((timers, key)) = &self.waiting
            && let Some(waker) = timers.waiting.borrow_mut().get_mut(key)
        {
            waker.clone_from(context.waker());
            return Poll::Pending;
        }
        let timers = Timers::of_this_thread();
        let key = timers.add(self.at, now, context.waker().clone());
        self.waiting = Some((timers, key));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.give_up();
    }
}
