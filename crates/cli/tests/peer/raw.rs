//! A server that says the same to everybody, however wrong it is.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socket2::SockRef;

/// How it goes on when it has said what it has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Closes,
    Resets,
    /// Nothing more comes, and the connection stays.
    Stays,
    /// A field comes again and again.
    Repeats,
}

/// A server on loopback that answers every connection with these bytes, until it is dropped.
pub(crate) struct Raw {
    /// `127.0.0.1:PORT`
    pub(crate) at: String,
    over: Arc<AtomicBool>,
}

impl Raw {
    pub(crate) fn start(bytes: impl Into<Vec<u8>>, then: Then) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let at = listener.local_addr().expect("an address").to_string();
        let over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&over);
        let bytes: Arc<[u8]> = bytes.into().into();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if until.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (until, bytes) = (Arc::clone(&until), Arc::clone(&bytes));
                std::thread::spawn(move || answer(stream, &bytes, then, &until));
            }
        });
        Self { at, over }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.at)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes it, so that it sees.
        let _ = TcpStream::connect(&self.at);
    }
}

fn answer(mut stream: TcpStream, bytes: &[u8], then: Then, over: &AtomicBool) {
    let mut request = [0; 16 * 1024];
    let _ = stream.read(&mut request);
    let _ = stream.write_all(bytes);
    match then {
        Then::Closes => {
            let _ = stream.shutdown(Shutdown::Write);
            while stream.read(&mut request).is_ok_and(|read| read > 0) {}
        }
        Then::Resets => {
            // What was written is read before the reset comes.
            pause(200);
            let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
        Then::Stays => {
            while !over.load(Ordering::Relaxed) {
                pause(50);
            }
        }
        Then::Repeats => {
            let line = b"X-Again: and again and again and again and again\r\n".repeat(64);
            while stream.write_all(&line).is_ok() && !over.load(Ordering::Relaxed) {}
        }
    }
}

// A real peer takes real time.
#[allow(clippy::disallowed_methods, reason = "a real peer lives in real time")]
pub(crate) fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}
