//! The command `roundtrip transfer`.

use std::io::{Write as _, stdout};

use roundtrip_lab::transfer::{Neighbours, Run, Transfer};
use roundtrip_lab::{Net, Seed};

use crate::Outcome;
use crate::args::{self, Format};

/// Runs the command; each run is printed as it ends.
pub(crate) fn run(arguments: &args::Transfer) -> Outcome {
    let net: Net = arguments.net.parse()?;
    let json = arguments.json || arguments.format == Format::Json;
    let mut transfer = Transfer::new(net, arguments.bytes);
    transfer.parallel = arguments.parallel;
    transfer.runs = arguments.runs;
    transfer.seed = Seed::new(arguments.seed);
    transfer.congestion = arguments.congestion;
    if arguments.cold {
        transfer.neighbours = Neighbours::Cold;
    }
    let mut out = stdout().lock();
    if !json {
        writeln!(out, "{} bytes × {} over {}", arguments.bytes, arguments.parallel, transfer.net)?;
        writeln!(
            out,
            "{:>5}  {:>10}  {:>10}  {:>10}  {:>10}  {:>8}  {:>8}  {:>7}  {:>5}",
            "run", "connect ms", "first ms", "last ms", "eof ms", "down", "up", "dropped", "lost"
        )?;
    }
    let mut failed = Ok(());
    transfer.carry_out(|run| {
        if failed.is_ok() {
            failed = if json { object(&mut out, &run) } else { line(&mut out, &run) };
        }
    })?;
    failed?;
    Ok(0)
}

fn object(out: &mut impl std::io::Write, run: &Run) -> std::io::Result<()> {
    writeln!(out, "{}", serde_json::to_string(run)?)
}

fn line(out: &mut impl std::io::Write, run: &Run) -> std::io::Result<()> {
    writeln!(
        out,
        "{:>5}  {:>10.3}  {:>10.3}  {:>10.3}  {:>10.3}  {:>8}  {:>8}  {:>7}  {:>5}",
        run.run,
        run.connect_ms,
        run.first_byte_ms,
        run.last_byte_ms,
        run.eof_ms,
        run.frames_down,
        run.frames_up,
        run.dropped,
        run.lost
    )
}
