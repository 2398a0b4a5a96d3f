//! `relay`: passes bytes on between two streams, in both directions, to the end of each.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much of one direction is held at one time.
const ROOM: usize = 32 * 1024;

/// One end of a relay.
pub struct Side<S> {
    stream: S,
    /// What was read from it before the relay began.
    early: BytesMut,
    /// Looks at what comes from it.
    tap: Option<Tap>,
}

/// Looks at bytes that pass.
pub type Tap = Box<dyn FnMut(&[u8])>;

impl<S> Side<S> {
    /// A stream from which nothing was read.
    pub fn new(stream: S) -> Self {
        Self::with_early(stream, BytesMut::new())
    }

    /// The same of a stream from which some bytes were read already.
    pub fn with_early(stream: S, early: BytesMut) -> Self {
        Self { stream, early, tap: None }
    }

    /// The same, at which somebody looks.
    #[must_use]
    pub fn tapped(self, tap: Option<Tap>) -> Self {
        Self { tap, ..self }
    }
}

/// What passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Bytes from the client.
    pub sent: u64,
    /// Bytes to the client.
    pub received: u64,
}

/// Passes bytes on until both directions have ended, one of the two streams fails, or `stop` completes.
/// The end of one direction is passed on too, and the other goes on (RFC 9110 §9.3.6).
pub async fn relay<C, S>(
    client: Side<C>,
    server: Side<S>,
    mut stop: Pin<&mut impl Future<Output = ()>>,
) -> Passed
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut up = Pump::new(client.early, client.tap);
    let mut down = Pump::new(server.early, server.tap);
    let (mut client, mut server) = (client.stream, server.stream);
    poll_fn(|context| {
        let sent = up.poll(&mut client, &mut server, context);
        let received = down.poll(&mut server, &mut client, context);
        let over = match (sent, received) {
            (Poll::Ready(Err(_)), _) | (_, Poll::Ready(Err(_))) => true,
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => true,
            _ => stop.as_mut().poll(context).is_ready(),
        };
        if over { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    Passed { sent: up.passed, received: down.passed }
}

/// One direction.
struct Pump {
    held: BytesMut,
    passed: u64,
    tap: Option<Tap>,
    /// No more will come.
    ended: bool,
    /// The end was passed on.
    over: bool,
}

impl Pump {
    fn new(held: BytesMut, mut tap: Option<Tap>) -> Self {
        if let Some(tap) = tap.as_mut().filter(|_| !held.is_empty()) {
            tap(&held);
        }
        Self { held, passed: 0, tap, ended: false, over: false }
    }

    /// Passes on what there is; ready when all has been, the end included.
    fn poll(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if self.over {
                return Poll::Ready(Ok(()));
            }
            while !self.held.is_empty() {
                let wrote = ready!(Pin::new(&mut *to).poll_write(context, &self.held))?;
                if wrote == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.held.advance(wrote);
                self.passed += wrote as u64;
            }
            if self.ended {
                ready!(Pin::new(&mut *to).poll_shutdown(context))?;
                self.over = true;
                continue;
            }
            match self.fill(from, context) {
                Poll::Ready(filled) => filled?,
                Poll::Pending => {
                    // What TLS still has of it is to go out before the next wait.
                    ready!(Pin::new(&mut *to).poll_flush(context))?;
                    return Poll::Pending;
                }
            }
        }
    }

    fn fill(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.held.resize(ROOM, 0);
        let mut buffer = ReadBuf::new(&mut self.held);
        let poll = Pin::new(from).poll_read(context, &mut buffer);
        let filled = buffer.filled().len();
        self.held.truncate(filled);
        ready!(poll)?;
        if let Some(tap) = self.tap.as_mut().filter(|_| filled > 0) {
            tap(&self.held);
        }
        self.ended = filled == 0;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::pin::pin;
    use futures_util::future::{join, join3};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    fn run<T>(work: impl Future<Output = T>) -> T {
        roundtrip_os::run(work).unwrap()
    }

    #[test]
    fn both_directions_pass_and_end_apart() {
        let (mut client, near) = duplex(16);
        let (far, mut server) = duplex(16);
        let relayed = async move {
            let near = Side::with_early(near, BytesMut::from(&b"early "[..]));
            relay(near, Side::new(far), pin!(core::future::pending())).await
        };
        let asks = async move {
            client.write_all(b"question").await.unwrap();
            client.shutdown().await.unwrap();
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).await.unwrap();
            answer
        };
        let answers = async move {
            let mut question = Vec::new();
            server.read_to_end(&mut question).await.unwrap();
            // The other direction still goes on.
            server.write_all(&vec![b'x'; 100_000]).await.unwrap();
            drop(server);
            question
        };
        let (passed, answer, question) = run(join3(relayed, asks, answers));
        assert_eq!(question, b"early question");
        assert_eq!(answer, vec![b'x'; 100_000]);
        assert_eq!(passed, Passed { sent: 14, received: 100_000 });
    }

    #[test]
    fn it_stops_when_told() {
        let (_client, near) = duplex(16);
        let (far, _server) = duplex(16);
        let stop = pin!(core::future::ready(()));
        let passed = run(relay(Side::new(near), Side::new(far), stop));
        assert_eq!(passed, Passed::default());
        let (one, other) = run(join(async { 1 }, async { 2 }));
        assert_eq!(one + other, 3);
    }
}
