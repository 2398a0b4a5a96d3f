//! SOCKS: what is said to a proxy before a connection leads where it should.
//!
//! SOCKS4 and 4A are as their authors wrote them down (`SOCKS: A protocol for TCP proxy across firewalls`,
//! `SOCKS 4A: A Simple Extension to SOCKS 4 Protocol`), SOCKS5 is RFC 1928 with the names and passwords of
//! RFC 1929.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::login::Login;

/// Which SOCKS a proxy speaks, and who looks names up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Socks {
    /// SOCKS4: names are looked up here, and there is no IPv6.
    Four,
    /// SOCKS4A: the proxy looks names up, and there is no IPv6.
    FourA,
    /// SOCKS5: names are looked up here.
    Five,
    /// SOCKS5: the proxy looks names up.
    FiveHostname,
}

/// The schemes of URLs that name such proxies, as curl has them.
const SCHEMES: [(&str, Socks); 5] = [
    ("socks", Socks::Four),
    ("socks4", Socks::Four),
    ("socks4a", Socks::FourA),
    ("socks5", Socks::Five),
    ("socks5h", Socks::FiveHostname),
];

impl Socks {
    /// What a URL's scheme stands for; `None` where it is no SOCKS.
    pub(crate) fn of_scheme(scheme: &str) -> Option<Self> {
        let known = SCHEMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(scheme));
        known.map(|(_, socks)| *socks)
    }

    /// The scheme of URLs that name such a proxy.
    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Self::Four => "socks4",
            Self::FourA => "socks4a",
            Self::Five => "socks5",
            Self::FiveHostname => "socks5h",
        }
    }

    /// Whether names are looked up here.
    pub(crate) fn resolves(self) -> bool {
        matches!(self, Self::Four | Self::Five)
    }

    /// Whether the proxy can be told of this address.
    pub(crate) fn takes(self, address: IpAddr) -> bool {
        address.is_ipv4() || matches!(self, Self::Five | Self::FiveHostname)
    }
}

/// Where a connection shall lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Address(IpAddr),
    Name(String),
}

/// The command to connect, in both versions.
const CONNECT: u8 = 1;
/// The longest name, user or password that SOCKS5 can tell, in bytes.
const LONGEST: usize = 255;

/// What a proxy is asked for.
pub(crate) struct Negotiation<'a> {
    pub(crate) socks: Socks,
    pub(crate) login: Option<&'a Login>,
    pub(crate) to: &'a Place,
    pub(crate) port: u16,
}

impl Negotiation<'_> {
    /// Asks for the connection. Returns how many bytes the proxy answered; what follows them is of the
    /// server.
    ///
    /// # Errors
    /// What the proxy said instead, or why it cannot be asked.
    pub(crate) async fn carry_out<S>(&self, stream: &mut S) -> Result<u64, String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match self.socks {
            Socks::Four | Socks::FourA => self.four(stream).await,
            Socks::Five | Socks::FiveHostname => self.five(stream).await,
        }
    }

    async fn four<S>(&self, stream: &mut S) -> Result<u64, String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        say(stream, &self.request_of_four()?).await?;
        let [version, code, ..] = hear::<8, _>(stream).await?;
        match (version, code) {
            (0, 90) => Ok(8),
            (0, 91) => Err("it rejected the request, or could not reach the server (91)".into()),
            (0, 92) => Err("it could not ask identd on this machine who asks (92)".into()),
            (0, 93) => Err("identd on this machine names another user (93)".into()),
            (0, other) => Err(format!("it answered with the unknown code {other}")),
            (other, _) => Err(format!("its answer begins with {other}, where SOCKS4 has 0")),
        }
    }

    fn request_of_four(&self) -> Result<Vec<u8>, String> {
        // An address that no network has says that a name follows (SOCKS4A).
        let (address, name) = match self.to {
            Place::Address(IpAddr::V4(address)) => (*address, None),
            Place::Address(IpAddr::V6(address)) => {
                return Err(format!("SOCKS4 has no IPv6, and {address} is all there is"));
            }
            Place::Name(name) => (Ipv4Addr::new(0, 0, 0, 1), Some(name)),
        };
        let mut out = vec![4, CONNECT];
        out.extend(self.port.to_be_bytes());
        out.extend(address.octets());
        let user = self.login.map(|login| login.user.as_slice()).unwrap_or_default();
        if user.contains(&0) || user.len() > LONGEST {
            return Err("SOCKS4 cannot tell this user name: it has a NUL, or is too long".into());
        }
        out.extend(user);
        out.push(0);
        if let Some(name) = name {
            out.extend(name.bytes());
            out.push(0);
        }
        Ok(out)
    }

    async fn five<S>(&self, stream: &mut S) -> Result<u64, String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        // Checked before anything is sent.
        let (login, request) = (self.login_of_five()?, self.request_of_five()?);
        let methods: &[u8] = if login.is_some() { &[5, 2, OPEN, PASSWORD] } else { &[5, 1, OPEN] };
        say(stream, methods).await?;
        let [version, method] = hear(stream).await?;
        let mut received = 2;
        match (version, method, login) {
            (5, OPEN, _) => {}
            (5, PASSWORD, Some(login)) => {
                say(stream, &login).await?;
                let [_, status] = hear(stream).await?;
                received += 2;
                if status != 0 {
                    return Err(format!("it does not take this name and password ({status})"));
                }
            }
            (5, PASSWORD, None) => {
                return Err("it wants a name and a password: -U USER:PASSWORD".into());
            }
            (5, 0xff, _) => {
                return Err("it takes none of the ways to tell who asks that were offered".into());
            }
            (5, other, _) => {
                return Err(format!(
                    "it chose way {other} to tell who asks, which was not offered"
                ));
            }
            (other, ..) => {
                return Err(format!("its answer begins with {other}, where SOCKS5 has 5"));
            }
        }
        say(stream, &request).await?;
        let [version, code, _, kind] = hear(stream).await?;
        if version != 5 {
            return Err(format!("its answer begins with {version}, where SOCKS5 has 5"));
        }
        if code != 0 {
            return Err(format!("{} ({code})", words(code)));
        }
        // The address from which the proxy connected, which nobody needs.
        let rest = match kind {
            V4 => 4,
            V6 => 16,
            NAME => {
                let [length] = hear(stream).await?;
                received += 1;
                usize::from(length)
            }
            other => return Err(format!("it answered with an address of unknown kind {other}")),
        };
        let mut bound = vec![0; rest + 2];
        stream.read_exact(&mut bound).await.map_err(|error| broken(&error))?;
        Ok(received + 4 + bound.len() as u64)
    }

    /// What tells name and password (RFC 1929 §2).
    fn login_of_five(&self) -> Result<Option<Vec<u8>>, String> {
        let Some(login) = self.login else { return Ok(None) };
        let mut out = vec![1];
        for text in [&login.user, &login.password] {
            let length = u8::try_from(text.len()).map_err(|_| {
                format!("SOCKS5 cannot tell a name or password beyond {LONGEST} bytes")
            })?;
            out.push(length);
            out.extend(text);
        }
        Ok(Some(out))
    }

    /// RFC 1928 §4.
    fn request_of_five(&self) -> Result<Vec<u8>, String> {
        let mut out = vec![5, CONNECT, 0];
        match self.to {
            Place::Address(IpAddr::V4(address)) => {
                out.push(V4);
                out.extend(address.octets());
            }
            Place::Address(IpAddr::V6(address)) => {
                out.push(V6);
                out.extend(address.octets());
            }
            Place::Name(name) => {
                let length = u8::try_from(name.len())
                    .map_err(|_| format!("SOCKS5 cannot tell a name beyond {LONGEST} bytes"))?;
                out.extend([NAME, length]);
                out.extend(name.bytes());
            }
        }
        out.extend(self.port.to_be_bytes());
        Ok(out)
    }
}

/// Ways to tell who asks (RFC 1928 §3): not at all, and by name and password.
const OPEN: u8 = 0;
const PASSWORD: u8 = 2;
/// Kinds of addresses (RFC 1928 §5).
const V4: u8 = 1;
const NAME: u8 = 3;
const V6: u8 = 4;

/// RFC 1928 §6.
fn words(code: u8) -> &'static str {
    match code {
        1 => "it failed",
        2 => "its rules forbid this host or this port",
        3 => "its network cannot reach the server's",
        4 => "it cannot reach the server's host, or knows no such name",
        5 => "the server refused its connection",
        6 => "its packets to the server ran out of hops",
        7 => "it does not know the command to connect",
        8 => "it does not take this kind of address",
        _ => "it answered with an unknown code",
    }
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> Result<(), String> {
    stream.write_all(bytes).await.map_err(|error| broken(&error))?;
    stream.flush().await.map_err(|error| broken(&error))
}

/// Reads so many bytes, and none after them.
async fn hear<const N: usize, S: AsyncRead + Unpin>(stream: &mut S) -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await.map_err(|error| broken(&error))?;
    Ok(bytes)
}

fn broken(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it closed the connection".into(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiation<'a>(socks: Socks, to: &'a Place, login: Option<&'a Login>) -> Negotiation<'a> {
        Negotiation { socks, login, to, port: 0x1234 }
    }

    /// What is said to a proxy that answers like this, and what comes of it.
    fn talk(negotiation: &Negotiation<'_>, answers: &[u8]) -> (Result<u64, String>, Vec<u8>) {
        let mut said = Vec::new();
        let mut stream = tokio::io::join(answers, &mut said);
        let done = futures_util::FutureExt::now_or_never(negotiation.carry_out(&mut stream));
        (done.expect("nothing waits"), said)
    }

    #[test]
    fn four_is_told_an_address_or_a_name() {
        let (address, name) = (Place::Address([192, 0, 2, 1].into()), Place::Name("a.test".into()));
        let granted = [0, 90, 0, 0, 0, 0, 0, 0];
        let login = Login { user: b"me".to_vec(), ..Login::default() };
        let (done, said) = talk(&negotiation(Socks::Four, &address, Some(&login)), &granted);
        assert_eq!((done, &said[..]), (Ok(8), &b"\x04\x01\x12\x34\xc0\x00\x02\x01me\0"[..]));
        let (done, said) = talk(&negotiation(Socks::FourA, &name, None), &granted);
        assert_eq!((done, &said[..]), (Ok(8), &b"\x04\x01\x12\x34\0\0\0\x01\0a.test\0"[..]));
        let (done, _) = talk(&negotiation(Socks::Four, &address, None), &[0, 91, 0, 0, 0, 0, 0, 0]);
        assert!(done.unwrap_err().contains("91"));
        let (done, said) = talk(
            &negotiation(Socks::Four, &Place::Address("::1".parse().unwrap()), None),
            &granted,
        );
        assert!(done.is_err() && said.is_empty(), "nothing goes out that cannot be answered");
    }

    #[test]
    fn five_is_told_who_asks_where_it_wants_to_know() {
        let name = Place::Name("a.test".into());
        let open = b"\x05\0\x05\0\0\x01\x7f\0\0\x01\x12\x34";
        let (done, said) = talk(&negotiation(Socks::FiveHostname, &name, None), open);
        assert_eq!(done, Ok(12));
        assert_eq!(said, b"\x05\x01\0\x05\x01\0\x03\x06a.test\x12\x34");
        let login = Login { user: b"me".to_vec(), password: b"pw".to_vec(), ..Login::default() };
        let closed = b"\x05\x02\x01\0\x05\0\0\x03\x02ab\0\x50";
        let (done, said) = talk(&negotiation(Socks::FiveHostname, &name, Some(&login)), closed);
        assert_eq!(done, Ok(13));
        assert_eq!(said, b"\x05\x02\0\x02\x01\x02me\x02pw\x05\x01\0\x03\x06a.test\x12\x34");
        for (answers, words) in [
            (&b"\x05\xff"[..], "none of the ways"),
            (b"\x05\x02", "wants a name"),
            (b"\x05\0\x05\x05\0\x01\0\0\0\0\0\0", "refused its connection (5)"),
            (b"\x05\0", "closed"),
            (b"HTTP/1.1 400", "begins with 72"),
        ] {
            let (done, _) = talk(&negotiation(Socks::FiveHostname, &name, None), answers);
            let why = done.unwrap_err();
            assert!(why.contains(words), "{why}");
        }
    }

    #[test]
    fn what_does_not_fit_is_not_sent() {
        let name = Place::Name("a".repeat(256));
        let (done, said) = talk(&negotiation(Socks::FiveHostname, &name, None), b"");
        assert!(done.unwrap_err().contains("255") && said.is_empty());
    }
}
