//! A TCP connection of the kernel.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::fs::File;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::rc::Rc;

use roundtrip_os::syscall::receive_stamped;
use roundtrip_record::{
    CloseReason, ConnectionId, EventId, Evidence, TcpRead, TcpState, Time, What,
};
use roundtrip_wire::{Nodelay, StreamInfo, Transport};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use crate::arrivals::Arrivals;
use crate::departures::Departures;
use crate::flow::Flow;
use crate::follow::follow;
use crate::network::Network;
use crate::tcp_info::Sample;

/// A connection. Its end is followed in the background when a record is kept.
pub struct LiveStream {
    // `None` only while it is being dropped.
    tcp: Option<TcpStream>,
    flow: Rc<Flow>,
    network: Rc<Network>,
    handshake: Option<Handshake>,
    arrivals: Arrivals,
    departures: Departures,
}

/// What the side that opened a connection knows of its handshake.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handshake {
    /// When `connect` was called, which sends the first SYN.
    pub(crate) began: Time,
    /// SYNs that were sent.
    pub(crate) syns: u32,
    /// When the SYN-ACK came, by the kernel's measurement of the round trip.
    pub(crate) answered: Option<Time>,
}

/// What the kernel had had for less than this when we read it was read at once.
const AT_ONCE: Duration = Duration::from_millis(1);

impl LiveStream {
    pub(crate) fn new(
        tcp: TcpStream,
        flow: Rc<Flow>,
        network: Rc<Network>,
        handshake: Option<Handshake>,
    ) -> Self {
        Self {
            tcp: Some(tcp),
            flow,
            network,
            handshake,
            arrivals: Arrivals::default(),
            departures: Departures::default(),
        }
    }

    /// Reads with the kernel's stamp of when the bytes had arrived.
    fn poll_read_stamped(
        &mut self,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(tcp) = &self.tcp else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let (bytes, stamp) = loop {
            ready!(tcp.poll_read_ready(context))?;
            let buffer = into.initialize_unfilled();
            let read = tcp.try_io(Interest::READABLE, || receive_stamped(tcp.as_fd(), buffer));
            match read {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => break read?,
            }
        };
        into.advance(bytes);
        let now = self.network.now();
        let arrived = stamp.map(|nanos| self.network.clock.at(nanos).min(now));
        self.arrivals.read(bytes, arrived);
        if let Some(arrived) = arrived.filter(|at| now.since(*at) >= AT_ONCE) {
            let bytes = bytes as u64;
            self.flow.emit(|connection| What::TcpRead(TcpRead { connection, arrived, bytes }));
        }
        Poll::Ready(Ok(()))
    }

    /// Bytes have been written by a call that began at `began`, or the call failed.
    fn wrote(&mut self, began: Time, result: io::Result<usize>) -> io::Result<usize> {
        match &result {
            // Of a request only: when an answer left nobody asks.
            Ok(bytes) if self.network.records() && self.handshake.is_some() => {
                let unsent = self.sample().map(|sample| sample.unsent());
                self.departures.wrote(*bytes, began, unsent);
            }
            Ok(_) => {}
            Err(error) => self.failed(error),
        }
        result
    }

    /// When our SYN left and when its answer came: as captured, or as near as the kernel tells.
    fn handshake_times(&self) -> (Option<Time>, Option<Time>) {
        self.network.poll_capture();
        let (sent, answered) = self.flow.segments.borrow().handshake;
        let told = self.handshake;
        (sent.or(told.map(|told| told.began)), answered.or(told.and_then(|told| told.answered)))
    }

    fn tcp(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.tcp.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn sample(&self) -> Option<Sample> {
        Sample::take(self.tcp.as_ref()?.as_fd()).ok()
    }

    /// Looks which state the kernel has it in now, if anybody keeps a record.
    fn observe(&self) {
        if self.network.records() {
            match self.sample().and_then(|sample| sample.state()) {
                // What reads as CLOSE on a descriptor is `TIME_WAIT`, or gone.
                None | Some(TcpState::Closed) => {}
                Some(state) => self.flow.seen(state, "TCP_INFO"),
            }
        }
    }

    /// Records what `TCP_INFO` says, for the last time: what was sent again is counted to the end.
    fn sample_last(&self) {
        if let Some(tcp) = &self.tcp {
            self.sample_last_of(tcp.as_fd());
        }
    }

    fn sample_last_of(&self, socket: BorrowedFd<'_>) {
        if let (true, Ok(sample)) = (self.network.records(), Sample::take(socket)) {
            self.flow.sampled(&sample);
        }
    }

    /// A read or write failed: a reset shows here.
    fn failed(&self, error: &io::Error) {
        if error.kind() == io::ErrorKind::ConnectionReset {
            self.sample_last();
            self.network.end(
                &self.flow,
                CloseReason::Reset,
                Evidence::Observed("ECONNRESET".into()),
            );
        } else if error.kind() == io::ErrorKind::TimedOut {
            self.sample_last();
            self.network.end(
                &self.flow,
                CloseReason::TimedOut,
                Evidence::Observed("ETIMEDOUT".into()),
            );
        }
    }
}

impl AsyncRead for LiveStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let result = if self.network.records() && into.remaining() > 0 {
            ready!(self.poll_read_stamped(context, into))
        } else {
            ready!(self.tcp()?.poll_read(context, into))
        };
        match &result {
            Err(error) => self.failed(error),
            Ok(()) if into.filled().len() == before && into.remaining() > 0 => self.observe(),
            Ok(()) => {}
        }
        Poll::Ready(result)
    }
}

impl AsyncWrite for LiveStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let began = self.network.now();
        let result = ready!(self.tcp()?.poll_write(context, bytes));
        Poll::Ready(self.wrote(began, result))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let began = self.network.now();
        let result = ready!(self.tcp()?.poll_write_vectored(context, parts));
        Poll::Ready(self.wrote(began, result))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = ready!(self.tcp()?.poll_shutdown(context));
        self.observe();
        // The other end may have closed both directions before: that is no failure of ours.
        Poll::Ready(result.or_else(|error| {
            if error.kind() == io::ErrorKind::NotConnected { Ok(()) } else { Err(error) }
        }))
    }
}

impl Transport for LiveStream {
    fn id(&self) -> ConnectionId {
        self.flow.id
    }

    fn local(&self) -> SocketAddr {
        self.flow.local
    }

    fn peer(&self) -> SocketAddr {
        self.flow.remote
    }

    fn info(&self) -> StreamInfo {
        let sample = self.sample();
        let info = sample.as_ref().map(|sample| sample.record(self.flow.id));
        if let (true, Some(info)) = (self.network.records(), &info) {
            self.flow.emit(|_| What::TcpInfo(info.clone()));
        }
        let (syn_sent, syn_ack) = self.handshake_times();
        let state = sample.and_then(|s| s.state()).filter(|state| *state != TcpState::Closed);
        let micros = |value: u32| {
            (value != 0 && value != u32::MAX).then(|| Duration::from_micros(value.into()))
        };
        StreamInfo {
            state: state.unwrap_or_else(|| self.flow.state()),
            srtt: info.as_ref().and_then(|info| micros(info.rtt_us)),
            min_rtt: info.as_ref().and_then(|info| micros(info.min_rtt_us)),
            cwnd: info.as_ref().map(|info| u64::from(info.cwnd) * u64::from(info.snd_mss)),
            unacknowledged: sample
                .zip(info.as_ref())
                .map(|(sample, info)| u64::from(sample.unacked()) * u64::from(info.snd_mss)),
            receive_window: sample.map(|sample| u64::from(sample.receive_space())),
            retransmissions: info.map(|info| u64::from(info.retransmissions)),
            syn: syn_sent.zip(self.handshake.map(|told| told.syns)),
            syn_ack: self.handshake.and(syn_ack),
        }
    }

    fn abort(&mut self) {
        self.sample_last();
        if let Some(tcp) = &self.tcp {
            // A linger time of zero makes close() send RST (socket(7)).
            let _ = socket2::SockRef::from(tcp).set_linger(Some(Duration::ZERO));
        }
        self.tcp = None;
        self.network.end(&self.flow, CloseReason::Aborted, Evidence::Performed);
    }

    fn segment_at(&self, offset: u64) -> Option<EventId> {
        self.network.poll_capture();
        self.flow.segments.borrow().at(offset).and_then(|(_, event)| event)
    }

    fn arrived(&self, offset: u64) -> Option<Time> {
        self.network.poll_capture();
        let captured = self.flow.segments.borrow().at(offset).map(|(at, _)| at);
        captured.or_else(|| self.arrivals.at(offset))
    }

    /// The captured segment's time; without a capture, when the call began that wrote it, if the
    /// kernel had nothing left to send after it (`tcpi_notsent_bytes`).
    fn departed(&self) -> Option<Time> {
        self.network.poll_capture();
        let captured = self.flow.segments.borrow().departed(self.departures.written());
        captured.or_else(|| self.departures.last())
    }

    fn set_nodelay(&mut self, nodelay: Nodelay) {
        if let Some(tcp) = &self.tcp {
            let _ = tcp.set_nodelay(nodelay == Nodelay::On);
        }
    }

    async fn send_file(&mut self, file: &File, offset: u64, length: u64) -> io::Result<u64> {
        let (mut at, end) = (offset, offset + length);
        while at < end {
            let Some(tcp) = &self.tcp else { return Err(io::ErrorKind::NotConnected.into()) };
            let want = usize::try_from(end - at).unwrap_or(usize::MAX).min(1 << 20);
            let mut began = Time::ZERO; // the call itself sets it
            let sent = tcp
                .async_io(Interest::WRITABLE, || {
                    began = self.network.now();
                    Ok(rustix::fs::sendfile(tcp, file, Some(&mut at), want)?)
                })
                .await;
            if self.wrote(began, sent)? == 0 {
                break; // the file has become shorter
            }
        }
        Ok(at - offset)
    }
}

impl Drop for LiveStream {
    fn drop(&mut self) {
        if self.tcp.is_none() || !self.network.records() {
            self.network.forget(&self.flow);
            return;
        }
        self.observe();
        let Some(tcp) = self.tcp.take() else { return };
        let unread = rustix::io::ioctl_fionread(&tcp).unwrap_or(0) > 0;
        let Ok(tcp) = tcp.into_std() else { return };
        if unread {
            self.sample_last_of(tcp.as_fd());
            // close() answers data nobody read with RST.
            drop(tcp);
            let how = Evidence::Inferred("closed with data unread".into());
            self.network.end(&self.flow, CloseReason::Aborted, how);
            return;
        }
        // A descriptor that stays open shows more of the end than one that is closed, so it is shut
        // down instead and kept while there is more to see.
        let _ = tcp.shutdown(std::net::Shutdown::Both);
        // A stream may be dropped after the runtime has gone; then nobody can follow any more.
        if tokio::runtime::Handle::try_current().is_ok() {
            let (network, flow) = (Rc::clone(&self.network), Rc::clone(&self.flow));
            tokio::task::spawn_local(follow(network, flow, tcp.into()));
        }
    }
}
