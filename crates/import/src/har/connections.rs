//! Which connection carried which entry: by the name the archive gives it, or else by what fits.

use std::collections::{BTreeMap, BTreeSet};

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
        let mut by_origin: BTreeMap<&str, Pool> = BTreeMap::new();
        let mut order: Vec<usize> =
            (0..sketches.len()).filter(|n| uses_one(&sketches[*n])).collect();
        order.sort_by_key(|n| (sketches[*n].opened().unwrap_or(sketches[*n].sent()), *n));
        for n in order {
            let sketch = &sketches[n];
            let pool = by_origin.entry(&sketch.origin).or_default();
            let found = match &sketch.connection {
                Some(name) => named.get(name.as_str()).copied().filter(|link| {
                    // A name is used again for a new connection, unless both entries waited for
                    // the same handshake.
                    sketch.opened().is_none_or(|opened| opened < all.links[*link].ready)
                }),
                None if sketch.opened().is_some() => None,
                None => pool.fitting(sketch, &all.links),
            };
            let link = found.unwrap_or_else(|| {
                all.links.push(Link::new(sketch, n));
                let link = all.links.len() - 1;
                pool.opening.insert((all.links[link].ready, link));
                link
            });
            if let Some(name) = &sketch.connection {
                named.insert(name, link);
            }
            let on = &mut all.links[link];
            all.carried[n] = Some(Carried { link, reused: on.reused });
            on.reused += 1;
            let before = on.free;
            on.free = before.max(sketch.end());
            pool.moved(link, before, on.free);
        }
        all
    }
}

/// The connections of an origin, in orders that a fitting one is found by.
#[derive(Debug, Default)]
struct Pool {
    /// Those whose handshake was not over when the last entry was sent, by when it will be.
    opening: BTreeSet<(u64, usize)>,
    /// The others, by when the last of their entries ends.
    open: BTreeSet<(u64, usize)>,
}

impl Pool {
    /// The connection that could have carried an entry, the one used last. Entries must come in the
    /// order in which they were sent.
    fn fitting(&mut self, sketch: &Sketch, links: &[Link]) -> Option<usize> {
        let latest = sketch.sent().saturating_add(ROUNDING);
        while let Some((ready, link)) = self.opening.pop_first() {
            if ready > latest {
                self.opening.insert((ready, link));
                break;
            }
            self.open.insert((links[link].free, link));
        }
        let fit = if is_multiplexed(&sketch.version) {
            self.open.last()
        } else {
            self.open.range(..=(latest, usize::MAX)).next_back()
        };
        fit.map(|(_, link)| *link)
    }

    /// A connection is busy until later than before.
    fn moved(&mut self, link: usize, before: u64, until: u64) {
        if self.open.remove(&(before, link)) {
            self.open.insert((until, link));
        }
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
        Connections::of(&sketches(entries))
    }

    fn sketches(entries: &[(u64, i64, u64, &str, &str)]) -> Vec<Sketch> {
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
        entries.iter().enumerate().map(sketch).collect()
    }

    /// What [`Pool`] finds, found by looking at every connection.
    fn looked_for(sketches: &[Sketch]) -> Vec<(usize, u32)> {
        let mut order: Vec<usize> = (0..sketches.len()).collect();
        order.sort_by_key(|n| (sketches[*n].opened().unwrap_or(sketches[*n].sent()), *n));
        let (mut links, mut found) = (Vec::<Link>::new(), vec![(0, 0); sketches.len()]);
        for n in order {
            let sketch = &sketches[n];
            let latest = sketch.sent() + ROUNDING;
            let shared = is_multiplexed(&sketch.version);
            let fits = |link: &Link| if shared { link.ready } else { link.free } <= latest;
            let fitting = (0..links.len()).filter(|link| fits(&links[*link]));
            let fitting = fitting.max_by_key(|link| (links[*link].free, *link));
            let link = fitting.filter(|_| sketch.opened().is_none()).unwrap_or(links.len());
            if link == links.len() {
                links.push(Link::new(sketch, n));
            }
            found[n] = (link, links[link].reused);
            links[link].reused += 1;
            links[link].free = links[link].free.max(sketch.end());
        }
        found
    }

    #[test]
    fn the_connection_used_last_is_found() {
        // Numbers without a pattern (Numerical Recipes).
        let mut state = 7u64;
        let mut below = |limit: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
            (state >> 33) % limit
        };
        for _ in 0..200 {
            let mut entries: Vec<_> = (0..40)
                .map(|_| {
                    let connect = if below(3) == 0 { below(60) as i64 } else { -1 };
                    let version = if below(2) == 0 { "h2" } else { "http/1.1" };
                    (below(300), connect, below(40), version, "")
                })
                .collect();
            entries.sort_unstable();
            let sketches = sketches(&entries);
            assert_eq!(places(&Connections::of(&sketches)), looked_for(&sketches));
        }
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
