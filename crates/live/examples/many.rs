//! Many connections one after the other over loopback: what stays of each in memory.
//!
//! ```text
//! many [COUNT]      how many (100000)
//! ```
//!
//! Client and server are threads of one process with a wire each, and the memory is the process's. It
//! prints a line for every tenth of the way: connections so far, KiB in memory, connections a second.

use std::net::SocketAddr;
use std::sync::mpsc;

use roundtrip_live::{Live, Settings, run};
use roundtrip_os::Clock;
use roundtrip_record::Log;
use roundtrip_wire::{Listener as _, Wire as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

type Failed = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failed> {
    let count = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let clock = Clock::start();
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        let server = scope.spawn(move || {
            run(clock, Log::off(), Settings::default(), |live| serve(live, count, tell))?
        });
        let at = told.recv()?;
        run(clock, Log::off(), Settings::default(), |live| connect(live, at, count))??;
        server.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

async fn serve(live: Live, count: u64, tell: mpsc::Sender<SocketAddr>) -> Result<(), Failed> {
    let mut listener = live.listen(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    tell.send(listener.local())?;
    for _ in 0..count {
        let mut stream = listener.accept().await?;
        stream.read_exact(&mut [0; 4]).await?;
        stream.write_all(b"answer").await?;
    }
    Ok(())
}

async fn connect(live: Live, at: SocketAddr, count: u64) -> Result<(), Failed> {
    println!("connections  KiB in memory  a second");
    let began = live.now();
    let mut answer = Vec::new();
    for done in 1..=count {
        let mut stream = live.connect(at, None, None).await?;
        stream.write_all(b"ask\n").await?;
        answer.clear();
        stream.read_to_end(&mut answer).await?;
        drop(stream);
        if done % (count / 10).max(1) == 0 {
            let seconds = live.now().since(began).as_secs_f64();
            println!("{done:>11}  {:>13}  {:>8.0}", resident()? / 1024, done as f64 / seconds);
        }
    }
    Ok(())
}

/// Bytes of this process that are in memory (proc(5), `statm`, second field).
fn resident() -> Result<u64, Failed> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = text.split(' ').nth(1).ok_or("statm has no second field")?.parse()?;
    Ok(pages * 4096)
}
