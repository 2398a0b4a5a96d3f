//! `Digests`: what a layout is made of, as one digest.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::codec::Coded as _;
use super::message::Order;
use crate::engine::{Goal, Input};

/// A SHA-256 digest.
pub(super) type Digest = [u8; 32];

/// What is known of one page, so that each of its bytes is read once, however often the page is laid
/// out.
#[derive(Default)]
pub(super) struct Digests {
    /// Of the markup, as far as it has been read: of one page, markup only grows.
    markup: Sha256,
    read: usize,
    styles: Contents,
    bytes: Contents,
}

/// Contents and their digests, by address. The contents are kept, shared with the page, so that their
/// memory is given to nothing else: the same place is then the same content.
type Contents = BTreeMap<String, (Bytes, Digest)>;

impl Digests {
    /// The digest of all that a layout is made of.
    pub(super) fn of(&mut self, input: &Input, goal: Goal) -> Digest {
        let order = Order {
            goal,
            // Has a digest of its own, since it may be long and is mostly what it was before.
            markup: String::new(),
            shown: input.markup.len(),
            syntax: input.syntax,
            base: input.base.clone(),
            options: input.options.clone(),
            styles: digested(&mut self.styles, &input.styles),
            bytes: digested(&mut self.bytes, &input.bytes),
            later_styles: BTreeSet::new(),
            later_bytes: BTreeSet::new(),
            failed: input.failed.clone(),
            faces: input.faces.clone(),
            policy: input.policy.clone(),
        };
        let whole = Sha256::new_with_prefix(self.markup(&input.markup));
        whole.chain_update(order.frame()).finalize().into()
    }

    fn markup(&mut self, markup: &str) -> Digest {
        // A page as it stood before.
        if markup.len() < self.read {
            return Sha256::digest(markup).into();
        }
        self.markup.update(markup.get(self.read..).unwrap_or_default());
        self.read = markup.len();
        self.markup.clone().finalize().into()
    }
}

/// Digests in the place of contents. Those of contents that are as before are not worked out again.
fn digested(known: &mut Contents, now: &BTreeMap<String, Bytes>) -> Vec<(String, Bytes)> {
    let digest = |(url, bytes): (&String, &Bytes)| {
        let before = known.get(url).filter(|(before, _)| is_same(before, bytes));
        let digest = if let Some((_, digest)) = before {
            *digest
        } else {
            let digest = Sha256::digest(bytes).into();
            known.insert(url.clone(), (bytes.clone(), digest));
            digest
        };
        (url.clone(), Bytes::copy_from_slice(&digest))
    };
    now.iter().map(digest).collect()
}

/// Whether they are in the same place.
fn is_same(one: &Bytes, other: &Bytes) -> bool {
    one.as_ptr() == other.as_ptr() && one.len() == other.len()
}
