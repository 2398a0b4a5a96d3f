//! Words that several views share.

use core::time::Duration;

use roundtrip_report::text::{count, duration, grouped};

use crate::histogram::Times;
use crate::measured::Measured;
use crate::plan::{Arrivals, Pace};

/// The percentiles that every view has: their names, and their shares.
pub(crate) const PERCENTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999)];

/// A row of times: its name, the times, and what they are.
pub(crate) type Row<'a> = (&'static str, &'a Times, &'static str);

/// The rows of times that there are, latency first.
pub(crate) fn rows(measured: &Measured) -> Vec<Row<'_>> {
    let tally = &measured.tally;
    let open = measured.asked().is_some();
    let latency =
        if open { "from when it should have been sent" } else { "from when the user was free" };
    let all = [
        ("latency", &tally.latency, latency),
        ("service", &tally.service, "from sent: what tools without correction show"),
        ("connect", &tally.connect, "TCP, for each connection"),
        ("tls", &tally.tls, "handshakes"),
    ];
    all.into_iter().filter(|(name, times, _)| *name == "latency" || times.count() > 0).collect()
}

/// What was asked and what came of it, in one line.
pub(crate) fn verdict(measured: &Measured) -> String {
    let held = per_second(measured.held());
    let errors = count(measured.tally.errors() as usize, "error");
    match measured.asked() {
        Some(rate) => format!("{rate}/s asked, {held}/s held, {errors}"),
        None => format!("{held}/s answered, {errors}"),
    }
}

/// How much the generator took of this machine, and how late it was.
pub(crate) fn generator(measured: &Measured) -> Option<String> {
    let mut told = Vec::new();
    if let Some(used) = measured.processor {
        told.push(format!("CPU here {:.0} %", used * 100.0));
    }
    if measured.asked().is_some() && measured.tally.late.count() > 0 {
        let late = measured.tally.late.max();
        told.push(format!(
            "never late by more than {}{}",
            duration(late),
            if late > Duration::from_millis(1) {
                format!(
                    " (at {}; p99 {})",
                    duration(measured.tally.latest),
                    duration(measured.tally.late.quantile(0.99))
                )
            } else {
                String::new()
            }
        ));
    }
    (!told.is_empty()).then(|| told.join(", "))
}

/// By whom it was asked, and for how long.
pub(crate) fn shape(measured: &Measured) -> String {
    let plan = &measured.plan;
    let mut told = vec![count(plan.connections.get() as usize, "connection")];
    if plan.streams.get() > 1 {
        told.push(format!("{} requests at a time on each", plan.streams));
    }
    told.push(match plan.pace {
        Pace::Closed => "closed loop".into(),
        Pace::Open { arrivals: Arrivals::Even, .. } => "open loop, evenly spread".into(),
        Pace::Open { arrivals: Arrivals::Poisson, .. } => "open loop, Poisson".into(),
    });
    told.push(duration(measured.took()));
    match &measured.net {
        Some(net) => told.push(format!("virtual time on {net}, seed {}", plan.seed)),
        None => told.push(count(measured.threads, "thread")),
    }
    told.join(" · ")
}

/// A number of something each second.
pub(crate) fn per_second(value: f64) -> String {
    if value >= 100.0 {
        grouped(value.round() as u64)
    } else {
        let text = format!("{value:.2}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

/// Milliseconds with three significant digits.
pub(crate) fn millis(time: Duration) -> String {
    let value = time.as_nanos() as f64 / 1e6;
    let places = match value {
        ..0.0995 => 3,
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.places$}")
}

/// What is to be known of the figures before they are believed.
pub(crate) fn notes(measured: &Measured) -> Vec<String> {
    let tally = &measured.tally;
    let mut notes = Vec::new();
    if measured.interrupted {
        notes.push("interrupted: the figures are of what was answered until then".to_owned());
    }
    notes.extend(measured.generator_limited());
    if tally.unsent > 0 {
        notes.push(format!(
            "{} due before the end found no free connection and {} not sent; the latency of each counts to the end, and \
             would have been longer",
            count(tally.unsent as usize, "request"),
            if tally.unsent == 1 { "was" } else { "were" },
        ));
    }
    if tally.resent > 0 {
        notes.push(format!(
            "{} sent once more: the server had closed the connection when they came",
            count(tally.resent as usize, "request")
        ));
    }
    if measured.asked().is_none() {
        notes.push(
            "a closed loop asks a slow server less often than users would; --rate asks as they do"
                .to_owned(),
        );
    }
    notes
}
