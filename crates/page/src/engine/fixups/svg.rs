//! Text in inline SVG. Blitz sets it in whatever fonts the machine has; here it becomes outlines
//! in the fonts of this run.

use std::fmt::Write as _;

use blitz_dom::{BaseDocument, Node, NodeId, ns};

use super::{attribute, computed, text};
use crate::engine::images::{self, SvgFonts};

/// Outlines the text of every `<svg>` in the document.
pub(super) fn outline_text(
    document: &mut BaseDocument,
    elements: &[NodeId],
    fonts: &mut SvgFonts,
) {
    let with_text: Vec<NodeId> =
        elements.iter().copied().filter(|&id| has_text(document, id)).collect();
    for id in with_text {
        let Some(outlined) = source(document, id).and_then(|svg| images::outline(&svg, fonts).ok())
        else {
            continue;
        };
        let Some(inner) = inner(&outlined.svg) else { continue };
        let mut mutator = document.mutate();
        mutator.set_inner_html(id, inner);
        let view_box = format!("0 0 {} {}", outlined.width, outlined.height);
        mutator.set_attribute(id, attribute("viewBox"), &view_box);
    }
}

/// Whether this is an outermost `<svg>` with text in it.
fn has_text(document: &BaseDocument, id: NodeId) -> bool {
    let parent = document.get_node(id).and_then(|node| node.parent);
    let nested = parent
        .and_then(|parent| document.get_node(parent))
        .and_then(|parent| parent.element_data())
        .is_some_and(|parent| parent.name.ns == ns!(svg));
    let is_text =
        |id: NodeId| is_svg(document, id, "text") && !text(document, id).trim().is_empty();
    let displayed = document.get_node(id).and_then(Node::primary_styles).is_some();
    is_svg(document, id, "svg") && displayed && !nested && descendants(document, id).any(is_text)
}

fn is_svg(document: &BaseDocument, id: NodeId, name: &str) -> bool {
    document
        .get_node(id)
        .and_then(|node| node.element_data())
        .is_some_and(|element| element.name.ns == ns!(svg) && &*element.name.local == name)
}

fn descendants(document: &BaseDocument, id: NodeId) -> impl Iterator<Item = NodeId> {
    let mut stack = vec![id];
    std::iter::from_fn(move || {
        let next = stack.pop()?;
        stack.extend(document.get_node(next)?.children.iter().rev());
        Some(next)
    })
}

/// The element as a document of its own, with its namespaces and the colour `currentColor` means.
fn source(document: &BaseDocument, id: NodeId) -> Option<String> {
    let html = document.get_node(id)?.outer_html();
    let rest = html.strip_prefix("<svg")?;
    let tag = &rest[..rest.find('>')?];
    let mut out = String::from("<svg");
    for (name, value) in
        [("xmlns", "http://www.w3.org/2000/svg"), ("xmlns:xlink", "http://www.w3.org/1999/xlink")]
    {
        if !tag.contains(&format!(" {name}=")) {
            let _ = write!(out, " {name}=\"{value}\"");
        }
    }
    if !tag.contains(" color=") {
        let _ = write!(out, " color=\"{}\"", computed(document, id, "color"));
    }
    out.push_str(rest);
    Some(out)
}

/// What is between the outermost tags.
fn inner(svg: &str) -> Option<&str> {
    let start = svg.find("<svg")?;
    let open = start + svg[start..].find('>')? + 1;
    svg.get(open..svg.rfind("</svg")?)
}
