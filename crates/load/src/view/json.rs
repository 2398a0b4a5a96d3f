//! The view for programs.

use core::time::Duration;

use serde_json::{Value, json as value};

use super::words::{PERCENTILES, notes};
use crate::condition::Judged;
use crate::histogram::Times;
use crate::limit::Limit;
use crate::measured::Measured;
use crate::plan::{Arrivals, Pace};
use crate::seconds::Second;

/// The schema version of the objects that [`json()`] and [`limit_json`] return. A reader passes over
/// fields it does not know, and refuses another major version.
pub const LOAD_SCHEMA: &str = "1.0";

/// What a load came to as one JSON object. Names of times end in `_ms` and are milliseconds.
pub fn json(measured: &Measured, judged: &[Judged]) -> Value {
    let tally = &measured.tally;
    let failures = tally.failures.kinds().iter().map(|kind| {
        let finding = kind.finding();
        value!({
            "count": kind.count, "first_ms": ms(kind.first), "last_ms": ms(kind.last), "url": kind.url,
            "step": finding.step.name(), "type": finding.nel, "headline": finding.headline,
            "meaning": finding.meaning, "next": finding.next, "fault": finding.fault,
        })
    });
    let seconds = tally.series.seconds().iter().enumerate();
    value!({
        "schema": LOAD_SCHEMA,
        "plan": plan(measured),
        "took_ms": ms(measured.took()),
        "held_per_second": measured.held(),
        "sent": tally.sent,
        "answered": tally.answered,
        "errors": tally.errors(),
        "error_share": measured.error_share(),
        "unsent": tally.unsent,
        "resent": tally.resent,
        "bytes": tally.bytes,
        "statuses": tally.statuses.iter().map(|(status, n)| (status.to_string(), *n))
            .collect::<std::collections::BTreeMap<_, _>>(),
        "latency": times(&tally.latency),
        "service": times(&tally.service),
        "connect": times(&tally.connect),
        "tls": times(&tally.tls),
        "generator": {
            "threads": measured.threads,
            "processor": measured.processor,
            "late": times(&tally.late),
            "latest_at_ms": ms(tally.latest),
            "limited": measured.generator_limited(),
        },
        "interrupted": measured.interrupted,
        "failures": failures.collect::<Vec<_>>(),
        "notes": notes(measured),
        "conditions": judged.iter().map(|one| value!({
            "condition": one.condition, "fails": one.holds, "measured": one.measured,
        })).collect::<Vec<_>>(),
        "seconds": seconds.map(|(number, second)| second_of(number, second)).collect::<Vec<_>>(),
    })
}

fn plan(measured: &Measured) -> Value {
    let plan = &measured.plan;
    let arrivals = match plan.pace {
        Pace::Closed => None,
        Pace::Open { arrivals: Arrivals::Even, .. } => Some("even"),
        Pace::Open { arrivals: Arrivals::Poisson, .. } => Some("poisson"),
    };
    value!({
        "targets": plan.targets.iter().map(|target| value!({
            "method": target.method.as_str(), "url": target.url.as_str(), "weight": target.weight.get(),
        })).collect::<Vec<_>>(),
        "rate_per_second": measured.asked().map(crate::Rate::per_second),
        "arrivals": arrivals,
        "connections": plan.connections.get(),
        "streams": plan.streams.get(),
        "requests": plan.stop.requests,
        "time_ms": plan.stop.time.map(ms),
        "timeout_ms": ms(plan.timeout),
        "net": measured.net,
        "seed": plan.seed,
    })
}

fn times(times: &Times) -> Value {
    let mut object = value!({
        "count": times.count(), "mean_ms": ms(times.mean()), "max_ms": ms(times.max()),
    });
    for (name, share) in PERCENTILES {
        object[format!("{name}_ms")] = ms(times.quantile(share)).into();
    }
    object
}

fn second_of(number: usize, second: &Second) -> Value {
    value!({
        "second": number, "due": second.due, "answered": second.answered, "failed": second.failed,
        "bytes": second.bytes, "late_ms": ms(second.late),
        "p50_ms": ms(second.latency.quantile(0.5)), "p99_ms": ms(second.latency.quantile(0.99)),
        "max_ms": ms(second.latency.max()),
    })
}

fn ms(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e6
}

/// What a search for a limit came to as one JSON object.
pub fn limit_json(limit: &Limit) -> Value {
    let rate = |rate: Option<crate::Rate>| rate.map(crate::Rate::per_second);
    value!({
        "schema": LOAD_SCHEMA,
        "held_per_second": rate(limit.held),
        "not_held_per_second": rate(limit.not_held),
        "generator_limited": limit.generator,
        "interrupted": limit.interrupted,
        "tried": limit.tried.iter().map(|tried| value!({
            "rate_per_second": tried.rate.per_second(),
            "held": tried.missed.is_none(),
            "missed": tried.missed,
            "goal": tried.goal.condition,
            "measured": json(&tried.measured, &[]),
        })).collect::<Vec<_>>(),
    })
}
