//! Opening a connection, actively or passively.

use std::sync::Arc;

use roundtrip_packet::SeqNumber;
use roundtrip_packet::tcp::Header;
use roundtrip_record::{ConnectionId, Side, TcpState, Time, Trace};

use crate::clock::Now;
use crate::context::Context;
use crate::event::{Notice, Pending};
use crate::profile::Profile;
use crate::state::{SynReceived, SynSent};
use crate::{Disposition, Endpoints, Options, Segment, Step};

use super::{Connection, State};

impl Connection {
    /// Opens a connection actively (RFC 9293 §3.10.1): the SYN is the first segment that
    /// [`poll_transmit`](Self::poll_transmit) gives. Where it may carry data
    /// ([`FastOpen::room`](crate::FastOpen::room)), it waits for the first write.
    pub fn connect(
        step: Step,
        id: ConnectionId,
        ends: Endpoints,
        isn: SeqNumber,
        options: Options,
        trace: &mut impl Trace,
    ) -> Connection {
        let profile = Arc::clone(&options.profile);
        let state = State::SynSent(Box::new(SynSent::new(isn, options)));
        let connection = Connection::new(id, ends, profile, state);
        connection.opened(step, Side::Client, trace);
        connection.changed(step, TcpState::Closed, connection.state(), trace);
        connection
    }

    /// Opens a connection passively, in answer to `syn`, which has SYN and neither ACK nor RST.
    pub fn accept(
        now: Time,
        id: ConnectionId,
        ends: Endpoints,
        isn: SeqNumber,
        options: Options,
        syn: &Segment<'_>,
        trace: &mut impl Trace,
    ) -> Connection {
        let profile = Arc::clone(&options.profile);
        let half = SynReceived::passive(isn, options, &syn.header);
        let state = State::SynReceived(Box::new(half));
        let mut connection = Connection::new(id, ends, profile, state);
        let step = Step::new(now, syn.id);
        connection.segments_in = 1;
        connection.opened(step, Side::Server, trace);
        connection.received(now, syn, Disposition::Accepted, 0, trace);
        connection.changed(step, TcpState::Listen, TcpState::SynReceived, trace);
        connection
    }

    /// Like [`accept`](Self::accept), for a SYN that brings a good Fast Open cookie, and perhaps data
    /// (RFC 7413 §4.2.2): the connection can be read and written at once, while the handshake goes on.
    pub fn accept_early(
        now: Time,
        id: ConnectionId,
        ends: Endpoints,
        isn: SeqNumber,
        options: Options,
        syn: &Segment<'_>,
        trace: &mut impl Trace,
    ) -> Connection {
        let profile = Arc::clone(&options.profile);
        let cx = Context { now: Now::at(now, profile.tick), profile: &profile };
        let open = SynReceived::passive(isn, options, &syn.header).open_early(syn, cx);
        let mut connection = Connection::new(id, ends, Arc::clone(&profile), State::Open(open));
        let step = Step::new(now, syn.id);
        connection.segments_in = 1;
        connection.opened(step, Side::Server, trace);
        let cause = connection.received(now, syn, Disposition::Accepted, 0, trace);
        connection.changed(step, TcpState::Listen, TcpState::SynReceived, trace);
        connection.pending.note(Notice::Connected);
        connection.note_arrival(Some((0, false)), syn.id, cause, cx.now);
        connection.search_path(now, false);
        connection
    }

    /// Opens a connection passively from `ack`, the acknowledgement of a SYN cookie (RFC 4987
    /// §3.6): `syn` is the header of the SYN as far as the cookie has kept it
    /// ([`SynCookies::check`]).
    ///
    /// [`SynCookies::check`]: crate::SynCookies::check
    pub fn accept_cookie(
        now: Time,
        id: ConnectionId,
        ends: Endpoints,
        options: &Options,
        syn: &Header,
        ack: &Segment<'_>,
        trace: &mut impl Trace,
    ) -> Connection {
        let profile = Arc::clone(&options.profile);
        let cx = Context { now: Now::at(now, profile.tick), profile: &profile };
        let isn = ack.header.acknowledgement - 1;
        let open = SynReceived::from_cookie(options, syn, isn, ack, cx);
        let state = State::Open(open);
        let mut connection = Connection::new(id, ends, Arc::clone(&profile), state);
        let step = Step::new(now, ack.id);
        connection.opened(step, Side::Server, trace);
        connection.changed(step, TcpState::Listen, TcpState::Established, trace);
        connection.pending.note(Notice::Connected);
        connection.search_path(now, false);
        connection.handle_segment(now, ack, trace);
        connection
    }

    fn new(id: ConnectionId, ends: Endpoints, profile: Arc<Profile>, state: State) -> Connection {
        Connection {
            id,
            ends,
            profile,
            state,
            pending: Pending::default(),
            reset: None,
            segments_out: 0,
            segments_in: 0,
        }
    }
}
