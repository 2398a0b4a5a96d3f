//! Messages to a browser and from it: JSON, each with a NUL behind it.

use core::time::Duration;
use std::io::{self, BufRead as _, BufReader, PipeReader, PipeWriter, Write as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

use serde_json::Value;

/// Both directions. What comes in is read by a thread of its own, which ends with the browser.
pub(crate) struct Pipe {
    to: PipeWriter,
    from: Receiver<Value>,
}

/// What came in.
pub(crate) enum Received {
    Message(Value),
    /// Nothing in the time given.
    Nothing,
    /// Nothing will come any more.
    Closed,
}

impl Pipe {
    pub(crate) fn new(to: PipeWriter, from: PipeReader) -> Self {
        let (sender, receiver) = channel();
        std::thread::spawn(move || read(from, &sender));
        Self { to, from: receiver }
    }

    pub(crate) fn send(&mut self, message: &Value) -> io::Result<()> {
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes)
    }

    pub(crate) fn receive(&self, wait: Duration) -> Received {
        match self.from.recv_timeout(wait) {
            Ok(message) => Received::Message(message),
            Err(RecvTimeoutError::Timeout) => Received::Nothing,
            Err(RecvTimeoutError::Disconnected) => Received::Closed,
        }
    }
}

/// Reads until the browser has gone, or nobody listens.
fn read(from: PipeReader, sender: &Sender<Value>) {
    let mut from = BufReader::new(from);
    let mut bytes = Vec::new();
    while from.read_until(0, &mut bytes).is_ok_and(|read| read > 0) {
        if bytes.last() == Some(&0) {
            bytes.pop();
        }
        // What is no JSON is no message that could be waited for.
        if let Ok(message) = serde_json::from_slice(&bytes)
            && sender.send(message).is_err()
        {
            return;
        }
        bytes.clear();
    }
}
