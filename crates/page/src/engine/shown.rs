//! What of a page is to be seen before scripts run, and what the first of them commonly show.
//!
//! Decks of slides, pages that hide themselves until their styles have come, and the like show nothing until a
//! script shows it. Their first contentful paint (W3C Paint Timing, section 4) waits for that script, and so
//! do the fonts of what it shows.

use blitz_dom::node::NodeData;
use blitz_dom::{BaseDocument, Node, NodeId};
use style::computed_values::visibility::T as Visibility;

use super::fixups::element::add_style;
use super::rendered::Rendered;

/// How many elements are shown, one after the other, until there is something to be seen.
const SHOWN: usize = 8;
/// Elements that are there to be seen though they hold no text.
const SEEN: [&str; 10] =
    ["img", "svg", "canvas", "video", "iframe", "object", "embed", "input", "select", "textarea"];
/// Elements whose text is never shown.
const UNSEEN: [&str; 6] = ["head", "script", "style", "template", "noscript", "title"];

/// Whether anything counts as content: text, a picture, a control, or a picture of a style.
pub(super) fn is_any(document: &BaseDocument) -> bool {
    let mut rendered = Rendered::default();
    let mut is_seen = |id: NodeId| rendered.is(document, id) && is_visible(document, id);
    document.tree().iter().any(|(id, node)| match &node.data {
        NodeData::Text(text) if text.content.chars().any(|c| !c.is_whitespace()) => {
            node.parent.is_some_and(&mut is_seen)
        }
        _ => (is_of(node, &SEEN) || has_picture(node)) && is_seen(id),
    })
}

/// Shows what is hidden, the first first, until there is something to be seen; whether there is.
pub(super) fn reveal(document: &mut BaseDocument) -> bool {
    for _ in 0..SHOWN {
        let Some(hidden) = first_hidden(document) else { return false };
        add_style(&mut document.mutate(), hidden, "display: block !important");
        document.resolve_stylist(0.0);
        if is_any(document) {
            return true;
        }
    }
    false
}

/// The first element that is itself hidden and has text in it.
fn first_hidden(document: &BaseDocument) -> Option<NodeId> {
    let mut stack = vec![document.root_node().id];
    while let Some(id) = stack.pop() {
        let Some(node) = document.get_node(id).filter(|node| !is_of(node, &UNSEEN)) else {
            continue;
        };
        let is_hidden =
            node.primary_styles().is_some_and(|styles| styles.get_box().display.is_none());
        if is_hidden && has_text(document, id) {
            return Some(id);
        }
        if !is_hidden {
            stack.extend(node.children.iter().rev());
        }
    }
    None
}

fn has_text(document: &BaseDocument, id: NodeId) -> bool {
    let mut stack = vec![id];
    while let Some(id) = stack.pop() {
        let Some(node) = document.get_node(id).filter(|node| !is_of(node, &UNSEEN)) else {
            continue;
        };
        if let NodeData::Text(text) = &node.data
            && text.content.chars().any(|c| !c.is_whitespace())
        {
            return true;
        }
        stack.extend(&node.children);
    }
    false
}

fn is_of(node: &Node, names: &[&str]) -> bool {
    node.element_data().is_some_and(|element| names.contains(&&*element.name.local))
}

/// Whether a style gives an element a picture behind it.
fn has_picture(node: &Node) -> bool {
    use style::values::generics::image::GenericImage as Image;
    node.element_data().is_some()
        && node.primary_styles().is_some_and(|styles| {
            let images = &styles.get_background().background_image.0;
            images.iter().any(|image| matches!(image, Image::Url(_)))
        })
}

/// Whether neither an element's visibility nor its opacity, or that of one around it, hides it.
pub(super) fn is_visible(document: &BaseDocument, id: NodeId) -> bool {
    let is_transparent = |node: &Node| {
        node.primary_styles().is_some_and(|styles| styles.get_effects().opacity <= 0.0)
    };
    let visible = document.get_node(id).and_then(Node::primary_styles);
    let around = core::iter::successors(document.get_node(id), |node| {
        node.parent.and_then(|parent| document.get_node(parent))
    });
    visible.is_none_or(|styles| styles.get_inherited_box().visibility == Visibility::Visible)
        && !around.into_iter().any(is_transparent)
}
