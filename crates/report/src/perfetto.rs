//! The Perfetto view: Chrome's trace event format in JSON, which <https://ui.perfetto.dev> opens.
//!
//! A host is shown as a process; its exchanges, lookups and connections as threads; the congestion
//! window as a counter. Times are microseconds.

use roundtrip_record::{HostId, Time};
use serde_json::{Value, json};

use crate::model::{Connection, Endpoint, Lookup, Model, Span};
use crate::names;

/// The record as trace events.
pub fn perfetto(model: &Model) -> Value {
    let model = &*model.in_english();
    let mut trace = Trace { events: Vec::new(), threads: 0 };
    for host in model.hosts.values() {
        trace.meta("process_name", host.id, 0, &host.name);
    }
    trace.exchanges(model);
    for lookup in &model.lookups {
        trace.lookup(lookup);
    }
    for connection in &model.connections {
        trace.connection(connection);
    }
    trace.instants(model);
    json!({ "displayTimeUnit": "ms", "traceEvents": trace.events })
}

struct Trace {
    events: Vec<Value>,
    threads: u32,
}

fn micros(at: Time) -> f64 {
    at.nanos() as f64 / 1e3
}

impl Trace {
    fn meta(&mut self, what: &str, host: HostId, thread: u32, name: &str) {
        self.events.push(json!({ "ph": "M", "name": what, "pid": host, "tid": thread, "args": { "name": name } }));
    }

    /// Makes a thread. Perfetto nests events that overlap on one thread, so each thing gets its
    /// own.
    fn thread(&mut self, host: HostId, name: &str) -> u32 {
        self.threads += 1;
        let thread = self.threads;
        self.meta("thread_name", host, thread, name);
        thread
    }

    fn slice(
        &mut self,
        host: HostId,
        thread: u32,
        name: &str,
        category: &str,
        span: Span,
        args: &Value,
    ) {
        self.events.push(json!({
            "ph": "X", "name": name, "cat": category, "pid": host, "tid": thread,
            "ts": micros(span.start), "dur": span.took().as_nanos() as f64 / 1e3, "args": args,
        }));
    }

    fn exchanges(&mut self, model: &Model) {
        let client = model.client();
        for exchange in model.seen() {
            let name = format!("{} {}", exchange.method, exchange.url);
            let thread = self.thread(client, &format!("exchange {}", exchange.id));
            let args = json!({
                "status": exchange.status(), "received": exchange.received(),
                "initiator": names::initiator(&exchange.initiator), "complete": exchange.complete,
            });
            self.slice(client, thread, &name, "exchange", exchange.span, &args);
            for phase in &exchange.phases {
                self.slice(
                    client,
                    thread,
                    phase.kind.name(),
                    "phase",
                    phase.span,
                    &json!({ "event": phase.event }),
                );
            }
        }
    }

    fn lookup(&mut self, lookup: &Lookup) {
        let thread = self.thread(lookup.host, &format!("lookup {}", lookup.name));
        self.slice(
            lookup.host,
            thread,
            &lookup.name,
            "lookup",
            lookup.span,
            &json!({ "addresses": lookup.addresses }),
        );
        for rung in &lookup.rungs {
            let said = rung.outcome.as_ref().map_or("no answer".into(), names::outcome);
            self.slice(
                lookup.host,
                thread,
                &names::source(&rung.source),
                "rung",
                rung.span(),
                &json!({ "said": said }),
            );
        }
        for nested in &lookup.nested {
            self.lookup(nested);
        }
    }

    fn connection(&mut self, connection: &Connection) {
        for end in connection.ends() {
            let thread = self.thread(end.host, &format!("{} ↔ {}", end.local, end.remote));
            self.states(thread, end);
            if let Some((span, _)) =
                connection.tls_span().filter(|_| connection.client.as_ref() == Some(end))
            {
                self.slice(end.host, thread, "TLS handshake", "tls", span, &json!({}));
            }
            for sample in &end.congestion {
                self.events.push(json!({
                    "ph": "C", "name": format!("congestion {}", end.id), "pid": end.host, "tid": thread,
                    "ts": micros(sample.at), "args": { "cwnd": sample.what.cwnd, "in flight": sample.what.in_flight },
                }));
            }
        }
    }

    /// Writes each TCP state as a slice that lasts until the next state.
    fn states(&mut self, thread: u32, end: &Endpoint) {
        for pair in end.states.windows(2) {
            if let [now, next] = pair {
                let args = json!({ "how": names::how(&now.what.how) });
                self.slice(
                    end.host,
                    thread,
                    now.what.to.name(),
                    "state",
                    Span::new(now.at, next.at),
                    &args,
                );
            }
        }
    }

    fn instants(&mut self, model: &Model) {
        let client = model.client();
        let milestones = model
            .milestones
            .iter()
            .map(|reached| (reached.at, String::from(reached.what.name.clone())));
        let faults = model
            .findings
            .iter()
            .map(|finding| (finding.at, format!("fault: {}", finding.headline)));
        for (at, name) in milestones.chain(faults) {
            self.events.push(json!({ "ph": "i", "s": "p", "name": name, "pid": client, "tid": 0, "ts": micros(at) }));
        }
    }
}
