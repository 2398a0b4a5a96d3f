//! Bulk transfer between our TCP on a TAP device and the kernel's, for `bench/tap`.
//!
//! ```text
//! bulk serve ADDRESS                 the kernel's end, over ordinary sockets, until it is killed
//! bulk push|pull WIRE ADDRESS MIB    sends or receives MIB over WIRE: tap:NAME,… or kernel
//! ```
//!
//! `push` and `pull` print one line: the wire, the direction, Gbit/s by the wall clock, and the
//! processor time of this process per gigabyte, kernel included.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use roundtrip_os::{Clock, Machine};
use roundtrip_record::Log;
use roundtrip_wire::Wire as _;
use tokio::io::AsyncWriteExt as _;

/// What is handed to the socket in one call; iperf3 has 128 KiB, too.
const BLOCK: usize = 128 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", at] => Ok(serve(at.parse()?)?),
        [way @ ("push" | "pull"), wire, to, mib] => {
            let bytes = mib.parse::<u64>()? << 20;
            let clock = Clock::start();
            let cpu = cpu()?;
            let took = match (way, wire) {
                ("push", "kernel") => kernel_push(&clock, to.parse()?, bytes)?,
                ("pull", "kernel") => kernel_pull(&clock, to.parse()?, bytes)?,
                _ => tap(wire, clock, way == "push", to.parse()?, bytes)?,
            };
            let cpu = self::cpu()?.saturating_sub(cpu);
            let seconds = took.as_secs_f64();
            let gigabytes = bytes as f64 / 1e9;
            let name = wire.split(',').next().unwrap_or(wire);
            println!(
                "{name:<12} {way} {:6.2} Gbit/s  {:5.0} ms of processor per GB",
                gigabytes * 8.0 / seconds,
                cpu.as_secs_f64() * 1e3 / gigabytes
            );
            Ok(())
        }
        _ => Err("serve ADDRESS | push|pull WIRE ADDRESS MIB".into()),
    }
}

/// Processor time of this thread, which is all there is of this process (proc(5), `schedstat`).
fn cpu() -> Result<Duration, Box<dyn Error>> {
    let line = std::fs::read_to_string("/proc/self/schedstat")?;
    let spent = line.split(' ').next().ok_or("schedstat is empty")?;
    Ok(Duration::from_nanos(spent.parse()?))
}

/// Answers connections: eight bytes say how much to send back; none at all that everything else is
/// to be read, and then one byte is sent.
fn serve(at: SocketAddr) -> std::io::Result<()> {
    let listener = TcpListener::bind(at)?;
    for stream in listener.incoming() {
        let stream = stream?;
        std::thread::spawn(move || {
            if let Err(error) = answer(stream) {
                eprintln!("bulk serve: {error}");
            }
        });
    }
    Ok(())
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut wanted = [0; 8];
    let mut block = vec![0; BLOCK];
    stream.read_exact(&mut wanted)?;
    let mut left = u64::from_be_bytes(wanted);
    if left == 0 {
        while stream.read(&mut block)? > 0 {}
        return stream.write_all(&[1]);
    }
    while left > 0 {
        let count = left.min(block.len() as u64);
        stream.write_all(&block[..count as usize])?;
        left -= count;
    }
    Ok(())
}

fn kernel_push(clock: &Clock, to: SocketAddr, bytes: u64) -> std::io::Result<Duration> {
    let mut stream = TcpStream::connect(to)?;
    let block = vec![0; BLOCK];
    let began = clock.now();
    stream.write_all(&0_u64.to_be_bytes())?;
    let mut left = bytes;
    while left > 0 {
        let count = left.min(BLOCK as u64);
        stream.write_all(&block[..count as usize])?;
        left -= count;
    }
    stream.shutdown(std::net::Shutdown::Write)?;
    stream.read_exact(&mut [0])?;
    Ok(clock.now().since(began))
}

fn kernel_pull(clock: &Clock, to: SocketAddr, bytes: u64) -> std::io::Result<Duration> {
    let mut stream = TcpStream::connect(to)?;
    let mut block = vec![0; BLOCK];
    let began = clock.now();
    stream.write_all(&bytes.to_be_bytes())?;
    while stream.read(&mut block)? > 0 {}
    Ok(clock.now().since(began))
}

fn tap(
    wire: &str,
    clock: Clock,
    push: bool,
    to: SocketAddr,
    bytes: u64,
) -> Result<Duration, Box<dyn Error>> {
    let settings = wire.parse()?;
    let log = Log::off();
    let run = roundtrip_tap::run(&settings, clock, &log, Machine::default(), |tap| async move {
        let mut stream = tap.connect(to, None, None).await.map_err(|fault| format!("{fault:?}"))?;
        let began = tap.now();
        let moved = if push {
            stream.write_all(&0_u64.to_be_bytes()).await?;
            let block = Bytes::from(vec![0; BLOCK]);
            let mut left = bytes;
            while left > 0 {
                let count = left.min(BLOCK as u64);
                stream.write_all_bytes(block.slice(..count as usize)).await?;
                left -= count;
            }
            stream.shutdown().await?;
            bytes + drain(&mut stream).await?.saturating_sub(1)
        } else {
            stream.write_all(&bytes.to_be_bytes()).await?;
            drain(&mut stream).await?
        };
        let took = tap.now().since(began);
        if moved == bytes { Ok(took) } else { Err(format!("{moved} bytes of {bytes}").into()) }
    });
    run??
}

/// Reads to the end of the stream and says how much that was.
async fn drain(
    stream: &mut roundtrip_wire::StackStream<roundtrip_tap::TapPort>,
) -> std::io::Result<u64> {
    let mut total = 0;
    loop {
        let take = |[first, second]: [&[u8]; 2]| first.len() + second.len();
        match std::future::poll_fn(|context| stream.poll_read_with(context, take)).await? {
            0 => return Ok(total),
            count => total += count as u64,
        }
    }
}
