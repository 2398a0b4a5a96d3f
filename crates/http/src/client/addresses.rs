//! The addresses of a host: those that are known, and those still on their way.

use core::cell::RefCell;
use core::fmt;
use core::ops::Deref;
use core::pin::Pin;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::rc::Rc;

use futures_util::Stream;

/// Addresses as they arrive; it ends when there will be no more.
pub type Late = Pin<Box<dyn Stream<Item = Vec<IpAddr>>>>;

/// The addresses of a host, best first; as a slice, those that are known already.
#[derive(Clone, Default)]
pub struct Addresses {
    known: Vec<IpAddr>,
    scope: u32,
    late: Rc<RefCell<Option<Late>>>,
}

impl Addresses {
    /// The same, with more to come: connecting begins with what is known, and what arrives meanwhile
    /// is tried as well (RFC 8305 §3).
    #[must_use]
    pub fn and_later(mut self, late: Late) -> Self {
        self.late = Rc::new(RefCell::new(Some(late)));
        self
    }

    /// The same, behind the network interface of this index (RFC 4007 §11); 0 is none.
    #[must_use]
    pub fn behind(mut self, interface: u32) -> Self {
        self.scope = interface;
        self
    }

    /// What is still to come; only the first who asks gets it.
    pub fn late(&self) -> Option<Late> {
        self.late.take()
    }

    /// Where to connect to for one of them.
    pub(crate) fn socket(&self, address: IpAddr, port: u16) -> SocketAddr {
        match address {
            IpAddr::V6(v6) if self.scope != 0 => SocketAddrV6::new(v6, port, 0, self.scope).into(),
            address => SocketAddr::new(address, port),
        }
    }
}

impl From<Vec<IpAddr>> for Addresses {
    fn from(known: Vec<IpAddr>) -> Self {
        Self { known, ..Self::default() }
    }
}

impl Deref for Addresses {
    type Target = [IpAddr];

    fn deref(&self) -> &[IpAddr] {
        &self.known
    }
}

impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let late = self.late.borrow().is_some();
        let mut all = f.debug_struct("Addresses");
        all.field("known", &self.known).field("scope", &self.scope).field("late", &late).finish()
    }
}

/// Equal are those that know the same; what is to come cannot be compared.
impl PartialEq for Addresses {
    fn eq(&self, other: &Self) -> bool {
        self.known == other.known && self.scope == other.scope
    }
}

impl Eq for Addresses {}
