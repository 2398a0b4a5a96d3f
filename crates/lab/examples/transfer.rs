//! The exchange of `roundtrip transfer`, as a program of its own for those who work on the stack:
//! `transfer --net down=20Mbit,up=5Mbit,rtt=40ms --bytes 100000 --parallel 1 --runs 3 [--seed N]
//! [--congestion bbr] [--cold] [--out DIR]` prints one JSON object a run.

use std::error::Error;

use roundtrip_lab::Seed;
use roundtrip_lab::transfer::{Neighbours, Transfer};
use roundtrip_record::{Log, Recorder, Settings};

fn main() -> Result<(), Box<dyn Error>> {
    let mut transfer = Transfer::new("lan".parse()?, 100_000);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            // What the command line of the whole program has besides.
            "transfer" | "--json" => {}
            "--format" => drop(value()?),
            "--net" => transfer.net = value()?.parse()?,
            "--bytes" => transfer.bytes = value()?.parse()?,
            "--parallel" => transfer.parallel = value()?.parse()?,
            "--runs" => transfer.runs = value()?.parse()?,
            "--seed" => transfer.seed = Seed::new(value()?.parse()?),
            "--congestion" => transfer.congestion = value()?.parse()?,
            "--cold" => transfer.neighbours = Neighbours::Cold,
            "--out" => transfer.log = Log::new(Recorder::new(Settings::in_folder(value()?))?),
            other => return Err(format!("{other}: not an argument").into()),
        }
    }
    transfer.carry_out(|run| match serde_json::to_string(&run) {
        Ok(line) => println!("{line}"),
        Err(error) => eprintln!("{error}"),
    })?;
    transfer.log.finish()?;
    Ok(())
}
