//! The JSON view: the facts that the terminal shows, for programs.

use serde_json::{Value, json};

use crate::model::{Connection, Endpoint, Model, as_millis};
use crate::slowest::Slowest;
use crate::verdict::{Success, Verdict};

/// The schema version of the object that [`json()`] returns. A reader passes over fields it does not
/// know, and refuses another major version. `doc/json.schema.json` describes the object.
pub const JSON_SCHEMA: &str = "2.1";

/// The facts of a record as one JSON object. Names of times end in `_ms`; they are milliseconds
/// since the record's epoch. Segments and congestion samples are only in `record.jsonl`.
pub fn json(model: &Model) -> Value {
    let model = &*model.in_english();
    let verdict = Verdict::new(model);
    let total = model.total();
    let slowest = Slowest::of(model).map(|slowest| {
        json!({
            "exchange": slowest.exchange.map(|exchange| exchange.id),
            "step": slowest.step,
            "took_ms": as_millis(slowest.took),
        })
    });
    let neighbours =
        model.neighbours.iter().map(|(host, change)| json!({ "host": host, "change": change }));
    json!({
        "schema": JSON_SCHEMA,
        "verdict": {
            "mood": match verdict.success { Success::Good => "good", Success::Mixed => "mixed", Success::Bad => "bad" },
            "result": verdict.result,
            "subject": verdict.subject,
        },
        "exit": model.exit(),
        "run": model.run,
        "ended": model.ended,
        "cut": model.cut,
        "total": total,
        "received_bytes": model.received(),
        "slowest": slowest,
        "critical_path": {
            "to_paint": model.critical_to_paint(),
            "to_end": model.critical_to_end(),
        },
        "close": model.close(),
        "metrics": model.metrics(),
        "chain": model.chain().iter().map(|exchange| exchange.id).collect::<Vec<_>>(),
        "exchanges": model.exchanges,
        "served": model.served,
        "lookups": model.lookups,
        "neighbours": neighbours.collect::<Vec<_>>(),
        "connections": model.connections.iter().map(connection).collect::<Vec<_>>(),
        "page": {
            "milestones": model.milestones,
            "frames": model.frames,
            "largest": model.largest,
            "painted": model.painted,
            "not_fetched": model.not_fetched,
            "notes": model.notes,
        },
        "import_notes": model.import_notes,
        "findings": model.findings,
        "budget": model.budget,
        "substituted": model.original.as_ref().map_or(&[][..], |old| &old.redacted),
        "unseen": model.unseen,
        "hosts": model.hosts.values().collect::<Vec<_>>(),
        "links": model.links,
        "link_counts": model.link_counts,
    })
}

fn connection(connection: &Connection) -> Value {
    json!({
        "client": connection.client.as_ref().map(end),
        "server": connection.server.as_ref().map(end),
        "tls_started": connection.tls_started,
        "tls": connection.tls,
        "exchanges": connection.exchanges,
        "ending": connection.ending,
    })
}

fn end(end: &Endpoint) -> Value {
    json!({
        "connection": end.id,
        "transport": end.transport,
        "host": end.host,
        "local": end.local,
        "remote": end.remote,
        "opened_ms": end.opened.as_millis_f64(),
        "handshake": end.handshake(),
        "states": end.states,
        "closed": end.closed,
        "quic_closed": end.quic_closed,
        "closing": end.closing(),
        "segments": end.segments.len(),
        "retransmissions": end.retransmissions(),
        "round_trip_ms": end.round_trip().map(as_millis),
        "timers": end.timers,
    })
}
