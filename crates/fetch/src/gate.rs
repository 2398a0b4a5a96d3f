//! `Gate`: whoever has a say in where the redirects of a chain lead.

use roundtrip_record::FaultKind;
use url::Url;

/// Has a say in where the redirects of a chain lead, besides the [`Rules`](crate::Rules): a page, with what
/// its policies say.
pub trait Gate {
    /// Where the request goes that a redirect leads to this address.
    ///
    /// # Errors
    /// When it may go nowhere.
    fn redirected(&self, to: &Url) -> Result<Url, FaultKind>;
}

/// Lets everything through.
#[derive(Clone, Copy, Debug, Default)]
pub struct Open;

impl Gate for Open {
    fn redirected(&self, to: &Url) -> Result<Url, FaultKind> {
        Ok(to.clone())
    }
}
