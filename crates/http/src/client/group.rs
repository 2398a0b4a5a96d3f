//! Which requests may share connections.

use super::origin::Origin;

/// Whether a request carries what tells who asks: cookies, a client's certificate, the tickets of
/// earlier TLS sessions (Fetch, "credentials mode").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Credentials {
    /// It may.
    #[default]
    Included,
    /// It does not: it shares no connection with one that may (Fetch, "obtain a connection").
    Omitted,
}

/// Requests of one group may share connections.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group {
    /// Whom the connections lead to.
    pub(crate) origin: Origin,
    /// Who may use them.
    pub(crate) credentials: Credentials,
}
