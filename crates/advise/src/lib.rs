//! What would help a page, each piece of advice proven by carrying the visit out again with that one
//! change.
//!
//! A recorded visit is a [`Scenario`](roundtrip_visit::scenario::Scenario). [`propose()`] reads its story and
//! finds changes that could help, each a [`Variant`]: something that its servers would answer, or its
//! client or its network would do, otherwise. [`prove()`] carries the scenario out as it is and with
//! each variant, on several networks and with several seeds, and says what each saved. Nothing is
//! computed from rules of thumb; what cannot be tried is said so ([`Untried`]).
#![forbid(unsafe_code)]

mod advice;
mod change;
mod css;
mod document;
mod hint;
mod proposals;
mod propose;
mod prove;
mod rules;
mod saving;
mod seen;
mod variant;
mod view;
mod words;

pub use advice::{Advice, Combination, NetworkAdvice, Piece, Times, Tried};
pub use change::Changed;
pub use document::EditError;
pub use proposals::{Proposals, Untried};
pub use propose::propose;
pub use prove::{Progress, ProveError, Proving, combined, files, prove};
pub use saving::{Effect, Saving};
pub use variant::{Reach, Variant};
pub use view::{ADVICE_SCHEMA, json, text};
