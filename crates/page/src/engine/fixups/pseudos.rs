//! Generated content that Blitz leaves out or shows otherwise: `::before` and `::after` of inline
//! elements inside inline elements, blocks among text, counters, quotation marks and images. These
//! become elements with the style that was computed for them, and Blitz is told to make none.

use std::fmt::Write as _;

use blitz_dom::{BaseDocument, DocumentMutator, LocalName, NodeId, QualName, local_name, ns};
use style::properties::{ComputedValues, LonghandId, PropertyDeclarationId};
use style::servo_arc::Arc;
use style::values::computed::{Content, ContentItem, Image};
use style::values::specified::box_::{DisplayInside, DisplayOutside};
use url::Url;

use super::counters::Counters;
use super::element::attribute;
use super::inlines::is_inline;

/// What is carried over from the pseudo-element's computed style.
const PROPERTIES: [LonghandId; 87] = [
    LonghandId::Color,
    LonghandId::FontFamily,
    LonghandId::FontSize,
    LonghandId::FontWeight,
    LonghandId::FontStyle,
    LonghandId::LineHeight,
    LonghandId::LetterSpacing,
    LonghandId::WordSpacing,
    LonghandId::TextTransform,
    LonghandId::TextAlign,
    LonghandId::TextIndent,
    LonghandId::TextDecorationLine,
    LonghandId::WhiteSpaceCollapse,
    LonghandId::TextWrapMode,
    LonghandId::AlignmentBaseline,
    LonghandId::BaselineShift,
    LonghandId::Display,
    LonghandId::Position,
    LonghandId::Float,
    LonghandId::Clear,
    LonghandId::ZIndex,
    LonghandId::Top,
    LonghandId::Right,
    LonghandId::Bottom,
    LonghandId::Left,
    LonghandId::BoxSizing,
    LonghandId::Width,
    LonghandId::Height,
    LonghandId::MinWidth,
    LonghandId::MinHeight,
    LonghandId::MaxWidth,
    LonghandId::MaxHeight,
    LonghandId::AspectRatio,
    LonghandId::MarginTop,
    LonghandId::MarginRight,
    LonghandId::MarginBottom,
    LonghandId::MarginLeft,
    LonghandId::PaddingTop,
    LonghandId::PaddingRight,
    LonghandId::PaddingBottom,
    LonghandId::PaddingLeft,
    LonghandId::BorderTopStyle,
    LonghandId::BorderRightStyle,
    LonghandId::BorderBottomStyle,
    LonghandId::BorderLeftStyle,
    LonghandId::BorderTopWidth,
    LonghandId::BorderRightWidth,
    LonghandId::BorderBottomWidth,
    LonghandId::BorderLeftWidth,
    LonghandId::BorderTopColor,
    LonghandId::BorderRightColor,
    LonghandId::BorderBottomColor,
    LonghandId::BorderLeftColor,
    LonghandId::BorderTopLeftRadius,
    LonghandId::BorderTopRightRadius,
    LonghandId::BorderBottomRightRadius,
    LonghandId::BorderBottomLeftRadius,
    LonghandId::BackgroundColor,
    LonghandId::BackgroundImage,
    LonghandId::BackgroundPositionX,
    LonghandId::BackgroundPositionY,
    LonghandId::BackgroundSize,
    LonghandId::BackgroundRepeat,
    LonghandId::BackgroundOrigin,
    LonghandId::BackgroundClip,
    LonghandId::BoxShadow,
    LonghandId::Opacity,
    LonghandId::Transform,
    LonghandId::TransformOrigin,
    LonghandId::Visibility,
    LonghandId::OverflowX,
    LonghandId::OverflowY,
    LonghandId::FlexDirection,
    LonghandId::FlexWrap,
    LonghandId::FlexGrow,
    LonghandId::FlexShrink,
    LonghandId::FlexBasis,
    LonghandId::AlignItems,
    LonghandId::AlignSelf,
    LonghandId::AlignContent,
    LonghandId::JustifyContent,
    LonghandId::JustifySelf,
    LonghandId::RowGap,
    LonghandId::ColumnGap,
    LonghandId::Order,
    LonghandId::ClipPath,
    LonghandId::MaskImage,
];

/// Elements that have no content of their own to generate beside.
const REPLACED: [&str; 13] = [
    "img", "input", "textarea", "select", "video", "audio", "iframe", "canvas", "svg", "object",
    "embed", "br", "hr",
];

/// Elements that may be added to one document.
const MOST: usize = 10_000;

#[derive(Clone, Copy)]
enum Side {
    Before,
    After,
}

impl Side {
    /// The attribute by which `ua.css` knows that there is an element for it.
    fn taken(self) -> &'static str {
        match self {
            Side::Before => "roundtrip-before",
            Side::After => "roundtrip-after",
        }
    }
}

/// A piece of generated content.
enum Piece {
    Text(String),
    Image(Url),
}

struct Generated {
    of: NodeId,
    side: Side,
    pieces: Vec<Piece>,
    style: String,
}

/// Adds the generated content that Blitz would leave out or show otherwise.
pub(super) fn generate(document: &mut BaseDocument) {
    let root = document.root_node().id;
    let mut walk = Walk { document, counters: Counters::default(), found: Vec::new() };
    walk.element(root, None);
    let found = walk.found;
    let mut mutator = document.mutate();
    for generated in found {
        add(&mut mutator, generated);
    }
}

fn add(mutator: &mut DocumentMutator<'_>, generated: Generated) {
    let Generated { of, side, pieces, style } = generated;
    let name = QualName::new(None, ns!(html), LocalName::from("roundtrip-generated"));
    let element = mutator.create_element(name, Vec::new());
    for (name, value) in
        [("style", style.as_str()), (Side::Before.taken(), ""), (Side::After.taken(), "")]
    {
        mutator.set_attribute(element, attribute(name), value);
    }
    for piece in pieces {
        let child = match piece {
            Piece::Text(text) => mutator.create_text_node(&text),
            Piece::Image(url) => {
                let name = QualName::new(None, ns!(html), local_name!("img"));
                let image = mutator.create_element(name, Vec::new());
                mutator.set_attribute(image, attribute("src"), url.as_str());
                image
            }
        };
        mutator.append_children(element, &[child]);
    }
    let first = mutator.child_ids(of).first().copied();
    match (side, first) {
        (Side::Before, Some(first)) => mutator.insert_nodes_before(first, &[element]),
        _ => mutator.append_children(of, &[element]),
    }
    mutator.set_attribute(of, attribute(side.taken()), "");
}

/// The document walked through in its order, since counters depend on it.
struct Walk<'a> {
    document: &'a BaseDocument,
    counters: Counters,
    found: Vec<Generated>,
}

impl Walk<'_> {
    fn element(&mut self, id: NodeId, parent: Option<NodeId>) {
        let Some(node) = self.document.get_node(id) else { return };
        let style = node.primary_styles().map(|style| style.clone());
        if style.as_ref().is_some_and(|style| style.clone_display().is_none()) {
            return;
        }
        if let Some(style) = &style {
            self.counters.enter(parent, style);
        }
        let [before, after] = pseudos(self.document, id);
        self.pseudo(id, Side::Before, before);
        for &child in &node.children {
            self.element(child, Some(id));
        }
        self.pseudo(id, Side::After, after);
        self.counters.leave(id);
    }

    fn pseudo(&mut self, of: NodeId, side: Side, style: Option<Arc<ComputedValues>>) {
        let Some(style) = style else { return };
        let Content::Items(content) = &style.get_counters().content else { return };
        self.counters.enter(Some(of), &style);
        let mut plain = true;
        let mut pieces = Vec::new();
        for item in content.items.iter().take(content.alt_start) {
            let text = self.counters.text(item);
            plain &= matches!(item, ContentItem::String(_));
            match item {
                ContentItem::Image(image) => pieces.extend(address(image).map(Piece::Image)),
                _ if text.is_empty() => {}
                _ => pieces.push(Piece::Text(text)),
            }
        }
        let wanted = !plain
            || is_nested_inline(self.document, of) && !pieces.is_empty()
            || is_block(&style) && holds_text(self.document, of);
        if wanted && self.found.len() < MOST {
            let style = declarations(&style);
            self.found.push(Generated { of, side, pieces, style });
        }
    }
}

/// The styles of an element's `::before` and `::after`.
fn pseudos(document: &BaseDocument, id: NodeId) -> [Option<Arc<ComputedValues>>; 2] {
    let none = [None, None];
    let Some(node) = document.get_node(id) else { return none };
    if node.element_data().is_none_or(|element| REPLACED.contains(&&*element.name.local)) {
        return none;
    }
    let Some(styled) = node.try_stylo_element_data() else { return none };
    let Some(data) = styled.get() else { return none };
    // Stylo keeps ::after first.
    let [after, before, ..] = data.styles.pseudos.as_array();
    [before.clone(), after.clone()]
}

/// The address of an image in `content`.
fn address(image: &Image) -> Option<Url> {
    match image {
        Image::Url(url) => Some((**url.url()?).clone()),
        _ => None,
    }
}

/// Whether this is an inline element in another: there Blitz makes no pseudo-elements.
fn is_nested_inline(document: &BaseDocument, id: NodeId) -> bool {
    let parent = document.get_node(id).and_then(|node| node.parent);
    is_inline(document, id) && parent.is_some_and(|parent| is_inline(document, parent))
}

/// Whether a pseudo-element is a block in the flow.
fn is_block(style: &ComputedValues) -> bool {
    let display = style.clone_display();
    display.outside() == DisplayOutside::Block
        && display.inside() != DisplayInside::Table
        && !style.clone_position().is_absolutely_positioned()
        && !style.clone_float().is_floating()
}

/// Whether a block holds text and no blocks: there Blitz lays a block out as a part of the line.
fn holds_text(document: &BaseDocument, id: NodeId) -> bool {
    let Some(node) = document.get_node(id) else { return false };
    let block = node.primary_styles().is_some_and(|style| {
        let inside = style.clone_display().inside();
        matches!(inside, DisplayInside::Flow | DisplayInside::FlowRoot | DisplayInside::TableCell)
    });
    let mut lines = false;
    for &child in &node.children {
        let Some(child) = document.get_node(child) else { continue };
        match child.primary_styles() {
            None => lines |= child.is_text_node() && !child.is_whitespace_node(),
            Some(style) => match style.clone_display().outside() {
                DisplayOutside::Inline => lines = true,
                DisplayOutside::None => {}
                _ => return false,
            },
        }
    }
    block && lines && !is_inline(document, id)
}

fn declarations(style: &ComputedValues) -> String {
    PROPERTIES.iter().fold(String::new(), |mut out, &property| {
        let value = style.computed_value_to_string(PropertyDeclarationId::Longhand(property));
        let _ = write!(out, "{}:{value};", property.name());
        out
    })
}
