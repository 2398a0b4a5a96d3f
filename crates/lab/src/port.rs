//! The connection of a simulated host to the lab.

use core::cell::{Cell, RefCell};
use core::future::Future;
use std::rc::Rc;
use std::time::SystemTime;

use roundtrip_host::Transmit;
use roundtrip_record::{Time, WireKind};
use roundtrip_wire::{Environment, Port, Task};

use crate::chance::Draw;
use crate::environment::HostEnvironment;
use crate::sleep::Sleep;
use crate::world::World;

/// The port of a simulated host, which gives it the lab's clock, executor and links.
pub struct LabPort {
    world: Rc<World>,
    /// The index of the host in the lab.
    host: u32,
    /// The time that the agenda has for this host's timer.
    timer: Cell<Option<Time>>,
    /// The index of the link behind each interface.
    links: RefCell<Vec<u32>>,
    environment: HostEnvironment,
    /// The generator that this host's tasks draw from; set once the host exists.
    draw: RefCell<Option<Draw>>,
}

impl LabPort {
    pub(crate) fn new(world: &Rc<World>, host: u32, environment: HostEnvironment) -> Self {
        Self {
            world: Rc::clone(world),
            host,
            timer: Cell::new(None),
            links: RefCell::default(),
            environment,
            draw: RefCell::default(),
        }
    }

    pub(crate) fn index(&self) -> u32 {
        self.host
    }

    /// The number of interfaces that have a link.
    pub(crate) fn interfaces(&self) -> usize {
        self.links.borrow().len()
    }

    /// Attaches a link to the next interface.
    pub(crate) fn attach(&self, link: u32) {
        self.links.borrow_mut().push(link);
    }

    pub(crate) fn set_draw(&self, draw: Draw) {
        *self.draw.borrow_mut() = Some(draw);
    }

    pub(crate) fn draw(&self) -> Option<Draw> {
        self.draw.borrow().clone()
    }

    /// The files and caches of the host, to be set by whoever builds the lab.
    pub fn host_environment(&self) -> &HostEnvironment {
        &self.environment
    }
}

impl Port for LabPort {
    fn kind(&self) -> WireKind {
        WireKind::Lab
    }

    #[inline]
    fn now(&self) -> Time {
        self.world.now()
    }

    fn wall(&self) -> SystemTime {
        self.world.wall()
    }

    fn environment(&self) -> &dyn Environment {
        &self.environment
    }

    fn sleep_until(&self, at: Time) -> impl Future<Output = ()> + 'static {
        Sleep::new(&self.world, at)
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) -> Task {
        self.world.executor().spawn(self.draw(), task)
    }

    /// Runs the work at once, in no virtual time.
    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        work()
    }

    #[inline]
    fn buffer(&self) -> Vec<u8> {
        self.world.buffer()
    }

    #[inline]
    fn transmit(&self, frame: Vec<u8>, transmit: Transmit) {
        match self.links.borrow().get(transmit.interface.0 as usize) {
            Some(&link) => self.world.send(link, frame, transmit),
            None => self.world.recycle(frame),
        }
    }

    #[inline]
    fn set_timer(&self, at: Option<Time>) {
        // After most frames the timer is unchanged.
        if self.timer.replace(at) != at {
            self.world.set_timer(self.host, at);
        }
    }
}
