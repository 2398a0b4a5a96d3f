//! `List`: what the person at the keyboard sees of a proxy at work.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io::{LineWriter, Stdout, Write as _, stdout};
use std::net::SocketAddr;

use roundtrip_proxy::{Seen, SeenExchange};
use roundtrip_record::Log;
use roundtrip_report::text::{bytes, clean, clip, count, duration, left, right};
use roundtrip_report::{Options, Tone};
use serde_json::{Value, json};

use super::args::Proxy;
use super::only::Only;
use crate::args::{Colour, Format};
use crate::calendar::rfc3339;
use crate::terminal;

/// What the person at the keyboard sees of a proxy at work: a line for each exchange, and what went wrong.
pub(super) struct List {
    lines: RefCell<Option<LineWriter<Stdout>>>,
    options: Options,
    format: Format,
    quiet: bool,
    only: Vec<Only>,
    to: Option<String>,
    log: Log,
    /// That recording stopped has been said.
    told_of_end: Cell<bool>,
    /// Clients that do not trust the proxy, and what they wanted, which is said once each.
    distrust: RefCell<BTreeSet<String>>,
    total: RefCell<Total>,
}

/// What passed in all.
#[derive(Default)]
struct Total {
    exchanges: usize,
    failed: usize,
    tunnels: usize,
    bytes: u64,
    hosts: BTreeSet<String>,
}

impl List {
    pub(super) fn new(arguments: &Proxy, only: Vec<Only>, log: Log, colour: Colour) -> Self {
        Self {
            lines: RefCell::new(Some(LineWriter::new(stdout()))),
            options: terminal::options(colour),
            format: arguments.output.format,
            quiet: arguments.quiet,
            only,
            to: arguments.to.clone(),
            log,
            told_of_end: Cell::new(false),
            distrust: RefCell::default(),
            total: RefCell::default(),
        }
    }

    /// It listens.
    pub(super) fn ready(&self, at: SocketAddr) {
        match (self.format, &self.to) {
            (Format::Json, _) => self.line(&json!({ "listening": at.to_string() }).to_string()),
            (Format::Text, Some(to)) => {
                self.line(&format!(
                    "recording what is asked of http://{at}/, which stands for {to}"
                ));
            }
            (Format::Text, None) => {
                self.line(&format!("recording what is asked by way of the proxy http://{at}/"));
            }
        }
    }

    /// Something is over.
    pub(super) fn see(&self, seen: &Seen<'_>) {
        match seen {
            Seen::Exchange(exchange) => {
                self.total.borrow_mut().add(exchange);
                if !self.quiet && Only::allow(&self.only, exchange) {
                    self.show(exchange);
                }
            }
            Seen::Tunnel { to, sent, received, took, .. } => {
                let mut total = self.total.borrow_mut();
                total.tunnels += 1;
                total.bytes += received;
                drop(total);
                if !self.quiet && self.only.is_empty() {
                    let line = format!(
                        "     CONNECT {}  passed as it is, {} up, {} down, {}",
                        clean(to),
                        bytes(*sent),
                        bytes(*received),
                        duration(*took)
                    );
                    self.tell(&line, || {
                        json!({ "tunnel": to, "sent": sent, "received": received, "ms": took.as_secs_f64() * 1e3 })
                    });
                }
            }
            Seen::Uncertified { peer, host, why } => {
                let (host, why) = (clean(host), clean(why));
                if self.distrust.borrow_mut().insert(format!("{} {host}", peer.ip())) {
                    terminal::note(&format!(
                        "{}: {host} cannot be looked into, since no certificate can be made for it ({why}); \
                         --pass {host} passes it on as it is",
                        peer.ip()
                    ));
                }
            }
            Seen::Unsecured { peer, host, why, distrust } => {
                self.unsecured(*peer, host, why, *distrust);
            }
        }
        self.check_record();
    }

    fn unsecured(&self, peer: SocketAddr, host: &str, why: &str, distrust: bool) {
        let (host, why) = (clean(host), clean(why));
        if !self.distrust.borrow_mut().insert(format!("{} {host}", peer.ip())) {
            return;
        }
        terminal::note(&if distrust {
            format!(
                "{}: {host} cannot be looked into, since the client does not trust the proxy's authority ({why}); \
                 roundtrip proxy --ca says what to do, --pass {host} passes it on as it is",
                peer.ip()
            )
        } else {
            format!(
                "{}: no TLS for {host}: {why}; a client that does not trust the proxy's authority may end it \
                 so: roundtrip proxy --ca says what to do, --pass {host} passes it on as it is",
                peer.ip()
            )
        });
    }

    /// Says, once, that nothing more is recorded.
    fn check_record(&self) {
        if self.told_of_end.get() {
            return;
        }
        if let Some(why) = self.log.stopped() {
            self.told_of_end.set(true);
            terminal::note(&format!(
                "recording stopped: {why}; the proxy goes on passing what is asked"
            ));
        }
    }

    /// The proxy has ended.
    pub(super) fn ended(&self) {
        self.check_record();
    }

    pub(super) fn is_empty(&self) -> bool {
        let total = self.total.borrow();
        total.exchanges + total.tunnels == 0
    }

    fn show(&self, seen: &SeenExchange) {
        let tone = match seen.status {
            _ if seen.fault.is_some() => Tone::Bad,
            400.. => Tone::Warn,
            _ => Tone::Good,
        };
        let status = match seen.status {
            0 => "  –".to_owned(),
            status => right(&status.to_string(), 3),
        };
        let columns = self.options.columns().max(60);
        let type_of = seen.media_type.rsplit('/').next().unwrap_or_default();
        let figures = format!(
            "{} {} {}",
            left(&clip(&clean(type_of), 10), 10),
            right(&bytes(seen.bytes), 8),
            right(&duration(seen.took), 8)
        );
        let fault = seen.fault.as_ref().map(|fault| format!("  ✗ {}", clean(fault)));
        let room = columns.saturating_sub(4 + 8 + 2 + figures.chars().count());
        let line = format!(
            "{} {} {}  {figures}{}",
            self.options.paint(tone, &status),
            left(&clip(&clean(&seen.method), 7), 7),
            left(&clip(&clean(&seen.url), room), room),
            fault.unwrap_or_default(),
        );
        self.tell(&line, || exchange_json(seen));
    }

    fn tell(&self, line: &str, object: impl FnOnce() -> Value) {
        match self.format {
            Format::Text => self.line(line),
            Format::Json => self.line(&object().to_string()),
        }
    }

    fn line(&self, line: &str) {
        let mut lines = self.lines.borrow_mut();
        let Some(out) = lines.as_mut() else { return };
        if writeln!(out, "{line}").is_err() {
            // The reader of the list is gone; the proxy goes on without it.
            *lines = None;
        }
    }

    /// Says what was recorded, and what can be done with it.
    pub(super) fn summary(&self, saved: Option<&str>) -> anyhow::Result<()> {
        let total = self.total.borrow();
        if self.format == Format::Json {
            self.line(
                &json!({
                    "exchanges": total.exchanges,
                    "failed": total.failed,
                    "tunnels": total.tunnels,
                    "hosts": total.hosts.len(),
                    "bytes": total.bytes,
                    "run": saved,
                })
                .to_string(),
            );
            return Ok(());
        }
        let mut facts = vec![
            count(total.exchanges, "request"),
            count(total.hosts.len(), "host"),
            bytes(total.bytes),
        ];
        if total.failed > 0 {
            facts.push(format!("{} failed", total.failed));
        }
        if total.tunnels > 0 {
            facts.push(format!("{} passed as it is", count(total.tunnels, "tunnel")));
        }
        let next = saved.map_or_else(String::new, |run| {
            format!(
                "  saved    run {run}    roundtrip show {run} --html │ --har\n  \
                 next     roundtrip visit {run} --net 3gslow │ roundtrip advise {run}\n"
            )
        });
        let text = format!("\n{}\n{next}", facts.join(" · "));
        Ok(terminal::print(&text)?)
    }
}

impl Total {
    fn add(&mut self, seen: &SeenExchange) {
        /// A list of hosts that has an end.
        const MOST: usize = 10_000;
        self.exchanges += 1;
        self.failed += usize::from(seen.fault.is_some());
        self.bytes += seen.bytes;
        let host = url::Url::parse(&seen.url).ok();
        let host = host.as_ref().and_then(|url| url.host_str()).unwrap_or_default();
        if self.hosts.len() < MOST && !self.hosts.contains(host) {
            self.hosts.insert(host.to_owned());
        }
    }
}

fn exchange_json(seen: &SeenExchange) -> Value {
    json!({
        "at": rfc3339(seen.wall),
        "peer": seen.peer.to_string(),
        "method": seen.method,
        "url": seen.url,
        "status": seen.status,
        "type": seen.media_type,
        "bytes": seen.bytes,
        "ms": seen.took.as_secs_f64() * 1e3,
        "fault": seen.fault,
    })
}
