//! What very many short connections cost: `connections [CONNECTIONS] [CONCURRENCY]`.
//!
//! One line: processor time for each connection, and the most memory the process ever had
//! (Linux: `VmHWM`). Time grows with the number of connections and memory does not:
//! `bench/connections` runs it with 100,000, 300,000 and 1,000,000. With 100 at a time a
//! connection takes three round trips of 40 ms, so that some 50,000 are in `TIME_WAIT` at once,
//! before the first 100,000 are done.

mod churn;

use std::error::Error;

use churn::Churn;

/// Nanoseconds this thread has been on a processor (Linux: `/proc/thread-self/schedstat`).
fn processor_time() -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

/// The most memory this process has had, KiB.
fn peak_memory() -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_ascii_whitespace().next());
    Ok(number.ok_or("no VmHWM")?.parse()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let connections: u32 = arguments.next().as_deref().unwrap_or("100000").parse()?;
    let concurrency: u32 = arguments.next().as_deref().unwrap_or("100").parse()?;
    let began = processor_time()?;
    let outcome = Churn { connections, concurrency, clients: 20 }.carry_out()?;
    let nanos = processor_time()? - began;
    println!(
        "{connections} connections, {concurrency} at a time, from 20 addresses: {:.1} s of virtual \
         time, {} frames, {:.2} s of processor time, {:.2} µs a connection, at most {} sockets and \
         {} in TIME_WAIT, {:.1} MiB",
        outcome.took.micros() as f64 / 1e6,
        outcome.frames,
        nanos as f64 / 1e9,
        nanos as f64 / 1e3 / f64::from(connections),
        outcome.most.0,
        outcome.most.1,
        peak_memory()? as f64 / 1024.0,
    );
    assert_eq!((outcome.left.sockets, outcome.left.time_wait), (0, 0));
    Ok(())
}
