//! nscd, the cache that glibc asks before any source of nsswitch.conf (`nscd/nscd-client.h`).

use std::io;
use std::net::IpAddr;
use std::path::Path;

use roundtrip_wire::OsAnswer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::layout::address;

const SOCKETS: [&str; 2] = ["/var/run/nscd/socket", "/run/nscd/socket"];
/// The protocol's version.
const VERSION: i32 = 2;
/// `GETAI`: all addresses of a host name.
const GETAI: i32 = 14;
/// What an answer may hold at most: a thousand addresses and a name.
const LIMIT: usize = 64 * 1024;

/// Its socket, where it runs.
pub(crate) fn socket() -> Option<&'static str> {
    SOCKETS.into_iter().find(|path| Path::new(path).exists())
}

/// Asks it for a name's addresses.
pub(crate) async fn ask(name: &str) -> OsAnswer {
    let Some(path) = socket() else { return OsAnswer::Absent };
    match exchange(path, name).await {
        Ok(answer) => answer,
        // A socket without a server behind it: as glibc, go on without.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => OsAnswer::Absent,
        Err(error) => OsAnswer::Failed(error.to_string()),
    }
}

async fn exchange(path: &str, name: &str) -> io::Result<OsAnswer> {
    let mut stream = UnixStream::connect(path).await?;
    let name = name.trim_end_matches('.');
    let mut request = Vec::new();
    for word in [VERSION, GETAI, name.len() as i32 + 1] {
        request.extend(word.to_ne_bytes());
    }
    request.extend(name.as_bytes());
    request.push(0);
    stream.write_all(&request).await?;
    let mut head = [0_i32; 6];
    for word in &mut head {
        *word = stream.read_i32_le().await?.to_le();
    }
    let [version, found, count, addresses, canonical, _] = head;
    if version != VERSION {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "an answer of another version"));
    }
    match found {
        -1 => return Ok(OsAnswer::Absent), // it does not cache hosts
        1 => {}
        _ => return Ok(OsAnswer::Miss),
    }
    let sizes = [addresses, count, canonical].map(|size| usize::try_from(size).unwrap_or(LIMIT));
    if sizes.iter().sum::<usize>() > LIMIT {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "an answer out of bounds"));
    }
    let [mut bytes, mut families, mut canonical] = sizes.map(|size| vec![0; size]);
    for part in [&mut bytes, &mut families, &mut canonical] {
        stream.read_exact(part).await?;
    }
    Ok(OsAnswer::Found {
        addresses: split(&bytes, &families),
        canonical: String::from_utf8(canonical)
            .ok()
            .map(|name| name.trim_end_matches('\0').to_owned())
            .filter(|name| !name.is_empty()),
        ttl: None,
        origin: Some("cache".into()),
    })
}

fn split(mut bytes: &[u8], families: &[u8]) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for family in families {
        let size = if i32::from(*family) == libc::AF_INET { 4 } else { 16 };
        let Some((one, rest)) = bytes.split_at_checked(size) else { break };
        found.extend(address(one));
        bytes = rest;
    }
    found
}
