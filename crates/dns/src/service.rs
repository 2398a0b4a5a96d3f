//! `ServiceRecord`: HTTPS records (RFC 9460), which say how else a web service can be reached.

use core::time::Duration;
use std::net::{Ipv4Addr, Ipv6Addr};

use hickory_proto::ProtoError;
use hickory_proto::rr::rdata::svcb::SvcParamValue;
use hickory_proto::rr::{Name, RData, Record};

/// The ports for which a name's HTTPS record stands at the name itself (RFC 9460 §9.1): that of https, and
/// that of http, whose records are those of https (§9.5).
const HTTPS_PORTS: [u16; 2] = [443, 80];

/// The contents of an HTTPS record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceRecord {
    /// The record's priority, lower is better; 0 makes it an alias of the whole service.
    pub priority: u16,
    /// The host that serves; the owner name where the record says `.`
    pub target: String,
    /// The protocols it supports (ALPN): `h2`, `h3`.
    pub alpn: Vec<String>,
    /// The port, where it is not the default.
    pub port: Option<u16>,
    /// IPv4 addresses that may be used until those of the target are known.
    pub hints_v4: Vec<Ipv4Addr>,
    /// IPv6 addresses that may be used until those of the target are known.
    pub hints_v6: Vec<Ipv6Addr>,
    /// Whether it supports Encrypted Client Hello.
    pub ech: bool,
}

/// The owner name of a service's HTTPS records: `example.com`, or `_8080._https.example.com` where
/// the port is neither 443 nor 80.
pub(crate) fn owner(name: &Name, port: u16) -> Result<Name, ProtoError> {
    if HTTPS_PORTS.contains(&port) {
        return Ok(name.clone());
    }
    name.prepend_label("_https")?.prepend_label(format!("_{port}"))
}

/// How long to wait for HTTPS records once the addresses, which took `took`, have arrived: a fifth
/// of that time, at least 5 ms and at most 50 ms (measured in Chromium).
pub(crate) fn service_patience(took: Duration) -> Duration {
    (took / 5).clamp(Duration::from_millis(5), Duration::from_millis(50))
}

/// The HTTPS records among `records`, best first.
pub(crate) fn services(records: &[Record]) -> Vec<ServiceRecord> {
    let mut services: Vec<ServiceRecord> = records.iter().filter_map(read).collect();
    services.sort_by_key(|service| service.priority);
    services
}

fn read(record: &Record) -> Option<ServiceRecord> {
    let RData::HTTPS(data) = &record.data else { return None };
    let data = &data.0;
    let target = if data.target_name.is_root() { &record.name } else { &data.target_name };
    let mut service = ServiceRecord {
        priority: data.svc_priority,
        target: target.to_ascii(),
        ..ServiceRecord::default()
    };
    for (_, value) in &data.svc_params {
        match value {
            SvcParamValue::Alpn(alpn) => service.alpn.clone_from(&alpn.0),
            SvcParamValue::Port(port) => service.port = Some(*port),
            SvcParamValue::Ipv4Hint(hints) => {
                service.hints_v4 = hints.0.iter().map(|hint| hint.0).collect();
            }
            SvcParamValue::Ipv6Hint(hints) => {
                service.hints_v6 = hints.0.iter().map(|hint| hint.0).collect();
            }
            SvcParamValue::EchConfigList(_) => service.ech = true,
            _ => {}
        }
    }
    Some(service)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{name, records};

    #[test]
    fn what_a_record_says_is_read() {
        let records = records(
            "www.example.com. 60 IN HTTPS 2 alt.example.net. port=8443\n\
             www.example.com. 60 IN HTTPS 1 . alpn=h3,h2 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1",
        );
        let found = services(&records);
        assert_eq!(
            found,
            [
                ServiceRecord {
                    priority: 1,
                    target: "www.example.com.".into(),
                    alpn: vec!["h3".into(), "h2".into()],
                    hints_v4: vec!["192.0.2.1".parse().unwrap()],
                    hints_v6: vec!["2001:db8::1".parse().unwrap()],
                    ..ServiceRecord::default()
                },
                ServiceRecord {
                    priority: 2,
                    target: "alt.example.net.".into(),
                    port: Some(8443),
                    ..ServiceRecord::default()
                },
            ]
        );
    }

    #[test]
    fn another_port_has_its_own_name() {
        let owner = |port| owner(&name("www.example.com"), port).unwrap().to_ascii();
        assert_eq!(owner(443), "www.example.com.");
        assert_eq!(owner(80), "www.example.com.");
        assert_eq!(owner(8080), "_8080._https.www.example.com.");
    }
}
