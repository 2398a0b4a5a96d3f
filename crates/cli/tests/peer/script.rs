//! A server that gives answers one after the other, and takes down what it was asked.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A server on loopback that has an answer for each request in turn, on whichever connection it comes; when
/// none is left it closes.
pub(crate) struct Script {
    /// `127.0.0.1:PORT`
    pub(crate) at: String,
    shared: Arc<Shared>,
}

struct Shared {
    answers: Mutex<Vec<Vec<u8>>>,
    asked: Mutex<Vec<u8>>,
    over: AtomicBool,
}

impl Script {
    pub(crate) fn start(answers: &[&[u8]]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let at = listener.local_addr().expect("an address").to_string();
        let shared = Arc::new(Shared {
            answers: Mutex::new(answers.iter().rev().map(|answer| answer.to_vec()).collect()),
            asked: Mutex::default(),
            over: AtomicBool::new(false),
        });
        let own = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if own.over.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let own = Arc::clone(&own);
                std::thread::spawn(move || talk(stream, &own));
            }
        });
        Self { at, shared }
    }

    /// All requests so far, byte for byte, with `AT` for its own address.
    pub(crate) fn asked(&self) -> String {
        let asked = self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&asked).replace(&self.at, "AT")
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        // Wakes it, so that it sees.
        let _ = TcpStream::connect(&self.at);
    }
}

fn talk(mut stream: TcpStream, shared: &Shared) {
    let mut input = Vec::new();
    while let Some(request) = request(&mut stream, &mut input) {
        shared.asked.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&request);
        let answer = shared.answers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some(answer) = answer else { return };
        let closes = contains(&answer, b"Connection: close");
        if stream.write_all(&answer).is_err() || closes || !contains(&answer, b"\r\n\r\n") {
            return;
        }
    }
}

/// The next request, body included.
fn request(stream: &mut TcpStream, input: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = read_to(stream, input, b"\r\n\r\n", 0)?;
    let head = String::from_utf8_lossy(&input[..end]).to_ascii_lowercase();
    if head.contains("expect: 100-continue") {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
    }
    let length: Option<usize> =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let end = match length {
        Some(length) => {
            let whole = end + length;
            while input.len() < whole {
                more(stream, input)?;
            }
            whole
        }
        None if head.contains("transfer-encoding: chunked") => {
            read_to(stream, input, b"0\r\n\r\n", end)?
        }
        None => end,
    };
    let rest = input.split_off(end);
    Some(core::mem::replace(input, rest))
}

/// Reads until these bytes have come; where they end.
fn read_to(stream: &mut TcpStream, input: &mut Vec<u8>, mark: &[u8], from: usize) -> Option<usize> {
    loop {
        let found = input[from..].windows(mark.len()).position(|window| window == mark);
        match found {
            Some(at) => return Some(from + at + mark.len()),
            None => more(stream, input)?,
        }
    }
}

fn more(stream: &mut TcpStream, input: &mut Vec<u8>) -> Option<()> {
    let mut piece = [0; 16 * 1024];
    let length = stream.read(&mut piece).ok().filter(|length| *length > 0)?;
    input.extend_from_slice(&piece[..length]);
    Some(())
}

fn contains(bytes: &[u8], mark: &[u8]) -> bool {
    bytes.windows(mark.len()).any(|window| window == mark)
}
