//! Boxes of inline elements. Blitz paints the background colour of inline text and nothing else of
//! its box: no padding, border, margin, image. A short one becomes an inline block that takes as
//! much room as it would: where it is on one line there is no difference to be seen.

use std::fmt::Write as _;

use blitz_dom::{BaseDocument, NodeId, ns};
use style::properties::LonghandId;

use super::super::inline_box;
use super::element::{add_style, computed, text, unresolved};

/// Characters up to which an element is taken to stand on one line.
const SHORT: usize = 32;
/// Elements inside that are looked at.
const INSIDE: usize = 16;

/// Makes inline blocks of the short inline elements that have a box to show.
pub(super) fn show_boxes(document: &mut BaseDocument, elements: &[NodeId]) {
    let boxes: Vec<(NodeId, String)> =
        elements.iter().filter_map(|&id| Some((id, inline_box(document, id)?))).collect();
    let mut mutator = document.mutate();
    for (id, style) in boxes {
        add_style(&mut mutator, id, &style);
    }
}

/// The declarations that make an inline block of an element; `None` if it is to stay as it is.
fn inline_box(document: &BaseDocument, id: NodeId) -> Option<String> {
    let node = document.get_node(id)?;
    if node.element_data()?.name.ns != ns!(html) {
        return None;
    }
    let style = node.primary_styles()?;
    if !inline_box::is_inline(node)
        || style.clone_position().is_absolutely_positioned()
        || style.clone_float().is_floating()
    {
        return None;
    }
    drop(style);
    let length = |property| pixels(&unresolved(document, id, property));
    let border = |width, style| {
        let none = matches!(unresolved(document, id, style).as_str(), "none" | "hidden");
        if none { 0.0 } else { length(width) }
    };
    let borders = [
        border(LonghandId::BorderTopWidth, LonghandId::BorderTopStyle),
        border(LonghandId::BorderRightWidth, LonghandId::BorderRightStyle),
        border(LonghandId::BorderBottomWidth, LonghandId::BorderBottomStyle),
        border(LonghandId::BorderLeftWidth, LonghandId::BorderLeftStyle),
    ];
    let top = length(LonghandId::PaddingTop) + borders[0];
    let bottom = length(LonghandId::PaddingBottom) + borders[2];
    let horizontal = [
        LonghandId::PaddingLeft,
        LonghandId::PaddingRight,
        LonghandId::MarginLeft,
        LonghandId::MarginRight,
    ];
    let horizontal = horizontal.into_iter().any(|property| length(property) != 0.0);
    let bordered = borders.iter().any(|&width| width > 0.0);
    let filled = computed(document, id, "background-color") != "rgba(0, 0, 0, 0)";
    let pictured = computed(document, id, "background-image") != "none";
    let shows = horizontal || bordered || pictured || filled && top + bottom > 0.0;
    if !shows || !is_one_short_line(document, id) || is_underlined_from_above(document, id) {
        return None;
    }
    // The room above and below an inline box is nobody's: the line is as high as without it.
    let mut out = String::from("display:inline-block!important;line-height:normal!important;");
    let _ = write!(out, "margin-top:{}px!important;", -top);
    let _ = write!(out, "margin-bottom:{}px!important;", -bottom);
    out.push_str("width:auto!important;height:auto!important;text-indent:0!important;");
    out.push_str("min-width:0!important;min-height:0!important;max-width:none!important;");
    Some(out)
}

/// Whether an element is an inline box, which goes on from line to line.
pub(super) fn is_inline(document: &BaseDocument, id: NodeId) -> bool {
    document.get_node(id).is_some_and(inline_box::is_inline)
}

/// Whether there is nothing inside but a few words, without spaces at the ends: an inline block
/// would swallow them.
fn is_one_short_line(document: &BaseDocument, id: NodeId) -> bool {
    let text = text(document, id);
    let trimmed = text.trim_ascii();
    if trimmed.is_empty() || trimmed.len() != text.len() || text.chars().count() > SHORT {
        return false;
    }
    let mut seen = 0;
    let mut stack = vec![id];
    while let Some(at) = stack.pop() {
        let Some(node) = document.get_node(at) else { return false };
        seen += 1;
        let plain = match node.element_data() {
            None => node.is_text_node(),
            Some(element) => {
                element.name.ns == ns!(html)
                    && !is_replaced(&element.name.local)
                    && is_inline(document, at)
            }
        };
        if !plain || seen > INSIDE {
            return false;
        }
        stack.extend(node.children.iter());
    }
    true
}

fn is_replaced(name: &str) -> bool {
    ["br", "wbr", "img", "input", "textarea", "select", "button", "video", "audio", "iframe"]
        .contains(&name)
        || ["canvas", "object", "embed", "progress", "meter"].contains(&name)
}

/// Whether an element around draws a line under its text: it would stop at an inline block.
fn is_underlined_from_above(document: &BaseDocument, id: NodeId) -> bool {
    let mut at = document.get_node(id).and_then(|node| node.parent);
    while let Some(above) = at {
        if computed(document, above, "text-decoration-line") != "none" {
            return true;
        }
        let parent = document.get_node(above).and_then(|node| node.parent);
        at = parent.filter(|_| is_inline(document, above));
    }
    false
}

/// A computed length in pixels; 0 for everything else.
fn pixels(value: &str) -> f32 {
    value.strip_suffix("px").and_then(|number| number.parse().ok()).unwrap_or(0.0)
}
