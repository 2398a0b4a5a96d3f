//! A bulk transfer in memory beside smoltcp's: `cargo bench -p roundtrip-host --bench bulk`.
//!
//! Two hosts hand each other Ethernet frames of at most 1514 bytes; both ends run on one thread, and
//! every checksum is computed and verified. Neither application copies: ours writes shared
//! bytes and takes what has arrived where it stands, smoltcp's fills and drains the socket's
//! buffers in place. Rounds of the two take turns, and what is told is processor time
//! (Linux: `/proc/thread-self/schedstat`).

#[allow(dead_code)] // what only the other benchmarks need
#[path = "host/pair.rs"]
mod pair;
mod smoltcp_pair;

use bytes::Bytes;
use roundtrip_host::Offload;

use pair::Pair;
use smoltcp_pair::SmoltcpPair;

/// Bytes of a round.
const BYTES: usize = 64 << 20;
/// What an application writes at once.
const PIECE: usize = 256 << 10;
const ROUNDS: usize = 11;

fn ours() -> usize {
    static ZEROES: [u8; PIECE] = [0; PIECE];
    let mut pair = Pair::new(Offload::default());
    let (client, server) = pair.connect(1)[0];
    let (mut sent, mut received) = (0, 0);
    while received < BYTES {
        let piece = Bytes::from_static(&ZEROES[..PIECE.min(BYTES - sent)]);
        if !piece.is_empty() {
            sent += pair.client.write_bytes(pair.now, client, piece).expect("it is open");
        }
        pair.exchange();
        loop {
            let [first, second] = pair.server.peek(server);
            let count = first.len() + second.len();
            if count == 0 {
                break;
            }
            received += count;
            pair.server.consume(pair.now, server, count);
        }
        pair.exchange();
        pair.pass(pair.now + std::time::Duration::from_micros(100));
    }
    received
}

fn smoltcps() -> usize {
    let mut pair = SmoltcpPair::connected(PIECE);
    let (mut sent, mut received) = (0, 0);
    while received < BYTES {
        sent += pair.write(BYTES - sent);
        pair.exchange();
        received += pair.read();
        pair.exchange();
    }
    received
}

/// Nanoseconds this thread has been on a processor.
fn processor_time() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok()
}

/// Gbit a second of the processor's time.
fn rate(transfer: fn() -> usize) -> Option<f64> {
    let began = processor_time()?;
    let bytes = transfer();
    Some(bytes as f64 * 8.0 / (processor_time()? - began) as f64)
}

fn main() {
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (rates, transfer) in rates.iter_mut().zip([ours as fn() -> usize, smoltcps]) {
            let Some(rate) = rate(transfer) else {
                println!("bulk: this system has no /proc/thread-self/schedstat");
                return;
            };
            rates.push(rate);
        }
    }
    let mut medians = [0.0; 2];
    for ((name, rates), median) in ["roundtrip", "smoltcp"].iter().zip(&mut rates).zip(&mut medians)
    {
        rates.sort_by(f64::total_cmp);
        *median = rates[ROUNDS / 2];
        let best = rates[ROUNDS - 1];
        println!("{name}: median {median:.1}, best {best:.1} Gbit a second of processor time");
    }
    println!("ratio of the medians: {:.2}", medians[0] / medians[1]);
}
