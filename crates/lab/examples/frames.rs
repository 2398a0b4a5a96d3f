//! How many frames the lab carries in a second of the processor's time: `frames [MEGABYTES] [DIR]`.
//!
//! One bulk transfer between two hosts, checksums computed and verified. A frame counts when it has
//! crossed a link. With a folder the run is recorded there, headers only.

use std::error::Error;

use roundtrip_lab::transfer::Transfer;
use roundtrip_record::{Log, Recorder, Settings};

/// Nanoseconds this thread has been on a processor (Linux: `/proc/thread-self/schedstat`).
fn processor_time() -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let megabytes: u64 = arguments.next().as_deref().unwrap_or("500").parse()?;
    let log = match arguments.next() {
        None => Log::off(),
        Some(folder) => Log::new(Recorder::new(Settings {
            snaplen: Some(128),
            frame_events: false,
            ..Settings::in_folder(folder)
        })?),
    };
    for net in ["rtt=1ms,down=1Gbit,up=1Gbit,queue=1000p", "rtt=20ms,down=100Mbit,up=100Mbit"] {
        let transfer =
            Transfer { log: log.clone(), ..Transfer::new(net.parse()?, megabytes * 1_000_000) };
        let began = processor_time()?;
        let mut frames = 0;
        let mut virtual_ms = 0.0;
        transfer.carry_out(|run| {
            frames += run.frames_down + run.frames_up - run.dropped - run.lost;
            virtual_ms = run.eof_ms;
        })?;
        let seconds = (processor_time()? - began) as f64 / 1e9;
        println!(
            "{net}: {megabytes} MB in {virtual_ms:.1} ms of virtual time, {seconds:.3} s of processor \
             time: {:.2} million frames a second, {:.2} Gbit a second",
            frames as f64 / seconds / 1e6,
            megabytes as f64 * 8e6 / seconds / 1e9,
        );
    }
    Ok(())
}
