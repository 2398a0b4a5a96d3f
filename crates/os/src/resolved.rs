//! systemd-resolved over its varlink socket (`io.systemd.Resolve`, systemd's documentation of it).

use std::io;
use std::net::IpAddr;
use std::path::Path;

use roundtrip_wire::OsAnswer;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::layout::address;

const SOCKET: &str = "/run/systemd/resolve/io.systemd.Resolve";
/// What an answer may hold at most.
const LIMIT: u64 = 1 << 20;
/// `SD_RESOLVED_SYNTHETIC`, `…_FROM_CACHE`, `…_FROM_ZONE`, `…_FROM_NETWORK`.
const ORIGINS: [(u64, &str); 4] =
    [(1 << 19, "synthetic"), (1 << 20, "cache"), (1 << 21, "zone"), (1 << 23, "network")];

/// Its socket, where it runs.
pub(crate) fn socket() -> Option<&'static str> {
    Path::new(SOCKET).exists().then_some(SOCKET)
}

/// Asks it for a name's addresses.
pub(crate) async fn ask(name: &str) -> OsAnswer {
    if socket().is_none() {
        return OsAnswer::Absent;
    }
    match exchange(name).await {
        Ok(answer) => read(&answer),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => OsAnswer::Absent,
        Err(error) => OsAnswer::Failed(error.to_string()),
    }
}

async fn exchange(name: &str) -> io::Result<Value> {
    let mut stream = UnixStream::connect(SOCKET).await?;
    let call = json!({
        "method": "io.systemd.Resolve.ResolveHostname",
        "parameters": { "name": name.trim_end_matches('.') },
    });
    let mut message = call.to_string().into_bytes();
    message.push(0);
    stream.write_all(&message).await?;
    let mut answer = Vec::new();
    let mut limited = stream.take(LIMIT);
    while !answer.contains(&0) {
        if limited.read_buf(&mut answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let end = answer.iter().position(|byte| *byte == 0).unwrap_or(answer.len());
    serde_json::from_slice(&answer[..end]).map_err(io::Error::from)
}

fn read(answer: &Value) -> OsAnswer {
    let parameters = &answer["parameters"];
    if let Some(error) = answer["error"].as_str() {
        let name = error.rsplit('.').next().unwrap_or(error);
        return match name {
            "DNSError" if parameters["rcode"] == 3 => OsAnswer::NotFound,
            "DNSError" => OsAnswer::Failed(format!("DNS response code {}", parameters["rcode"])),
            "NoSuchResourceRecord" => OsAnswer::NoData,
            "NoNameServers" | "ServiceNotProvided" => OsAnswer::Miss,
            other => OsAnswer::Failed(other.to_owned()),
        };
    }
    let flags = parameters["flags"].as_u64().unwrap_or(0);
    OsAnswer::Found {
        addresses: parameters["addresses"].as_array().map_or_else(Vec::new, |all| {
            all.iter().filter_map(|one| bytes(&one["address"])).collect()
        }),
        canonical: parameters["name"].as_str().map(str::to_owned),
        ttl: None,
        origin: ORIGINS.iter().find(|(bit, _)| flags & bit != 0).map(|(_, name)| (*name).into()),
    }
}

fn bytes(list: &Value) -> Option<IpAddr> {
    let octets: Option<Vec<u8>> =
        list.as_array()?.iter().map(|n| u8::try_from(n.as_u64()?).ok()).collect();
    address(&octets?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_where_it_came_from() {
        let answer = json!({"parameters": {
            "addresses": [{"ifindex": 2, "family": 2, "address": [192, 0, 2, 7]}],
            "name": "a.test", "flags": 1_u64 << 20 | 1,
        }});
        let OsAnswer::Found { addresses, origin, .. } = read(&answer) else { panic!("not found") };
        assert_eq!(addresses, ["192.0.2.7".parse::<IpAddr>().unwrap()]);
        assert_eq!(origin.as_deref(), Some("cache"));
    }

    #[test]
    fn errors_are_told_apart() {
        let error = |name: &str, rcode: u64| {
            read(
                &json!({"error": format!("io.systemd.Resolve.{name}"), "parameters": {"rcode": rcode}}),
            )
        };
        assert_eq!(error("DNSError", 3), OsAnswer::NotFound);
        assert_eq!(error("NoSuchResourceRecord", 0), OsAnswer::NoData);
        assert!(matches!(error("DNSError", 2), OsAnswer::Failed(_)));
    }
}
