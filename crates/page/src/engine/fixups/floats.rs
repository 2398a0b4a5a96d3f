//! Text beside a float that leaves no room for it. Blitz begins it there all the same, where the
//! first words are cut off or stand one letter below the other. A float that is nearly as wide as
//! what it is in is laid out as a block where text comes next, and a block that comes next is
//! cleared of it: either way the text begins below, as it does in browsers. A margin of that block
//! does not reach above the float then, which in browsers it does.

use blitz_dom::{BaseDocument, Node, NodeId};
use style::properties::LonghandId;
use style::values::specified::box_::{DisplayInside, DisplayOutside};

use super::element::{add_style, unresolved};

/// The share of the width, in percent, beyond which hardly a word has room beside a float.
const WIDE: f32 = 90.0;

/// Lets text begin below the floats that it cannot stand beside.
pub(super) fn stack_wide(document: &mut BaseDocument, elements: &[NodeId]) {
    let added: Vec<(NodeId, &'static str)> =
        elements.iter().filter_map(|&id| repair(document, id)).collect();
    let mut mutator = document.mutate();
    for (id, declarations) in added {
        add_style(&mut mutator, id, declarations);
    }
}

/// If this is such a float: which element gets which declarations.
fn repair(document: &BaseDocument, id: NodeId) -> Option<(NodeId, &'static str)> {
    let node = document.get_node(id)?;
    let style = node.primary_styles()?;
    if !style.clone_float().is_floating() || style.clone_position().is_absolutely_positioned() {
        return None;
    }
    drop(style);
    let width = unresolved(document, id, LonghandId::Width);
    let share: f32 = width.strip_suffix('%')?.parse().ok()?;
    if share < WIDE || unresolved(document, id, LonghandId::MaxWidth) != "none" {
        return None;
    }
    let parent = document.get_node(node.parent?)?;
    let after = parent.children.iter().skip_while(|&&child| child != id).skip(1);
    match content(document, after)? {
        Content::Text => Some((id, stacked(document, id))),
        Content::Block(block) => Some((block, "clear:both!important;")),
    }
}

/// The declarations that make a block of a float.
fn stacked(document: &BaseDocument, id: NodeId) -> &'static str {
    match unresolved(document, id, LonghandId::Float).as_str() {
        "right" => "float:none!important;margin-left:auto!important;",
        _ => "float:none!important;",
    }
}

/// What comes first in the flow.
enum Content {
    /// Text, or an element among text.
    Text,
    /// A block that goes around floats.
    Block(NodeId),
}

/// The first of these nodes that takes room; `None` if none does, or it does not mind floats.
fn content<'a>(
    document: &BaseDocument,
    nodes: impl Iterator<Item = &'a NodeId>,
) -> Option<Content> {
    let first = nodes
        .filter_map(|&node| document.get_node(node))
        .find(|node| !node.is_whitespace_node() && takes_room(node))?;
    let Some(style) = first.primary_styles() else { return Some(Content::Text) };
    let display = style.clone_display();
    let cleared = unresolved(document, first.id, LonghandId::Clear) != "none";
    if cleared || style.clone_float().is_floating() {
        None
    } else if display.outside() == DisplayOutside::Inline {
        Some(Content::Text)
    } else {
        (display.inside() == DisplayInside::Flow).then_some(Content::Block(first.id))
    }
}

/// Whether a node is text, or an element that stands in the flow or floats in it.
fn takes_room(node: &Node) -> bool {
    match node.primary_styles() {
        None => node.is_text_node(),
        Some(style) => {
            !style.clone_display().is_none() && !style.clone_position().is_absolutely_positioned()
        }
    }
}
