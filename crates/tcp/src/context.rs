//! What every part of a connection may look at while something happens to it.

use crate::clock::Now;
use crate::profile::Profile;

/// The time of what happens, and the habits of the stack it happens in.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) now: Now,
    pub(crate) profile: &'a Profile,
}
