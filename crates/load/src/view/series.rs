//! The seconds of a load as a table, and its figures for Prometheus.

use core::fmt::Write as _;

use super::words::PERCENTILES;
use crate::histogram::Times;
use crate::measured::Measured;

/// The seconds as CSV (RFC 4180): one line each; times are milliseconds.
pub fn seconds_csv(measured: &Measured) -> String {
    let mut out = String::from("second,due,answered,failed,bytes,p50_ms,p99_ms,max_ms,late_ms\r\n");
    let ms = |time: core::time::Duration| time.as_nanos() as f64 / 1e6;
    for (number, one) in measured.tally.series.seconds().iter().enumerate() {
        // Writing to memory does not fail.
        let _ = write!(
            out,
            "{number},{},{},{},{},{:.4},{:.4},{:.4},{:.4}\r\n",
            one.due,
            one.answered,
            one.failed,
            one.bytes,
            ms(one.latency.quantile(0.5)),
            ms(one.latency.quantile(0.99)),
            ms(one.latency.max()),
            ms(one.late),
        );
    }
    out
}

/// The figures in Prometheus' text format (0.0.4), for its collector of text files.
pub fn metrics(measured: &Measured) -> String {
    let (mut out, tally) = (String::new(), &measured.tally);
    let mut counter = |name: &str, help: &str, value: u64| {
        let _ = write!(
            out,
            "# HELP roundtrip_load_{name} {help}\n# TYPE roundtrip_load_{name} counter\nroundtrip_load_{name} {value}\n"
        );
    };
    counter("answered_total", "Whole answers.", tally.answered);
    counter(
        "errors_total",
        "Requests that failed, statuses of 400 and above included.",
        tally.errors(),
    );
    counter("unsent_total", "Requests that found no free connection before the end.", tally.unsent);
    counter("body_bytes_total", "Bytes of bodies.", tally.bytes);
    summary(
        &mut out,
        "latency",
        "From when a request should have been sent to its last byte.",
        &tally.latency,
    );
    summary(&mut out, "service", "From when a request was sent to its last byte.", &tally.service);
    let _ = write!(
        out,
        "# HELP roundtrip_load_late_seconds How late the generator was at most.\n# TYPE roundtrip_load_late_seconds \
         gauge\nroundtrip_load_late_seconds {}\n",
        tally.late.max().as_secs_f64()
    );
    out
}

fn summary(out: &mut String, name: &str, help: &str, times: &Times) {
    let name = format!("roundtrip_load_{name}_seconds");
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} summary");
    for (_, share) in PERCENTILES {
        let _ =
            writeln!(out, "{name}{{quantile=\"{share}\"}} {}", times.quantile(share).as_secs_f64());
    }
    let sum = times.mean().as_secs_f64() * times.count() as f64;
    let _ = writeln!(out, "{name}_sum {sum}\n{name}_count {}", times.count());
}
