//! Flow control on the way out.

use core::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::SendStream;

/// How many bytes a stream may send now, `want` at most; `None` when it takes no more. `h2` tells
/// only of room that has grown since it was asked last, so what is there is looked at first.
pub(crate) fn poll_room(
    out: &mut SendStream<Bytes>,
    want: usize,
    context: &mut Context<'_>,
) -> Poll<Option<usize>> {
    out.reserve_capacity(want);
    loop {
        let room = out.capacity();
        if room > 0 {
            return Poll::Ready(Some(room.min(want)));
        }
        match ready!(out.poll_capacity(context)) {
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Poll::Ready(None),
        }
    }
}
