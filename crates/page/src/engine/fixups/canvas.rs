//! The canvas: what lies behind the root element.

use blitz_dom::{BaseDocument, NodeId};

use super::computed;

/// Blitz paints the root's background colour on the whole canvas, but its images and gradients
/// only on the root's own box, and the body's only on the body's. CSS Backgrounds 3, section
/// 2.11: the root's background, or the body's in its place, covers the canvas. Tells whether
/// something was changed.
pub(super) fn cover(document: &mut BaseDocument) -> bool {
    let Some(root) = document.try_root_element().map(|node| node.id) else { return false };
    let own = has_background_image(document, root);
    let body = document.find_body_node().map(|node| node.id);
    let from = match body {
        _ if own => root,
        Some(body)
            if has_background_image(document, body)
                && is_transparent(&computed(document, root, "background-color")) =>
        {
            body
        }
        _ => return false,
    };
    let height = document.get_node(root).map_or(0.0, |node| node.final_layout().size.height);
    if from != root {
        move_background(document, from, root);
    }
    pin_gradient(document, root, height);
    document.set_style_property(root, "min-height", "100vh");
    true
}

fn has_background_image(document: &BaseDocument, id: NodeId) -> bool {
    let value = computed(document, id, "background-image");
    value.contains('(')
}

fn is_transparent(color: &str) -> bool {
    matches!(color, "" | "transparent" | "rgba(0, 0, 0, 0)")
}

fn move_background(document: &mut BaseDocument, from: NodeId, to: NodeId) {
    const PROPERTIES: [&str; 8] = [
        "background-color",
        "background-position-x",
        "background-position-y",
        "background-size",
        "background-repeat",
        "background-origin",
        "background-attachment",
        "background-image",
    ];
    for property in PROPERTIES {
        let value = computed(document, from, property);
        document.set_style_property(to, property, &value);
    }
    document.set_style_property(from, "background-image", "none");
    document.set_style_property(from, "background-color", "transparent");
}

/// A gradient without a size fills the root's box and repeats below it; the box is about to grow.
fn pin_gradient(document: &mut BaseDocument, root: NodeId, height: f32) {
    let fixed = computed(document, root, "background-attachment") == "fixed";
    let gradient = computed(document, root, "background-image").contains("gradient(");
    let size = computed(document, root, "background-size");
    if gradient && !fixed && matches!(size.as_str(), "auto" | "auto auto") && height > 0.0 {
        document.set_style_property(root, "background-size", &format!("100% {height}px"));
    }
}
