//! `Crowd`: how many connections each address has open.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::address::counted;

/// How many connections are open, and how many each address has, with all servers that share this. A network of 64
/// bits of IPv6 counts as one address; clients of Unix domain sockets are not told apart, and all let in.
#[derive(Debug)]
pub struct Crowd {
    /// Those of one address; `None`: as many as there may be of all.
    most: Option<usize>,
    all: AtomicUsize,
    open: Mutex<BTreeMap<IpAddr, usize>>,
}

/// Whether one more connection of an address is answered.
pub(crate) enum Entry {
    /// It is.
    Welcome(Visitor),
    /// It is told that there are too many.
    TooMany(Visitor),
    /// There are far too many to tell each.
    Closed,
}

/// An open connection.
pub(crate) struct Visitor {
    crowd: Arc<Crowd>,
    /// Whose connections it is counted among.
    address: Option<IpAddr>,
}

impl Crowd {
    /// Lets each address have so many connections, where that is told; those beyond are answered with 503.
    pub fn new(most: Option<usize>) -> Arc<Self> {
        Arc::new(Self { most, all: AtomicUsize::new(0), open: Mutex::default() })
    }

    /// How many connections are open.
    pub fn total(&self) -> usize {
        self.all.load(Ordering::Relaxed)
    }

    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr) -> Entry {
        let visitor = |address| {
            self.all.fetch_add(1, Ordering::Relaxed);
            Visitor { crowd: Arc::clone(self), address }
        };
        let Some(most) = self.most.filter(|_| !address.is_unspecified()) else {
            return Entry::Welcome(visitor(None));
        };
        let address = counted(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_insert(0);
        if *count >= most.saturating_mul(2).max(1) {
            return Entry::Closed;
        }
        *count += 1;
        let visitor = visitor(Some(address));
        if *count > most { Entry::TooMany(visitor) } else { Entry::Welcome(visitor) }
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.crowd.all.fetch_sub(1, Ordering::Relaxed);
        let Some(address) = self.address else { return };
        let mut open = self.crowd.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_goes_makes_room() {
        let crowd = Crowd::new(Some(1));
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let first = crowd.enter(address);
        assert!(matches!(first, Entry::Welcome(_)));
        let second = crowd.enter(address);
        assert!(matches!(second, Entry::TooMany(_)));
        assert!(matches!(crowd.enter(address), Entry::Closed));
        assert!(matches!(crowd.enter("192.0.2.2".parse().unwrap()), Entry::Welcome(_)));
        assert_eq!(crowd.total(), 2);
        drop((first, second));
        assert!(matches!(crowd.enter(address), Entry::Welcome(_)));
        assert!(crowd.open.lock().unwrap().is_empty(), "nobody is remembered who is gone");
        assert!(matches!(crowd.enter("0.0.0.0".parse().unwrap()), Entry::Welcome(_)));
    }
}
