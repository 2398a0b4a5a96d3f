//! Between the host and the device.

use core::cell::{Cell, RefCell};
use core::future::Future;
use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::net::IpAddr;
use std::time::SystemTime;

use roundtrip_host::{IfIndex, Received, SplitFrame, Transmit};
use roundtrip_os::{Clock, Machine};
use roundtrip_record::{Time, WireKind};
use roundtrip_wire::{Environment, Port, Stack, Task};
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::sync::Notify;

use crate::device::{Device, TapError};
use crate::header;

/// The largest frame the device hands out or takes: 64 KiB of IP and the Ethernet header.
const LARGEST: usize = 65_536 + 14;
/// Frames, and bytes in them, that are taken in before tasks get a turn, so that nobody starves and
/// what was taken in is still in the processor's cache when it is read.
const BATCH: usize = 64;
const BATCH_BYTES: usize = 256 * 1024;
/// Frames that may wait for the device; more are dropped, as a full transmit queue drops them.
const WAITING: usize = 1000;
/// Buffers kept for the next frames.
const KEPT: usize = 64;

/// A host of our own behind a TAP device.
pub type Tap = Stack<TapPort>;

/// The clock, the tasks and the device of a host.
pub struct TapPort {
    device: Device,
    interface: IfIndex,
    clock: Clock,
    machine: Machine,
    timer: Cell<Option<Time>>,
    /// What `keep_time` sleeps until.
    armed: Cell<Option<Time>>,
    timer_set: Notify,
    buffers: RefCell<Vec<Vec<u8>>>,
    /// Frames the device could not take at once.
    waiting: RefCell<VecDeque<(Vec<u8>, Transmit)>>,
    blocked: Notify,
    trouble: RefCell<Option<TapError>>,
    in_trouble: Notify,
}

impl TapPort {
    pub(crate) fn new(device: Device, interface: IfIndex, clock: Clock, machine: Machine) -> Self {
        Self {
            device,
            interface,
            clock,
            machine,
            timer: Cell::new(None),
            armed: Cell::new(None),
            timer_set: Notify::new(),
            buffers: RefCell::default(),
            waiting: RefCell::default(),
            blocked: Notify::new(),
            trouble: RefCell::default(),
            in_trouble: Notify::new(),
        }
    }

    /// Completes when the wire cannot be used any more, and says why.
    pub(crate) async fn trouble(&self) -> TapError {
        loop {
            self.in_trouble.notified().await;
            if let Some(trouble) = self.trouble.take() {
                return trouble;
            }
        }
    }

    fn report(&self, trouble: TapError) {
        self.trouble.borrow_mut().get_or_insert(trouble);
        self.in_trouble.notify_one();
    }

    /// Hands a frame to the device; `false` if it cannot take one now.
    fn write(&self, frame: &[u8], payload: [&[u8]; 2], transmit: &Transmit) -> bool {
        let device = self.device.descriptor.get_ref();
        let result = if self.device.vnet_header {
            let head = header::write(frame, transmit.gso);
            let [first, second] = payload.map(IoSlice::new);
            rustix::io::writev(device, &[IoSlice::new(&head), IoSlice::new(frame), first, second])
        } else {
            rustix::io::write(device, frame)
        };
        // A frame that the device refuses (it is down) is lost, as on any cable.
        !matches!(result, Err(Errno::AGAIN))
    }

    /// Takes one frame from the device.
    fn read(&self, buffer: &mut [u8]) -> Result<(usize, Received), Errno> {
        let device = self.device.descriptor.get_ref();
        if !self.device.vnet_header {
            return Ok((rustix::io::read(device, buffer)?, Received::default()));
        }
        let mut head = [0; header::LENGTH];
        let parts = &mut [IoSliceMut::new(&mut head), IoSliceMut::new(buffer)];
        let length = rustix::io::readv(device, parts)?;
        Ok((length.saturating_sub(header::LENGTH), header::read(&head)))
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
            if !self.write(&frame, [&[], &[]], &transmit) {
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
    // A device that is taken away shows as an error alone.
    let interest = Interest::READABLE | Interest::ERROR;
    while let Ok(mut ready) = port.device.descriptor.ready(interest).await {
        let (mut taken, mut bytes) = (0, 0);
        while taken < BATCH && bytes < BATCH_BYTES {
            let (length, received) = match port.read(&mut buffer) {
                Ok(read) => read,
                Err(Errno::AGAIN) => {
                    ready.clear_ready();
                    break;
                }
                Err(Errno::INTR) => continue,
                Err(_) => {
                    port.report(TapError::Gone { device: port.device.name.clone() });
                    return;
                }
            };
            tap.handle_frame(port.interface, &buffer[..length], received);
            taken += 1;
            bytes += length;
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
                port.armed.set(Some(at));
                tokio::select! { biased;
                    () = changed => {}
                    () = port.sleep_until(at) => {}
                }
                port.armed.set(None);
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
        roundtrip_os::spawn(task)
    }

    fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> {
        roundtrip_os::work(work)
    }

    fn buffer(&self) -> Vec<u8> {
        self.buffers.borrow_mut().pop().unwrap_or_default()
    }

    fn transmit(&self, frame: Vec<u8>, transmit: Transmit) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.is_empty() && self.write(&frame, [&[], &[]], &transmit) {
            drop(waiting);
            self.recycle(frame);
        } else if waiting.len() < WAITING {
            waiting.push_back((frame, transmit));
            self.blocked.notify_one();
        }
    }

    fn transmit_split(&self, frame: SplitFrame<'_>) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.is_empty() && self.write(frame.headers, frame.payload, &frame.transmit) {
            return;
        }
        if waiting.len() < WAITING {
            let whole = [frame.headers, frame.payload[0], frame.payload[1]].concat();
            waiting.push_back((whole, frame.transmit));
            self.blocked.notify_one();
        }
    }

    /// One that sleeps too short finds out for itself; only if it would sleep too long it is woken.
    fn set_timer(&self, at: Option<Time>) {
        self.timer.set(at);
        let is_late = match (at, self.armed.get()) {
            (Some(at), Some(armed)) => at < armed,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if is_late {
            self.timer_set.notify_one();
        }
    }

    fn lost_address(&self, address: IpAddr) {
        self.report(TapError::AddressTaken { device: self.device.name.clone(), address });
    }
}
