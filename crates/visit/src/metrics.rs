//! `Metrics`: what a server has done, for Prometheus and for people.

use core::fmt::Write as _;
use core::sync::atomic::{AtomicU64, Ordering};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::Version;
use roundtrip_http::server::{Crowd, Handler, Request, RequestBody, Response, Served};
use roundtrip_wire::LocalFuture;

/// Bounds of the histogram of durations, in milliseconds: those of Prometheus' own clients, and one below.
const BOUNDS: [u64; 13] = [1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000];

/// What a server has done since it began, all of its threads together.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Requests by version and status.
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    /// How many took up to each bound, and no more than the one before.
    within: [AtomicU64; BOUNDS.len()],
    /// What all of them took, in microseconds.
    took: AtomicU64,
    bytes: AtomicU64,
    incomplete: AtomicU64,
}

impl Metrics {
    /// Counts a request that was answered.
    pub(crate) fn count(&self, served: &Served<'_>) {
        let key = (version(served.version), served.status.as_u16());
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default() += 1;
        let millis = served.took.as_secs_f64() * 1000.0;
        if let Some(at) = BOUNDS.iter().position(|bound| millis <= *bound as f64) {
            self.within[at].fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(served.took.as_micros()).unwrap_or(u64::MAX);
        self.took.fetch_add(micros, Ordering::Relaxed);
        self.bytes.fetch_add(served.body, Ordering::Relaxed);
        self.incomplete.fetch_add(u64::from(!served.complete), Ordering::Relaxed);
    }

    /// In Prometheus' text format.
    fn text(&self, connections: usize) -> String {
        let mut text = String::new();
        let begin = |text: &mut String, name: &str, kind: &str, help: &str| {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        };
        let name = "roundtrip_http_requests_total";
        begin(&mut text, name, "counter", "Requests that were answered.");
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for ((version, status), count) in &requests {
            let _ = writeln!(text, "{name}{{version=\"{version}\",status=\"{status}\"}} {count}");
        }
        let name = "roundtrip_http_request_duration_seconds";
        begin(&mut text, name, "histogram", "From the head of a request to the end of its answer.");
        let mut so_far = 0;
        for (bound, count) in BOUNDS.iter().zip(&self.within) {
            so_far += count.load(Ordering::Relaxed);
            let seconds = *bound as f64 / 1000.0;
            let _ = writeln!(text, "{name}_bucket{{le=\"{seconds}\"}} {so_far}");
        }
        let all: u64 = requests.values().sum();
        let took = self.took.load(Ordering::Relaxed) as f64 / 1e6;
        let _ = writeln!(
            text,
            "{name}_bucket{{le=\"+Inf\"}} {all}\n{name}_sum {took}\n{name}_count {all}"
        );
        for (name, kind, help, value) in [
            (
                "roundtrip_http_response_body_bytes_total",
                "counter",
                "Bytes of bodies of answers that were sent.",
                self.bytes.load(Ordering::Relaxed),
            ),
            (
                "roundtrip_http_incomplete_total",
                "counter",
                "Answers that were not sent whole.",
                self.incomplete.load(Ordering::Relaxed),
            ),
            ("roundtrip_connections", "gauge", "Connections that are open.", connections as u64),
        ] {
            begin(&mut text, name, kind, help);
            let _ = writeln!(text, "{name} {value}");
        }
        text
    }

    /// For people; the page is asked for again and again.
    fn page(&self, connections: usize) -> String {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let all: u64 = requests.values().sum();
        let bytes = self.bytes.load(Ordering::Relaxed);
        let took = self.took.load(Ordering::Relaxed) as f64 / 1000.0 / all.max(1) as f64;
        let mut rows = String::new();
        for ((version, status), count) in &requests {
            let _ = writeln!(rows, "<tr><td>HTTP/{version}<td>{status}<td>{count}");
        }
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><meta http-equiv=\"refresh\" content=\"2\">\
             <title>roundtrip serve</title>\n<style>:root{{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}}\
             body{{max-width:40em;margin:1em auto;padding:0 1em}}td{{padding:0 1em 0 0}}</style>\n\
             <h1>roundtrip serve</h1>\n<p>{connections} connections are open. {all} requests were answered with \
             {bytes} bytes of bodies, in {took:.1} ms each on average. <a href=\"/metrics\">For Prometheus</a>.</p>\n\
             <table>\n{rows}</table>\n</html>\n"
        )
    }
}

fn version(version: Option<Version>) -> &'static str {
    match version {
        Some(Version::HTTP_10) => "1.0",
        Some(Version::HTTP_11) => "1.1",
        Some(Version::HTTP_2) => "2",
        Some(Version::HTTP_3) => "3",
        _ => "none",
    }
}

/// Shows them: `/metrics` to Prometheus, `/` to people.
pub(crate) struct Shown {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) crowd: Arc<Crowd>,
}

impl Handler for Shown {
    fn handle<'a>(&'a self, request: &'a Request, _: RequestBody) -> LocalFuture<'a, Response> {
        let connections = self.crowd.total();
        let mut response = match request.path() {
            "/metrics" => Response::ok(
                "text/plain; version=0.0.4; charset=utf-8",
                self.metrics.text(connections),
            ),
            "/" => Response::html(self.metrics.page(connections)),
            _ => Response::error(http::StatusCode::NOT_FOUND, "There are / and /metrics here."),
        };
        response.fields.add("Cache-Control", "no-store");
        Box::pin(core::future::ready(response))
    }
}
