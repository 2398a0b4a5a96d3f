//! Generated content of inline elements inside inline elements: an icon or a quotation mark in a
//! link. Blitz makes `::before` and `::after` only for blocks and their direct children; here the
//! others become elements with the style that was computed for them.

use std::fmt::Write as _;

use blitz_dom::{BaseDocument, LocalName, NodeId, QualName, ns};
use style::properties::{ComputedValues, LonghandId, PropertyDeclarationId};
use style::servo_arc::Arc;
use style::values::computed::{Content, ContentItem};
use style::values::specified::box_::{DisplayInside, DisplayOutside};

use super::attribute;

/// What is carried over from the pseudo-element's computed style.
const PROPERTIES: [LonghandId; 30] = [
    LonghandId::Color,
    LonghandId::BackgroundColor,
    LonghandId::FontFamily,
    LonghandId::FontSize,
    LonghandId::FontWeight,
    LonghandId::FontStyle,
    LonghandId::LineHeight,
    LonghandId::LetterSpacing,
    LonghandId::TextTransform,
    LonghandId::TextDecorationLine,
    LonghandId::Display,
    LonghandId::Position,
    LonghandId::Float,
    LonghandId::Top,
    LonghandId::Right,
    LonghandId::Bottom,
    LonghandId::Left,
    LonghandId::Width,
    LonghandId::Height,
    LonghandId::MarginTop,
    LonghandId::MarginRight,
    LonghandId::MarginBottom,
    LonghandId::MarginLeft,
    LonghandId::PaddingTop,
    LonghandId::PaddingRight,
    LonghandId::PaddingBottom,
    LonghandId::PaddingLeft,
    LonghandId::Opacity,
    LonghandId::Transform,
    LonghandId::Visibility,
];

/// Elements that have no content of their own to generate beside.
const REPLACED: [&str; 13] = [
    "img", "input", "textarea", "select", "video", "audio", "iframe", "canvas", "svg", "object",
    "embed", "br", "hr",
];

/// Elements that may be added to one document.
const MOST: usize = 10_000;

enum Side {
    Before,
    After,
}

struct Generated {
    of: NodeId,
    side: Side,
    text: String,
    style: String,
}

/// Adds the generated content that Blitz left out. Tells whether there was any.
pub(super) fn generate(document: &mut BaseDocument, elements: &[NodeId]) -> bool {
    let missing: Vec<Generated> =
        elements.iter().flat_map(|&id| missing(document, id)).take(MOST).collect();
    let changed = !missing.is_empty();
    let mut mutator = document.mutate();
    for Generated { of, side, text, style } in missing {
        let name = QualName::new(None, ns!(html), LocalName::from("roundtrip-generated"));
        let element = mutator.create_element(name, Vec::new());
        mutator.set_attribute(element, attribute("style"), &style);
        let text = mutator.create_text_node(&text);
        mutator.append_children(element, &[text]);
        let first = mutator.child_ids(of).first().copied();
        match (side, first) {
            (Side::Before, Some(first)) => mutator.insert_nodes_before(first, &[element]),
            _ => mutator.append_children(of, &[element]),
        }
    }
    changed
}

/// What an inline element's pseudo-elements would show and do not.
fn missing(document: &BaseDocument, id: NodeId) -> Vec<Generated> {
    let Some(node) = document.get_node(id) else { return Vec::new() };
    let Some(stylo) = node.try_stylo_element_data() else { return Vec::new() };
    let Some(data) = stylo.get() else { return Vec::new() };
    if node.element_data().is_none_or(|element| REPLACED.contains(&&*element.name.local)) {
        return Vec::new();
    }
    let is_inline = data.styles.get_primary().is_some_and(|styles| {
        let display = styles.clone_display();
        (display.outside(), display.inside()) == (DisplayOutside::Inline, DisplayInside::Flow)
    });
    if !is_inline {
        return Vec::new();
    }
    // Stylo keeps ::after first.
    let [after, before, ..] = data.styles.pseudos.as_array();
    let generated = |side, style: &Option<Arc<ComputedValues>>, made: Option<NodeId>| {
        let style = style.as_ref().filter(|_| made.is_none())?;
        let text = text(style)?;
        Some(Generated { of: id, side, text, style: declarations(style) })
    };
    [generated(Side::Before, before, node.before()), generated(Side::After, after, node.after())]
        .into_iter()
        .flatten()
        .collect()
}

/// The strings of `content`; `None` if it has none.
fn text(style: &ComputedValues) -> Option<String> {
    let Content::Items(content) = &style.get_counters().content else { return None };
    let strings = content.items.iter().take(content.alt_start).filter_map(|item| match item {
        ContentItem::String(text) => Some(&**text),
        _ => None,
    });
    let text: String = strings.collect();
    (!text.is_empty()).then_some(text)
}

fn declarations(style: &ComputedValues) -> String {
    PROPERTIES.iter().fold(String::new(), |mut out, &property| {
        let value = style.computed_value_to_string(PropertyDeclarationId::Longhand(property));
        let _ = write!(out, "{}:{value};", property.name());
        out
    })
}
