//! The qlog view: the QUIC connections of a record, as <https://qvis.quictools.info> opens them.
//!
//! It is qlog 0.3 in JSON (draft-ietf-quic-qlog-main-schema-02, draft-ietf-quic-qlog-quic-events-01),
//! which is what the tools of the field read. Each end of each connection is a trace of its own; times
//! are milliseconds since the run began.

use roundtrip_record::{
    CongestionPhase, ConnectionId, Direction, Event, HostId, QuicClosed, QuicCongestion,
    QuicOpened, QuicPacket, QuicSpace, Side, What,
};
use serde_json::{Value, json};

use crate::model::Model;

/// The QUIC connections of a record, as qlog; without traces where there is none.
pub fn qlog(model: &Model) -> Value {
    let opened = model.events.iter().filter_map(|event| match &event.what {
        What::QuicOpened(opened) => Some((event.host, opened)),
        _ => None,
    });
    let traces: Vec<Value> = opened.map(|(host, opened)| trace(model, host, opened)).collect();
    json!({
        "qlog_version": "0.3",
        "qlog_format": "JSON",
        "title": model.run.as_ref().map(|run| format!("roundtrip {} {}", run.command, run.subject)),
        "traces": traces,
    })
}

/// What one end of a connection did.
fn trace(model: &Model, host: HostId, opened: &QuicOpened) -> Value {
    let events: Vec<Value> = model
        .events
        .iter()
        .filter(|event| event.host == host)
        .flat_map(|event| told(event, opened.connection))
        .collect();
    let name = model.hosts.get(&host).map(|host| host.name.as_str()).unwrap_or_default();
    let kind = match opened.side {
        Side::Client => "client",
        Side::Server => "server",
    };
    let wall = model.run.as_ref().map_or(0, |run| run.wall);
    json!({
        "title": format!("{} → {}", opened.local, opened.remote),
        "vantage_point": { "name": name, "type": kind },
        "common_fields": {
            "protocol_type": ["QUIC", "HTTP3"],
            "group_id": opened.connection.to_string(),
            "time_format": "relative",
            "reference_time": wall as f64 / 1e6,
        },
        "events": events,
    })
}

/// An event of this connection in qlog's terms: one or two of qlog's.
fn told(event: &Event, connection: ConnectionId) -> Vec<Value> {
    let (of, events) = match &event.what {
        What::QuicOpened(opened) => {
            (opened.connection, vec![("connectivity:connection_started", started(opened))])
        }
        What::QuicPacket(packet) => {
            (packet.connection, vec![(packet_name(packet), packet_data(packet))])
        }
        What::QuicCongestion(sample) => {
            let state = json!({ "new": phase(sample.phase) });
            let events = vec![
                ("recovery:metrics_updated", metrics(sample)),
                ("recovery:congestion_state_updated", state),
            ];
            (sample.connection, events)
        }
        What::QuicLost(lost) => {
            // RFC 9002 has two ways to tell, and the record does not say which it was.
            let data = json!({ "raw": { "length": lost.bytes } });
            (lost.connection, vec![("recovery:packet_lost", data)])
        }
        What::QuicClosed(closed) => {
            (closed.connection, vec![("connectivity:connection_closed", ended(closed))])
        }
        _ => return Vec::new(),
    };
    if of != connection {
        return Vec::new();
    }
    let time = event.at.nanos() as f64 / 1e6;
    let event = |(name, data)| json!({ "time": time, "name": name, "data": without_nulls(data) });
    events.into_iter().map(event).collect()
}

fn metrics(sample: &QuicCongestion) -> Value {
    json!({
        "congestion_window": sample.cwnd,
        "bytes_in_flight": sample.in_flight,
        "ssthresh": sample.ssthresh,
        "smoothed_rtt": sample.srtt.map(|srtt| srtt.as_nanos() as f64 / 1e6),
    })
}

fn started(opened: &QuicOpened) -> Value {
    let (local, remote) = (opened.local, opened.remote);
    json!({
        "ip_version": if local.is_ipv4() { "v4" } else { "v6" },
        "src_ip": local.ip(), "src_port": local.port(),
        "dst_ip": remote.ip(), "dst_port": remote.port(),
        "quic_version": format!("{:x}", opened.version),
    })
}

fn packet_name(packet: &QuicPacket) -> &'static str {
    match packet.direction {
        Direction::Sent => "transport:packet_sent",
        Direction::Received => "transport:packet_received",
    }
}

fn packet_data(packet: &QuicPacket) -> Value {
    let kind = match packet.space {
        QuicSpace::Initial => "initial",
        QuicSpace::ZeroRtt => "0RTT",
        QuicSpace::Handshake => "handshake",
        QuicSpace::OneRtt => "1RTT",
    };
    json!({
        "header": { "packet_type": kind, "packet_number": packet.number },
        "raw": { "length": packet.length },
        "frames": packet.frames,
    })
}

/// The names that qlog gives as examples, where it has one.
fn phase(phase: CongestionPhase) -> Value {
    match phase {
        CongestionPhase::Avoidance => "congestion_avoidance".into(),
        other => serde_json::to_value(other).unwrap_or_default(),
    }
}

fn ended(closed: &QuicClosed) -> Value {
    let owner = closed.direction.map(|direction| match direction {
        Direction::Sent => "local",
        Direction::Received => "remote",
    });
    let code = if closed.application { "application_code" } else { "connection_code" };
    json!({ "owner": owner, code: closed.code, "reason": closed.why })
}

/// qlog leaves out what is not known.
fn without_nulls(mut data: Value) -> Value {
    if let Value::Object(fields) = &mut data {
        fields.retain(|_, value| !value.is_null());
    }
    data
}
