//! What comes first on a connection, and what it tells of the rest.

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;

use bytes::BytesMut;
use futures_util::future::{Either, select};
use roundtrip_http::Accepted;
use roundtrip_http::server::Hello;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};

/// The first byte of TLS: a record of the handshake (RFC 8446 §5.1).
pub(crate) const TLS: u8 = 0x16;
/// The first byte of SOCKS 5 (RFC 1928 §3).
pub(crate) const SOCKS: u8 = 5;
/// The first byte of SOCKS 4, which is not spoken.
pub(crate) const SOCKS4: u8 = 4;

/// Methods by which a request is known: what else begins with capitals may be anything.
const METHODS: [&[u8]; 10] = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"PATCH ",
    b"TRACE ",
    b"QUERY ",
    b"PRI * HTTP/2.0",
];

/// What a client begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Greeting {
    /// TLS.
    Tls,
    /// HTTP in the clear.
    Http,
    /// Something else.
    Other,
}

impl Greeting {
    /// What these first bytes are the beginning of.
    pub(crate) fn of(first: &[u8]) -> Self {
        let begins = |method: &&[u8]| {
            let length = method.len().min(first.len());
            method[..length] == first[..length]
        };
        match first {
            [TLS, ..] => Self::Tls,
            [] => Self::Other,
            _ if METHODS.iter().any(begins) => Self::Http,
            _ => Self::Other,
        }
    }
}

/// Who was first to say something.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// The client; what it said is in [`Accepted::early`].
    Client,
    /// The server, this.
    Server(BytesMut),
    /// Nobody: one of them is gone, or it takes too long.
    Nobody,
}

/// Waits for the first bytes of either end, until `late`.
pub(crate) async fn first<C, S>(
    client: &mut Accepted<C>,
    server: &mut S,
    late: impl Future<Output = ()>,
) -> First
where
    C: AsyncRead + Unpin,
    S: AsyncRead + Unpin,
{
    if !client.early.is_empty() {
        return First::Client;
    }
    let mut late = pin!(late);
    let mut answer = [0; 4096];
    poll_fn(|context| {
        let mut buffer = ReadBuf::new(&mut answer);
        let read = Pin::new(&mut *server).poll_read(context, &mut buffer);
        if let Poll::Ready(read) = read {
            let said = BytesMut::from(buffer.filled());
            // A server that closes before anything was said has nothing to relay either.
            let gone = read.is_err() || said.is_empty();
            return Poll::Ready(if gone { First::Nobody } else { First::Server(said) });
        }
        let mut room = [0; 4096];
        let mut buffer = ReadBuf::new(&mut room);
        if let Poll::Ready(read) = Pin::new(&mut client.stream).poll_read(context, &mut buffer) {
            let said = buffer.filled();
            client.early.extend_from_slice(said);
            client.received += said.len() as u64;
            let gone = read.is_err() || said.is_empty();
            return Poll::Ready(if gone { First::Nobody } else { First::Client });
        }
        late.as_mut().poll(context).map(|()| First::Nobody)
    })
    .await
}

/// Reads at least `least` bytes into [`Accepted::early`]; says whether they came.
pub(crate) async fn read<C: AsyncRead + Unpin>(client: &mut Accepted<C>, least: usize) -> bool {
    while client.early.len() < least {
        match client.stream.read_buf(&mut client.early).await {
            Ok(0) | Err(_) => return false,
            Ok(got) => client.received += got as u64,
        }
    }
    true
}

/// The same, until `late`.
pub(crate) async fn read_until<C: AsyncRead + Unpin>(
    client: &mut Accepted<C>,
    least: usize,
    late: impl Future<Output = ()>,
) -> bool {
    match select(pin!(read(client, least)), pin!(late)).await {
        Either::Left((came, _)) => came,
        Either::Right(_) => false,
    }
}

/// What a client of TLS says first, which stays in [`Accepted::early`]; `None` where that is no TLS, or
/// does not come until `late`.
pub(crate) async fn peek<C: AsyncRead + Unpin>(
    client: &mut Accepted<C>,
    late: impl Future<Output = ()>,
) -> Option<Hello> {
    /// More than any client says (RFC 8446 §4: 2^24 bytes would be allowed).
    const MOST: usize = 64 * 1024;
    let mut late = pin!(late);
    loop {
        if let Some(hello) = parse(&client.early).ok()? {
            return Some(hello);
        }
        let more = client.early.len() + 1;
        if more > MOST || !read_until(client, more, late.as_mut()).await {
            return None;
        }
    }
}

/// What these bytes say; `None` where more is to come.
fn parse(bytes: &[u8]) -> Result<Option<Hello>, ()> {
    let mut acceptor = Acceptor::default();
    let mut left = bytes;
    while !left.is_empty() {
        acceptor.read_tls(&mut left).map_err(drop)?;
        if let Some(accepted) = acceptor.accept().map_err(drop)? {
            let hello = accepted.client_hello();
            return Ok(Some(Hello {
                server_name: hello.server_name().map(str::to_owned),
                alpn: hello.alpn().map(|all| all.map(<[u8]>::to_vec).collect()).unwrap_or_default(),
            }));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_words_tell_the_protocol() {
        for (first, greeting) in [
            (&b"\x16\x03\x01"[..], Greeting::Tls),
            (b"GET / HTTP/1.1\r\n", Greeting::Http),
            (b"P", Greeting::Http),
            (b"PRI * HTTP/2.0\r\n\r\nSM", Greeting::Http),
            (b"SSH-2.0-x", Greeting::Other),
            (b"NICK me\r\n", Greeting::Other),
            (b"\x05\x01\x00", Greeting::Other),
            (b"", Greeting::Other),
        ] {
            assert_eq!(Greeting::of(first), greeting, "{first:?}");
        }
    }

    #[test]
    fn what_is_no_tls_is_not_waited_for() {
        assert!(parse(b"\x16\x03\x01\x00\x05\x02\x00\x00\x00\x00").is_err());
        assert_eq!(parse(b"\x16\x03\x01\x02\x00\x01"), Ok(None));
    }
}
