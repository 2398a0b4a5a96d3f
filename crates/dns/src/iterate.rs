//! Carries out a [`Walk`] over a wire.

use core::cell::RefCell;
use std::net::SocketAddr;

use roundtrip_record::{EventId, LookupId, Source};
use roundtrip_wire::Wire;

use crate::answer::Reading;
use crate::delegation::WalkFailure;
use crate::message::Question;
use crate::resolv::Policy;
use crate::rung::Rung;
use crate::transport::{Upstreams, ask};
use crate::tree::Tree;
use crate::walk::{Next, Walk};

/// The result of a walk.
pub(crate) struct WalkResult {
    pub(crate) end: Result<Reading, Box<WalkFailure>>,
    /// The server that gave the last answer.
    pub(crate) source: Option<Source>,
    /// The event of the last answer.
    pub(crate) event: Option<EventId>,
}

/// Walks from the lowest known zone cut to the answer of `question`.
pub(crate) async fn iterate<W: Wire>(
    wire: &W,
    lookup: LookupId,
    question: Question,
    tree: &RefCell<Tree>,
    cause: Option<EventId>,
) -> WalkResult {
    let mut walk = Walk::new(question, &tree.borrow(), wire.now());
    let edns = tree.borrow().edns();
    let edns = &*edns;
    let mut event = cause;
    let mut last = None;
    loop {
        // Bound before the match, since a borrow in the match would last until its end.
        let next = walk.poll(&mut tree.borrow_mut(), wire.now());
        let port = tree.borrow().port();
        let step = match next {
            Next::Ask(step) => step,
            Next::Done(end) => return WalkResult { end, source: last, event },
        };
        let rung = Rung {
            wire,
            lookup,
            name: step.question.name.to_ascii(),
            record_type: step.question.record_type.to_string(),
        };
        let source = |server| Source::Zone {
            zone: step.zone.to_ascii(),
            name: Some(step.server_name.to_ascii()),
            server,
        };
        // Boxed for the reason given in `servers`.
        let asked = Box::pin(ask(
            &rung,
            step.question.clone(),
            Upstreams {
                servers: &[SocketAddr::new(step.server, port)],
                policy: Policy::walk(),
                edns,
            },
            &source,
            |reply| walk.handle_reply(reply, &mut tree.borrow_mut(), wire.now()),
            event,
        ))
        .await;
        event = asked.event.or(event);
        last = asked.server.map(source);
    }
}
