//! The memory of connections that do nothing: `cargo bench -p roundtrip-host --bench memory`.
//!
//! Both ends of 100,000 connections, each of which has sent 100 bytes once, and had them read.

#[allow(dead_code)] // what only the other benchmarks need
#[path = "host/pair.rs"]
mod pair;

use std::time::Duration;

use roundtrip_host::Offload;

use pair::Pair;

const COUNT: usize = 100_000;
const PAGE: usize = 4096;

/// Bytes of this process that are in memory (`/proc/self/statm`, second field).
fn resident() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages * PAGE)
}

fn main() {
    let mut pair = Pair::new(Offload::default());
    pair.connect(1);
    let Some(before) = resident() else {
        println!("memory: this system has no /proc/self/statm");
        return;
    };
    let sockets = pair.connect(COUNT);
    let opened = resident().unwrap_or(before);
    let mut buffer = [0; 256];
    for (client, server) in &sockets {
        pair.client.write(pair.now, *client, &[7; 100]).expect("it is open");
        pair.exchange();
        while let Ok(1..) = pair.server.read(pair.now, *server, &mut buffer) {}
    }
    pair.pass(pair.now + Duration::from_secs(1));
    let used = resident().unwrap_or(before);
    let each = |bytes: usize| (bytes - before) as f64 / (2 * COUNT) as f64;
    println!(
        "ends: {}, bytes each: opened {:.0}, after use {:.0}",
        2 * COUNT,
        each(opened),
        each(used)
    );
    for (client, server) in &sockets {
        pair.client.close(pair.now, *client, &mut roundtrip_record::Off);
        pair.exchange();
        pair.server.close(pair.now, *server, &mut roundtrip_record::Off);
        pair.exchange();
    }
    let closed = resident().unwrap_or(before);
    let waiting = pair.client.held().time_wait;
    println!("all closed, {waiting} in TIME_WAIT: {} KiB in all", (closed - before) / 1024);
}
