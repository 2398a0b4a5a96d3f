//! Between the host and the device.

use core::cell::{Cell, RefCell};
use core::future::Future;
use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::rc::Rc;
use std::time::SystemTime;

use roundtrip_host::{IfIndex, Received, Transmit};
use roundtrip_live::{Clock, Machine};
use roundtrip_packet::Verify;
use roundtrip_record::{Time, WireKind};
use roundtrip_wire::{Environment, Port, Task};
use tokio::sync::Notify;

use crate::Tap;
use crate::device::Device;
use crate::header;

/// The largest frame the device hands out or takes: 64 KiB of IP and the Ethernet header.
const LARGEST: usize = 65_536 + 14;
/// Frames taken in before tasks get a turn, so that nobody starves.
const BATCH: usize = 64;
/// Frames that may wait for the device; more are dropped, as a full transmit queue drops them.
const WAITING: usize = 1000;
/// Buffers kept for the next frames.
const KEPT: usize = 64;

/// The clock, the tasks and the device of a host.
pub struct TapPort {
    device: Rc<Device>,
    interface: IfIndex,
    clock: Clock,
    machine: Machine,
    timer: Cell<Option<Time>>,
    timer_set: Notify,
    buffers: RefCell<Vec<Vec<u8>>>,
    /// Frames the device could not take at once.
    waiting: RefCell<VecDeque<(Vec<u8>, Transmit)>>,
    blocked: Notify,
}

impl TapPort {
    pub(crate) fn new(
        device: Rc<Device>,
        interface: IfIndex,
        clock: Clock,
        machine: Machine,
    ) -> Self {
        Self {
            device,
            interface,
            clock,
            machine,
            timer: Cell::new(None),
            timer_set: Notify::new(),
            buffers: RefCell::default(),
            waiting: RefCell::default(),
            blocked: Notify::new(),
        }
    }

    /// Hands a frame to the device; `false` if it cannot take one now.
    fn write(&self, frame: &[u8], transmit: &Transmit) -> bool {
        let device = self.device.descriptor.get_ref();
        let result = if self.device.vnet_header {
            let head = header::write(frame, transmit.gso);
            rustix::io::writev(device, &[IoSlice::new(&head), IoSlice::new(frame)])
        } else {
            rustix::io::write(device, frame)
        };
        // A frame that the device refuses (it is down) is lost, as on any cable.
        !matches!(result, Err(rustix::io::Errno::AGAIN))
    }

    /// Takes one frame from the device; `None` when there is none.
    fn read(&self, buffer: &mut [u8]) -> Option<(usize, Verify)> {
        let device = self.device.descriptor.get_ref();
        if !self.device.vnet_header {
            return Some((rustix::io::read(device, buffer).ok()?, Verify::Full));
        }
        let mut head = [0; header::LENGTH];
        let parts = &mut [IoSliceMut::new(&mut head), IoSliceMut::new(buffer)];
        let length = rustix::io::readv(device, parts).ok()?;
        Some((length.checked_sub(header::LENGTH)?, header::read(&head)))
    }

    /// Keeps a buffer for a frame to come.
    fn recycle(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut buffers = self.buffers.borrow_mut();
        if buffers.len() < KEPT {
            buffers.push(buffer);
        }
    }

    /// Writes what waits, as far as the device takes it.
    fn write_waiting(&self) {
        let mut waiting = self.waiting.borrow_mut();
        while let Some((frame, transmit)) = waiting.pop_front() {
            if !self.write(&frame, &transmit) {
                waiting.push_front((frame, transmit));
                return;
            }
            self.recycle(frame);
        }
    }
}

/// Carries frames between the device and the host, and keeps its timer, for as long as it is polled.
pub(crate) async fn carry(tap: Tap) {
    tokio::join!(receive(&tap), keep_time(&tap), retry(&tap));
}

async fn receive(tap: &Tap) {
    let port = tap.port();
    let mut buffer = vec![0; LARGEST];
    while let Ok(mut ready) = port.device.descriptor.readable().await {
        let mut taken = 0;
        while taken < BATCH {
            let Some((length, verify)) = port.read(&mut buffer) else {
                ready.clear_ready();
                break;
            };
            tap.handle_frame(port.interface, &buffer[..length], Received { verify, cause: None });
            taken += 1;
        }
        if taken > 0 {
            tap.flush();
            tokio::task::yield_now().await;
        }
    }
}

async fn keep_time(tap: &Tap) {
    let port = tap.port();
    loop {
        let changed = port.timer_set.notified();
        match port.timer.get() {
            None => changed.await,
            Some(at) if at <= port.now() => {
                port.timer.set(None);
                tap.handle_timeout();
            }
            Some(at) => {
                tokio::select! { biased;
                    () = changed => {}
                    () = port.sleep_until(at) => {}
                }
            }
        }
    }
}

async fn retry(tap: &Tap) {
    let port = tap.port();
    loop {
        port.blocked.notified().await;
        while !port.waiting.borrow().is_empty() {
            let Ok(mut ready) = port.device.descriptor.writable().await else { return };
            port.write_waiting();
            if !port.waiting.borrow().is_empty() {
                ready.clear_ready();
            }
        }
    }
}

impl Port for TapPort {
    fn kind(&self) -> WireKind {
        WireKind::Tap
    }

    fn now(&self) -> Time {
        self.clock.now()
    }

    fn wall(&self) -> SystemTime {
        self.clock.wall()
    }

    fn environment(&self) -> &dyn Environment {
        &self.machine
    }

    fn sleep_until(&self, at: Time) -> impl Future<Output = ()> + 'static {
        self.clock.sleep_until(at)
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) -> Task {
        roundtrip_live::spawn(task)
    }

    fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> {
        roundtrip_live::work(work)
    }

    fn buffer(&self) -> Vec<u8> {
        self.buffers.borrow_mut().pop().unwrap_or_default()
    }

    fn transmit(&self, frame: Vec<u8>, transmit: Transmit) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.is_empty() && self.write(&frame, &transmit) {
            drop(waiting);
            self.recycle(frame);
        } else if waiting.len() < WAITING {
            waiting.push_back((frame, transmit));
            self.blocked.notify_one();
        }
    }

    fn set_timer(&self, at: Option<Time>) {
        if self.timer.replace(at) != at {
            self.timer_set.notify_one();
        }
    }
}
