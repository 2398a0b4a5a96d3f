//! Inline SVG. Blitz gives the painter of SVG its markup alone: what style sheets of the page say of
//! it is written in here, and text becomes outlines in the fonts of this run.

use std::fmt::Write as _;

use blitz_dom::{BaseDocument, Node, NodeId, local_name, ns};
use style::Atom;
use style::color::AbsoluteColor;

use super::element::{attribute, computed, text};
use crate::engine::images::{self, SvgFonts};
use crate::engine::sheet;

/// Properties that Stylo knows and that mean the same in SVG, and their values that need not be
/// written.
const SHARED: [(&str, &[&str]); 3] =
    [("opacity", &["1"]), ("visibility", &["visible"]), ("mix-blend-mode", &["normal"])];

/// Properties that matter to text only.
const OF_TEXT: [&str; 4] = ["font-family", "font-size", "font-style", "font-weight"];

/// Lets Stylo compute what it does not know: colours, so that every notation ends as one.
pub(super) fn register(document: &mut BaseDocument) {
    for property in ["fill", "stroke"] {
        let name = sheet::custom(property);
        let name = name.trim_start_matches('-');
        // What cannot be registered stays a string of tokens, as the others.
        let _ =
            document.register_custom_property(name, "<color> | none | <url>", true, Some("none"));
    }
}

/// Writes what style sheets say of the elements of every `<svg>` into their `style` attributes,
/// where the painter finds it.
pub(super) fn write_styles(document: &mut BaseDocument, elements: &[NodeId]) {
    let properties = sheet::SVG.map(Property::new);
    let mut styles = Vec::new();
    for &id in elements.iter().filter(|&&id| is_svg_element(document, id)) {
        let Some(node) = document.get_node(id) else { continue };
        let declarations = declarations(document, id, node.parent, &properties);
        if !declarations.is_empty() {
            // What the element itself says counts for more.
            let own = node.attr(local_name!("style")).unwrap_or_default();
            styles.push((id, format!("{declarations}{own}")));
        }
    }
    let mut mutator = document.mutate();
    for (id, style) in styles {
        mutator.set_attribute(id, attribute("style"), &style);
    }
}

/// A property of SVG, and the custom property that stands for it.
struct Property {
    name: &'static str,
    custom: String,
    /// As Stylo keeps it, without the dashes.
    atom: Atom,
}

impl Property {
    fn new(name: &'static str) -> Property {
        let custom = sheet::custom(name);
        let atom = Atom::from(custom.trim_start_matches('-'));
        Property { name, custom, atom }
    }
}

/// What differs from what the parent has: all else is inherited, or the element's own attributes
/// say it.
fn declarations(
    document: &BaseDocument,
    id: NodeId,
    parent: Option<NodeId>,
    properties: &[Property],
) -> String {
    let mut out = String::new();
    let Some(style) = document.get_node(id).and_then(Node::primary_styles) else { return out };
    if style.clone_display().is_none() {
        return "display:none;".to_owned();
    }
    let color = rgba(&style.clone_color());
    let parent_style = parent.and_then(|id| document.get_node(id)).and_then(Node::primary_styles);
    let of_parent = |property: &str| match parent {
        Some(parent) => computed(document, parent, property),
        None => String::new(),
    };
    for Property { name, custom, atom } in properties {
        let own = style.custom_properties().get_for_cssom(atom);
        let inherited =
            parent_style.as_ref().and_then(|style| style.custom_properties().get_for_cssom(atom));
        if own.is_none() || own == inherited {
            continue;
        }
        let value = computed(document, id, custom);
        let value = match value.as_str() {
            "currentcolor" | "currentColor" => color.clone(),
            _ => local_reference(&value).unwrap_or(value),
        };
        let _ = write!(out, "{name}:{value};");
    }
    let parent_color = parent_style.as_ref().map(|style| rgba(&style.clone_color()));
    let outermost = parent.is_none_or(|parent| !is_svg_element(document, parent));
    if outermost || parent_color.as_ref() != Some(&color) {
        let _ = write!(out, "color:{color};");
    }
    for (property, initial) in SHARED {
        let value = computed(document, id, property);
        if !initial.contains(&value.as_str()) && !outermost {
            let _ = write!(out, "{property}:{value};");
        }
    }
    if is_svg(document, id, "text") || is_svg(document, id, "tspan") {
        for property in OF_TEXT {
            let value = computed(document, id, property);
            if value != of_parent(property) {
                let _ = write!(out, "{property}:{};", value.replace('"', "'"));
            }
        }
    }
    out
}

/// `url(#a)` of an address that became absolute.
fn local_reference(value: &str) -> Option<String> {
    let inside = value.strip_prefix("url(")?.strip_suffix(')')?.trim_matches(['"', '\'']);
    let (_, fragment) = inside.split_once('#')?;
    Some(format!("url(#{fragment})"))
}

/// A colour as every painter reads it.
fn rgba(color: &AbsoluteColor) -> String {
    let color = color.into_srgb_legacy();
    let [red, green, blue] = [color.components.0, color.components.1, color.components.2]
        .map(|channel| (channel * 255.0).round());
    match color.alpha {
        1.0 => format!("rgb({red},{green},{blue})"),
        alpha => format!("rgba({red},{green},{blue},{alpha})"),
    }
}

fn is_svg_element(document: &BaseDocument, id: NodeId) -> bool {
    document
        .get_node(id)
        .and_then(|node| node.element_data())
        .is_some_and(|element| element.name.ns == ns!(svg))
}

/// Outlines the text of every `<svg>` in the document.
pub(super) fn outline_text(document: &mut BaseDocument, elements: &[NodeId], fonts: &mut SvgFonts) {
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
    let nested = parent.is_some_and(|parent| is_svg_element(document, parent));
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
