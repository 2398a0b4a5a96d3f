//! What a server and its connections share.

use core::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use roundtrip_wire::Wire;
use tokio::sync::Notify;

use super::access::Served;
use super::crowd::Crowd;
use super::handler::Handler;
use super::options::Options;
use super::response::Response;
use crate::message::Fields;

/// Is told of every request that was answered.
pub(crate) type Access = Rc<dyn Fn(&Served<'_>)>;

/// Is told in words of what goes wrong.
pub(crate) type Troubled = Rc<dyn Fn(&str)>;

/// What a server and its connections share.
pub(crate) struct Shared<W> {
    pub(crate) wire: W,
    pub(crate) options: Options,
    pub(crate) handler: Rc<dyn Handler>,
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
    pub(crate) access: Option<Access>,
    /// Is told of what goes wrong that is no request's.
    pub(crate) trouble: Option<Troubled>,
    /// Counts the connections of each address.
    pub(crate) crowd: Option<Arc<Crowd>>,
    /// No more requests are taken.
    pub(crate) stopping: Cell<bool>,
    /// Wakes connections that wait for a request, and the one who waits for their end.
    pub(crate) changed: Notify,
    /// How many connections are open.
    pub(crate) connections: Cell<usize>,
    /// Wakes who waits for room for another one.
    pub(crate) room: Notify,
    /// The value of the Date field, and the second of it since 1970.
    date: RefCell<(u64, String)>,
}

impl<W: Wire> Shared<W> {
    pub(crate) fn new(wire: W, handler: Rc<dyn Handler>, options: Options) -> Self {
        Self {
            wire,
            options,
            handler,
            tls: None,
            access: None,
            trouble: None,
            crowd: None,
            stopping: Cell::new(false),
            changed: Notify::new(),
            connections: Cell::new(0),
            room: Notify::new(),
            date: RefCell::new((u64::MAX, String::new())),
        }
    }

    /// Whether there are more connections than may be.
    pub(crate) fn is_full(&self) -> bool {
        self.connections.get() > self.options.max_connections
    }

    /// Whether no more connections are accepted, not even to be told that there are too many: those that wait
    /// in the kernel's queue cost this process nothing.
    pub(crate) fn is_closed(&self) -> bool {
        let most = self.options.max_connections;
        self.connections.get() > most + (most / 8).clamp(1, 64)
    }

    /// Completes when there is room for another connection.
    pub(crate) async fn has_room(&self) {
        while self.is_closed() {
            let room = self.room.notified();
            if self.is_closed() {
                room.await;
            }
        }
    }

    /// The fields that the server adds to a response by itself, where it does not have them.
    pub(crate) fn own_fields(&self, response: &Response) -> Fields {
        let mut fields = Fields::new();
        if !response.fields.contains("Date") {
            self.date(|date| {
                fields.add("date", date);
            });
        }
        if !self.options.software.is_empty() && !response.fields.contains("Server") {
            fields.add("server", &self.options.software);
        }
        fields
    }

    /// Has an answer through TLS say where else the server can be had.
    pub(crate) fn announce(&self, secure: bool, response: &mut Response) {
        let value = &self.options.alternatives;
        if secure && !value.is_empty() && !response.fields.contains("Alt-Svc") {
            response.fields.add("Alt-Svc", value);
        }
    }

    /// Completes when the server is told to stop.
    pub(crate) async fn told_to_stop(&self) {
        loop {
            let changed = self.changed.notified();
            if self.stopping.get() {
                return;
            }
            changed.await;
        }
    }

    /// Calls `use_it` with the value of the Date field. It is formatted once a second.
    pub(crate) fn date<T>(&self, use_it: impl FnOnce(&str) -> T) -> T {
        let wall = self.wire.wall();
        let second = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut date = self.date.borrow_mut();
        if date.0 != second {
            *date = (second, httpdate::fmt_http_date(wall));
        }
        use_it(&date.1)
    }
}
