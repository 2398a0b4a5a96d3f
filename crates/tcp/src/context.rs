//! The context of everything that happens to a connection.

use crate::clock::Now;
use crate::profile::Profile;

/// The current time, and the profile of the stack.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) now: Now,
    pub(crate) profile: &'a Profile,
}
