//! `Rendered`: which elements have boxes.

use std::collections::BTreeMap;

use blitz_dom::{BaseDocument, NodeId};

/// Which elements have boxes: neither they nor one around them has `display: none`.
#[derive(Default)]
pub(super) struct Rendered {
    known: BTreeMap<u64, bool>,
}

impl Rendered {
    /// Whether an element has a box.
    pub(super) fn is(&mut self, document: &BaseDocument, id: NodeId) -> bool {
        let mut path = Vec::new();
        let mut next = Some(id);
        let mut found = true;
        while let Some(id) = next {
            if let Some(known) = self.known.get(&id.as_u64()) {
                found = *known;
                break;
            }
            path.push(id);
            let Some(node) = document.get_node(id) else { break };
            let hidden =
                node.primary_styles().is_some_and(|styles| styles.get_box().display.is_none());
            if hidden {
                found = false;
                break;
            }
            next = node.parent;
        }
        for id in path {
            self.known.insert(id.as_u64(), found);
        }
        found
    }
}
