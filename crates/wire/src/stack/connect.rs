//! Opening a connection.

use core::future::{Future as _, pending, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll};
use std::net::SocketAddr;

use roundtrip_host::{ConnectError, SocketId};
use roundtrip_record::{Attempt, AttemptEnd, EventId, TcpState, Time};

use super::port::Port;
use super::shared::{Inner, Stack, traced};
use super::stream::StackStream;
use crate::fault::ConnectFault;

/// A try that is under way. Dropped, it is given up.
struct Trying<P: Port> {
    stack: Stack<P>,
    /// `None` once it has succeeded.
    socket: Option<SocketId>,
}

impl<P: Port> Trying<P> {
    fn poll(&mut self, context: &Context<'_>) -> Poll<Result<StackStream<P>, AttemptEnd>> {
        let Some(socket) = self.socket else {
            return Poll::Ready(Err(AttemptEnd::Cancelled));
        };
        let mut inner = self.stack.shared.inner.borrow_mut();
        if let Some(failure) = inner.host.connect_failure(socket) {
            return Poll::Ready(Err(failure.into()));
        }
        let Some(connection) = inner.host.tcp(socket) else {
            return Poll::Ready(Err(AttemptEnd::Cancelled));
        };
        if matches!(connection.state(), TcpState::SynSent | TcpState::SynReceived) {
            inner.watched(socket).writer.wait(context);
            return Poll::Pending;
        }
        let opened = (connection.id(), connection.local(), connection.remote());
        drop(inner);
        self.socket = None;
        Poll::Ready(Ok(StackStream::new(self.stack.clone(), socket, opened)))
    }

    fn syns(&self) -> Vec<Time> {
        let inner = self.stack.shared.inner.borrow();
        self.socket.map(|socket| inner.host.syn_times(socket).to_vec()).unwrap_or_default()
    }
}

impl<P: Port> Drop for Trying<P> {
    fn drop(&mut self) {
        if let Some(socket) = self.socket {
            self.stack.with(|host, now, log| traced!(log, |trace| host.abort(now, socket, trace)));
        }
    }
}

pub(super) async fn connect<P: Port>(
    stack: &Stack<P>,
    to: SocketAddr,
    until: Option<Time>,
    cause: Option<EventId>,
) -> Result<StackStream<P>, ConnectFault> {
    let began = stack.shared.port.now();
    let fault = |ended, syns: Vec<Time>, end| {
        let syn_count = Some(syns.len() as u32);
        ConnectFault(Box::new(Attempt { to, began, ended, syns, syn_count, end }))
    };
    let mut trying = match start(stack, to, cause) {
        Ok(socket) => Trying { stack: stack.clone(), socket: Some(socket) },
        Err(error) => return Err(fault(began, Vec::new(), at_once(error))),
    };
    let mut time_is_up = pin!(async {
        match until {
            Some(until) => stack.shared.port.sleep_until(until).await,
            None => pending().await,
        }
    });
    let tried = poll_fn(|context| match trying.poll(context) {
        Poll::Pending => time_is_up.as_mut().poll(context).map(|()| Err(AttemptEnd::TimedOut)),
        ready @ Poll::Ready(_) => ready,
    });
    match tried.await {
        Ok(stream) => Ok(stream),
        Err(end) => Err(fault(stack.shared.port.now(), trying.syns(), end)),
    }
}

fn start<P: Port>(
    stack: &Stack<P>,
    to: SocketAddr,
    cause: Option<EventId>,
) -> Result<SocketId, ConnectError> {
    let now = stack.shared.port.now();
    let inner = &mut *stack.shared.inner.borrow_mut();
    let Inner { host, log, .. } = inner;
    let socket = traced!(log, |trace| host.connect(now, to, None, None, cause, trace))?;
    inner.adopt(socket);
    stack.drain(inner);
    Ok(socket)
}

/// What our own host said before anything was sent.
fn at_once(error: ConnectError) -> AttemptEnd {
    let why = error.to_string();
    match error {
        ConnectError::NoRoute => AttemptEnd::Unreachable { why, from: None },
        _ => AttemptEnd::Failed { why },
    }
}
