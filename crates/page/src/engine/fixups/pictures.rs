//! Pictures limited to a share of a box that is as wide as its content. A browser counts such a
//! picture as nothing where the box is as narrow as can be; Blitz counts all of it, so that the box
//! is wider than its surroundings and the limit limits nothing. The box gets a limit of its own.

use std::collections::BTreeSet;

use blitz_dom::{BaseDocument, Node, NodeId, local_name};
use style::properties::LonghandId;
use style::values::specified::box_::{DisplayInside, DisplayOutside};

use super::element::{add_style, unresolved};

/// Ancestors that are looked at.
const ABOVE: usize = 16;

/// Limits the boxes around pictures that are limited to a share of them.
pub(super) fn limit_boxes(document: &mut BaseDocument, elements: &[NodeId]) {
    let mut boxes: BTreeSet<u64> = BTreeSet::new();
    let mut found = Vec::new();
    for &id in elements {
        let limited = document
            .get_node(id)
            .is_some_and(|node| node.data.is_element_with_tag_name(&local_name!("img")))
            && unresolved(document, id, LonghandId::MaxWidth).ends_with('%');
        let mut at = document.get_node(id).and_then(|node| node.parent).filter(|_| limited);
        for _ in 0..ABOVE {
            let Some(above) = at else { break };
            if fits_its_content(document, above) && boxes.insert(above.as_u64()) {
                found.push(above);
            }
            at = document.get_node(above).and_then(|node| node.parent);
        }
    }
    let mut mutator = document.mutate();
    for id in found {
        add_style(&mut mutator, id, "max-width:100%!important");
    }
}

/// Whether an element is an inline block of no width and no limit of its own.
fn fits_its_content(document: &BaseDocument, id: NodeId) -> bool {
    let inline_block = document.get_node(id).and_then(Node::primary_styles).is_some_and(|style| {
        let display = style.clone_display();
        (display.outside(), display.inside()) == (DisplayOutside::Inline, DisplayInside::FlowRoot)
    });
    inline_block
        && unresolved(document, id, LonghandId::Width) == "auto"
        && unresolved(document, id, LonghandId::MaxWidth) == "none"
}
