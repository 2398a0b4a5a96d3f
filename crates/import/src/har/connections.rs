//! Which connection carried which entry: by the name the archive gives it, or else by what fits.

use std::collections::BTreeMap;

use super::sketch::{Ground, Sketch};
use crate::words::is_multiplexed;

/// The time, in nanoseconds, by which the end of one entry may be later than the begin of the next
/// on a connection that carries one at a time: writers round to milliseconds.
const ROUNDING: u64 = 1_500_000;

/// A connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// The entry that opened it; `None` where it was open before the archive began, or nobody
    /// knows.
    pub(crate) opener: Option<usize>,
    /// The first entry it carried.
    pub(crate) first: usize,
    /// What the connection was inferred from; `None` where the archive names it.
    pub(crate) from: Option<&'static str>,
    /// How many entries it carried before the next one.
    reused: u32,
    /// When its handshake was over, and when the last of its entries ended.
    ready: u64,
    free: u64,
}

/// An entry on its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Carried {
    /// The connection's place among all.
    pub(crate) link: usize,
    /// How many entries the connection carried before; at least 1 where the entry did not open it.
    pub(crate) reused: u32,
}

/// All connections, and the one of each entry.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    pub(crate) links: Vec<Link>,
    pub(crate) carried: Vec<Option<Carried>>,
}

impl Connections {
    /// Finds the connections of entries that are in the order of their starts.
    pub(crate) fn of(sketches: &[Sketch]) -> Self {
        let mut all = Self { links: Vec::new(), carried: vec![None; sketches.len()] };
        let mut named: BTreeMap<&str, usize> = BTreeMap::new();
        let mut by_origin: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut order: Vec<usize> =
            (0..sketches.len()).filter(|n| uses_one(&sketches[*n])).collect();
        order.sort_by_key(|n| (sketches[*n].opened().unwrap_or(sketches[*n].sent()), *n));
        for n in order {
            let sketch = &sketches[n];
            let of_origin = by_origin.entry(&sketch.origin).or_default();
            let found = match &sketch.connection {
                Some(name) => named.get(name.as_str()).copied().filter(|link| {
                    // A name is used again for a new connection, unless both entries waited for
                    // the same handshake.
                    sketch.opened().is_none_or(|opened| opened < all.links[*link].ready)
                }),
                None if sketch.opened().is_some() => None,
                None => all.fitting(sketch, of_origin),
            };
            let link = found.unwrap_or_else(|| {
                all.links.push(Link::new(sketch, n));
                of_origin.push(all.links.len() - 1);
                all.links.len() - 1
            });
            if let Some(name) = &sketch.connection {
                named.insert(name, link);
            }
            all.carry(n, link, sketch.end());
        }
        all
    }

    /// The connection of the same origin that could have carried an entry, the one used last.
    fn fitting(&self, sketch: &Sketch, of_origin: &[usize]) -> Option<usize> {
        let shared = is_multiplexed(&sketch.version);
        let ready = of_origin.iter().copied().filter(|link| {
            let link = &self.links[*link];
            if shared {
                link.ready <= sketch.sent() + ROUNDING
            } else {
                link.free <= sketch.sent() + ROUNDING
            }
        });
        ready.max_by_key(|link| (self.links[*link].free, *link))
    }

    fn carry(&mut self, entry: usize, link: usize, end: u64) {
        let on = &mut self.links[link];
        self.carried[entry] = Some(Carried { link, reused: on.reused });
        on.reused += 1;
        on.free = on.free.max(end);
    }
}

impl Link {
    fn new(sketch: &Sketch, entry: usize) -> Self {
        let opens = sketch.opened().is_some();
        let from = match (&sketch.connection, opens) {
            (None, true) => Some("the time it took to connect"),
            (None, false) => Some("the times of the entries of its origin"),
            (Some(_), _) => None,
        };
        Self {
            opener: opens.then_some(entry),
            first: entry,
            from,
            // Without a handshake, it has carried something before.
            reused: u32::from(!opens),
            ready: sketch.sent(),
            free: 0,
        }
    }
}

/// Whether an entry went over a connection, as far as one knows.
fn uses_one(sketch: &Sketch) -> bool {
    let waited = sketch.times.first_byte > sketch.times.send.0;
    sketch.ground == Ground::Network && (sketch.answered() || sketch.opened().is_some() || waited)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::har::entry::Entry;
    use crate::notes::Notes;

    /// Entries by start, connect, wait (milliseconds), version and connection.
    fn connections(entries: &[(u64, i64, u64, &str, &str)]) -> Connections {
        let sketch = |(n, (start, connect, wait, version, name)): (
            usize,
            &(u64, i64, u64, &str, &str),
        )| {
            let connection = if name.is_empty() { Value::Null } else { (*name).into() };
            let entry = json!({
                "startedDateTime": format!("2026-01-01T00:00:00.{start:03}Z"),
                "connection": connection,
                "request": {"url": "http://h/"},
                "response": {"status": 200, "httpVersion": version},
                "timings": {"connect": connect, "ssl": -1, "send": 0, "wait": wait, "receive": 0}
            });
            let entry = Entry::read(&entry).unwrap();
            Sketch::of(&entry, n as u64, (0, 0), &mut Notes::default()).unwrap()
        };
        let sketches: Vec<_> = entries.iter().enumerate().map(sketch).collect();
        Connections::of(&sketches)
    }

    fn places(all: &Connections) -> Vec<(usize, u32)> {
        all.carried.iter().flatten().map(|carried| (carried.link, carried.reused)).collect()
    }

    #[test]
    fn a_name_is_a_connection_until_it_is_opened_again() {
        let all = connections(&[
            (0, 10, 5, "h2", "7"),
            (2, 8, 5, "h2", "7"),
            (20, -1, 5, "h2", "7"),
            (40, 10, 5, "h2", "7"),
            (60, -1, 5, "h2", "443x"),
        ]);
        assert_eq!(places(&all), [(0, 0), (0, 1), (0, 2), (1, 0), (2, 1)]);
        assert_eq!(all.links[2].opener, None);
        assert!(all.links.iter().all(|link| link.from.is_none()));
    }

    #[test]
    fn without_names_what_fits_is_taken() {
        let one = connections(&[
            (0, 10, 20, "http/1.1", ""),
            (5, 10, 20, "http/1.1", ""),
            (30, -1, 20, "http/1.1", ""),
            (36, -1, 20, "http/1.1", ""),
            // Both are busy: there must have been a third.
            (40, -1, 20, "http/1.1", ""),
        ]);
        assert_eq!(places(&one), [(0, 0), (1, 0), (0, 1), (1, 1), (2, 1)]);
        let shared =
            connections(&[(0, 10, 50, "h2", ""), (20, -1, 50, "h2", ""), (21, 0, 5, "h2", "443")]);
        assert_eq!(places(&shared)[..2], [(0, 0), (0, 1)]);
        assert_eq!(shared.carried[2].unwrap().link, 1, "443 is not the port of http");
        let port = connections(&[(0, 10, 50, "h2", "80"), (20, -1, 50, "h2", "80")]);
        assert!(port.links[0].from.is_some(), "the server's port is no name");
    }
}
