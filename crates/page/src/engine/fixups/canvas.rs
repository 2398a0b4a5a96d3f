//! The canvas: what lies behind the root element.
//!
//! The body's background goes to the root also where it is a colour: Blitz paints it on the canvas as
//! well, but then on the body once more, above what has a negative `z-index`.

use blitz_dom::{BaseDocument, NodeId};

use super::element::computed;

/// Blitz paints the root's background colour on the whole canvas, but its images and gradients
/// only on the root's own box, and the body's only on the body's. CSS Backgrounds 3, section
/// 2.11: the root's background, or the body's in its place, covers the canvas.
///
/// A gradient without a size fills the root's box and repeats below it, so where the root is lower
/// than the canvas its height has to be known. Tells whether that is the case and it is not.
pub(super) fn cover(document: &mut BaseDocument, root_height: Option<f32>) -> bool {
    let Some(root) = document.try_root_element().map(|node| node.id) else { return false };
    let color = |id| computed(document, id, "background-color");
    let body = document.find_body_node().map(|node| node.id);
    let own = has_background_image(document, root) || !is_transparent(&color(root));
    let from = match body {
        Some(body)
            if !own && (has_background_image(document, body) || !is_transparent(&color(body))) =>
        {
            body
        }
        _ => root,
    };
    if !has_background_image(document, from) {
        if from != root {
            move_background(document, from, root);
        }
        return false;
    }
    let fills_root = fills_root(document, from);
    if from != root {
        move_background(document, from, root);
    }
    if fills_root {
        match root_height {
            None => return true,
            Some(height) if height > 0.0 => {
                let size = format!("100% {height}px");
                document.set_style_property(root, "background-size", &size);
            }
            Some(_) => {}
        }
    }
    document.set_style_property(root, "min-height", "100vh");
    false
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

/// Whether an element has a gradient that is as large as the root's box.
fn fills_root(document: &BaseDocument, id: NodeId) -> bool {
    let fixed = computed(document, id, "background-attachment") == "fixed";
    let gradient = computed(document, id, "background-image").contains("gradient(");
    let size = computed(document, id, "background-size");
    gradient && !fixed && matches!(size.as_str(), "auto" | "auto auto")
}
