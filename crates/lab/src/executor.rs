//! A small single-threaded executor for tasks.
//!
//! Woken tasks wait in one queue and run in the order in which they were woken; a task that is
//! woken twice before it runs is queued once. Nothing else decides what runs next.

use core::cell::{Cell, OnceCell, RefCell};
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Wake;

use roundtrip_wire::Task;

use crate::chance::{self, Draw};

/// The id of a task: its slot, and how often the slot was used before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TaskId {
    place: u32,
    generation: u32,
}

impl TaskId {
    const fn to_bits(self) -> u64 {
        (self.place as u64) << 32 | self.generation as u64
    }

    const fn from_bits(bits: u64) -> Self {
        Self { place: (bits >> 32) as u32, generation: bits as u32 }
    }
}

/// The tasks that were woken, in order. Wakers must be `Send`, so the queue is behind a lock,
/// though all of a lab happens on one thread.
#[derive(Debug)]
struct Ready {
    /// The first task of the queue, which mostly is the only one, kept outside the lock, because
    /// the lock costs more than the rest of a wake-up. Only the lab's own thread accesses it.
    first: AtomicU64,
    /// The tasks behind the first.
    queue: Mutex<VecDeque<TaskId>>,
    /// Whether the queue behind the first task holds anything.
    any: AtomicBool,
    /// The thread of the lab, as [`here`] identifies it.
    home: usize,
}

/// The bits that stand for no task; no task has them, since [`MAIN`], which has the last slot, has
/// generation 0.
const NOBODY: u64 = u64::MAX;

thread_local! {
    static HERE: u8 = const { 0 };
}

/// A number that identifies the current thread among those that run.
fn here() -> usize {
    HERE.with(|here| core::ptr::from_ref(here).addr())
}

impl Default for Ready {
    fn default() -> Self {
        Self {
            first: AtomicU64::new(NOBODY),
            queue: Mutex::default(),
            any: AtomicBool::new(false),
            home: here(),
        }
    }
}

impl Ready {
    fn push(&self, task: TaskId) {
        let is_first =
            !self.any.load(Ordering::Acquire) && self.first.load(Ordering::Relaxed) == NOBODY;
        if is_first && here() == self.home {
            self.first.store(task.to_bits(), Ordering::Relaxed);
            return;
        }
        // A panic while the lock was held cannot have left the queue in an invalid state.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push_back(task);
        self.any.store(true, Ordering::Release);
    }

    #[inline]
    fn pop(&self) -> Option<TaskId> {
        let first = self.first.load(Ordering::Relaxed);
        if first != NOBODY {
            self.first.store(NOBODY, Ordering::Relaxed);
            return Some(TaskId::from_bits(first));
        }
        if self.any.load(Ordering::Acquire) { self.pop_queued() } else { None }
    }

    fn pop_queued(&self) -> Option<TaskId> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let task = queue.pop_front();
        if queue.is_empty() {
            self.any.store(false, Ordering::Release);
        }
        task
    }
}

/// The waker of one task.
#[derive(Debug)]
struct Alarm {
    task: TaskId,
    ready: Arc<Ready>,
    /// Whether the task is in the queue already.
    is_queued: AtomicBool,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // All of a lab happens on one thread. With several, a task might be queued twice and polled
        // once in vain.
        if !self.is_queued.load(Ordering::Acquire) {
            self.is_queued.store(true, Ordering::Release);
            self.ready.push(self.task);
        }
    }
}

type BoxedFuture = Pin<Box<dyn Future<Output = ()>>>;

/// The parts of a task that are needed to poll it.
struct Runnable {
    work: BoxedFuture,
    waker: Waker,
    /// The generator that the task draws from.
    draw: Option<Draw>,
}

/// A task that has not finished.
struct PendingTask {
    alarm: Arc<Alarm>,
    /// The parts needed to poll the task; `None` while it is polled.
    runnable: Option<Runnable>,
    /// Notifies whoever waits for the task to finish.
    completion: Rc<Completion>,
}

/// Whether a task has finished, and who waits for that.
#[derive(Default)]
struct Completion {
    over: Cell<bool>,
    waiting: RefCell<Option<Waker>>,
}

impl Completion {
    fn complete(&self) {
        self.over.set(true);
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }
}

#[derive(Default)]
struct Tasks {
    places: Vec<(u32, Option<PendingTask>)>,
    free: Vec<u32>,
}

impl Tasks {
    fn get(&mut self, id: TaskId) -> Option<&mut PendingTask> {
        let (generation, task) = self.places.get_mut(id.place as usize)?;
        task.as_mut().filter(|_| *generation == id.generation)
    }

    fn remove(&mut self, id: TaskId) -> Option<PendingTask> {
        self.get(id)?;
        let (generation, task) = &mut self.places[id.place as usize];
        *generation = generation.wrapping_add(1);
        self.free.push(id.place);
        task.take()
    }
}

/// The id of the main work, which is not a task.
const MAIN: TaskId = TaskId { place: u32::MAX, generation: 0 };

/// The result of [`Executor::run`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    /// No task was woken.
    Nothing,
    /// A task ran.
    Task,
    /// The main work's turn has come: the caller polls it.
    Main,
}

/// The executor of a lab.
#[derive(Default)]
pub(crate) struct Executor {
    tasks: RefCell<Tasks>,
    ready: Arc<Ready>,
    main: OnceCell<Arc<Alarm>>,
}

impl Executor {
    /// Starts a task, which does not run before [`Executor::run`].
    pub(crate) fn spawn(
        self: &Rc<Self>,
        draw: Option<Draw>,
        work: impl Future<Output = ()> + 'static,
    ) -> Task {
        let completion = Rc::<Completion>::default();
        let id = self.insert(Box::pin(work), draw, Rc::clone(&completion));
        let executor = Rc::downgrade(self);
        let cancel = move || {
            // The task is dropped outside the borrow, since its own streams and tasks are dropped
            // with it.
            let gone =
                executor.upgrade().and_then(|executor| executor.tasks.borrow_mut().remove(id));
            if let Some(task) = &gone {
                task.completion.complete();
            }
            drop(gone);
        };
        let done = poll_fn(move |context: &mut Context<'_>| {
            if completion.over.get() {
                return Poll::Ready(());
            }
            *completion.waiting.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        });
        Task::new(cancel, done)
    }

    fn insert(&self, work: BoxedFuture, draw: Option<Draw>, completion: Rc<Completion>) -> TaskId {
        let tasks = &mut *self.tasks.borrow_mut();
        let place = tasks.free.pop().unwrap_or_else(|| {
            tasks.places.push((0, None));
            tasks.places.len() as u32 - 1
        });
        let (generation, slot) = &mut tasks.places[place as usize];
        let id = TaskId { place, generation: *generation };
        let alarm = Arc::new(Alarm {
            task: id,
            ready: Arc::clone(&self.ready),
            is_queued: AtomicBool::new(true),
        });
        let waker = Waker::from(Arc::clone(&alarm));
        *slot =
            Some(PendingTask { alarm, runnable: Some(Runnable { work, waker, draw }), completion });
        self.ready.push(id);
        id
    }

    /// The waker of the main work, for which [`Lab::run_until`](crate::Lab::run_until) waits. It is
    /// queued like a task, but polled by the caller of [`Executor::run`].
    pub(crate) fn main_waker(&self) -> Waker {
        let alarm = self.main.get_or_init(|| {
            let (task, ready) = (MAIN, Arc::clone(&self.ready));
            Arc::new(Alarm { task, ready, is_queued: AtomicBool::new(false) })
        });
        Waker::from(Arc::clone(alarm))
    }

    /// Runs the task that was woken first.
    #[inline]
    pub(crate) fn run(&self) -> Ran {
        let Some(id) = self.ready.pop() else { return Ran::Nothing };
        if id == MAIN {
            if let Some(alarm) = self.main.get() {
                alarm.is_queued.store(false, Ordering::Release);
            }
            return Ran::Main;
        }
        self.run_task(id);
        Ran::Task
    }

    fn run_task(&self, id: TaskId) {
        let taken = self.tasks.borrow_mut().get(id).and_then(|task| {
            task.alarm.is_queued.store(false, Ordering::Release);
            task.runnable.take()
        });
        // The task was woken and has finished or been cancelled since.
        let Some(mut runnable) = taken else { return };
        let Runnable { work, waker, draw } = &mut runnable;
        let poll = chance::with(draw, || work.as_mut().poll(&mut Context::from_waker(waker)));
        let over = match poll {
            Poll::Ready(()) => self.tasks.borrow_mut().remove(id),
            Poll::Pending => {
                // The task may have cancelled itself while it ran; then it is dropped here.
                if let Some(task) = self.tasks.borrow_mut().get(id) {
                    task.runnable = Some(runnable);
                    return;
                }
                None
            }
        };
        if let Some(task) = over {
            task.completion.complete();
        }
    }

    /// Cancels all tasks.
    pub(crate) fn clear(&self) {
        loop {
            // The tasks are dropped one by one, outside the borrow, since dropping one may cancel
            // others.
            let next = {
                let tasks = &mut *self.tasks.borrow_mut();
                let place = tasks.places.iter().position(|(_, task)| task.is_some());
                place.and_then(|place| {
                    let generation = tasks.places[place].0;
                    tasks.remove(TaskId { place: place as u32, generation })
                })
            };
            let Some(task) = next else { break };
            drop(task);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(executor: &Executor) {
        while executor.run() != Ran::Nothing {}
    }

    /// Yields to the executor once.
    async fn pause() {
        let mut again = false;
        poll_fn(|context| {
            if core::mem::replace(&mut again, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    #[test]
    fn tasks_run_in_the_order_they_were_woken() {
        let executor = Rc::<Executor>::default();
        let seen = Rc::new(RefCell::new(Vec::new()));
        for name in ["a", "b", "c"] {
            let seen = Rc::clone(&seen);
            let work = async move {
                for step in 0..2 {
                    seen.borrow_mut().push((name, step));
                    pause().await;
                }
            };
            executor.spawn(None, work).detach();
        }
        run(&executor);
        assert_eq!(*seen.borrow(), [("a", 0), ("b", 0), ("c", 0), ("a", 1), ("b", 1), ("c", 1)]);
    }

    #[test]
    fn a_dropped_handle_ends_its_task() {
        let executor = Rc::<Executor>::default();
        let held = Rc::new(());
        let inside = Rc::clone(&held);
        let task = executor.spawn(None, async move {
            core::future::pending::<()>().await;
            drop(inside);
        });
        run(&executor);
        assert_eq!(Rc::strong_count(&held), 2);
        drop(task);
        assert_eq!(Rc::strong_count(&held), 1);
        run(&executor);
    }

    #[test]
    fn a_task_may_end_itself_and_others() {
        let executor = Rc::<Executor>::default();
        let other = executor.spawn(None, core::future::pending());
        let own = Rc::new(RefCell::new(None));
        let handle = Rc::clone(&own);
        let task = executor.spawn(None, async move {
            drop(other);
            drop(handle.take());
            core::future::pending::<()>().await;
        });
        *own.borrow_mut() = Some(task);
        run(&executor);
        assert_eq!(Rc::strong_count(&own), 1);
        assert_eq!(executor.tasks.borrow().free.len(), 2);
    }

    #[test]
    fn the_end_of_a_task_can_be_waited_for() {
        let executor = Rc::<Executor>::default();
        let task = executor.spawn(None, pause());
        let seen = Rc::new(Cell::new(false));
        let flag = Rc::clone(&seen);
        executor
            .spawn(None, async move {
                task.await;
                flag.set(true);
            })
            .detach();
        run(&executor);
        assert!(seen.get());
    }
}
