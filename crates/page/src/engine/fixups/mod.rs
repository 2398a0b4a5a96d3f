//! Repairs of a parsed tree: what Blitz 0.3 does not do, or does otherwise than browsers.
//!
//! [`repair`] works on the tree before it is styled, [`improve`] on the styles before it is laid out; the
//! style sheet `ua.css` does what a style sheet can.

mod canvas;
mod captions;
mod cells;
mod clip;
pub(super) mod controls;
mod counters;
pub(super) mod element;
mod floats;
mod inlines;
mod lists;
mod pictures;
mod pseudos;
mod svg;
mod tables;

use blitz_dom::node::NodeData;
use blitz_dom::{BaseDocument, DocumentMutator, LocalName, Node, NodeId, local_name};
use style::computed_values::visibility::T as Visibility;
use url::Url;

use super::images::SvgFonts;
use super::input::Input;
use super::policy::Styles;
use super::sheet::{self, Used};
use crate::css;
use crate::media::Media;
use crate::scan::{fetchable, is_css};
use crate::srcset::{self, Source};
use element::{add_style, attribute, computed};

/// Where an `<img>`'s `src` waits until it is known which source the image takes.
pub(super) const SRC: &str = "roundtrip-src";

/// An image that is loaded only when it is near the viewport.
pub(super) struct LazyImage {
    pub(super) node: NodeId,
    pub(super) url: Url,
}

/// Repairs what must be right before Blitz reads the style elements and asks for images.
pub(super) fn repair(
    mutator: &mut DocumentMutator<'_>,
    input: &Input,
    used: &Used,
    styles: &Styles,
) -> Vec<LazyImage> {
    let media = Media::from(&input.options);
    let mut lazy = Vec::new();
    for id in elements(mutator.doc) {
        let Some(node) = mutator.doc.get_node(id) else { continue };
        let Some(element) = node.element_data() else { continue };
        match &*element.name.local {
            "style" => style_element(mutator, id, media, used, styles),
            "img" => lazy.extend(image(mutator, id, media, input)),
            "details" => controls::close_details(mutator, id),
            "select" => controls::show_choice(mutator, id),
            _ => {}
        }
    }
    lazy
}

/// What has to be known before anything is styled.
pub(super) fn prepare(document: &mut BaseDocument) {
    svg::register(document);
    // As the properties they stand for, and unlike other custom properties, these are not inherited.
    for (name, initial) in [(sheet::CLIP, "border-box"), (sheet::APPEARANCE, "auto")] {
        let name = name.trim_start_matches('-');
        let _ = document.register_custom_property(name, "*", false, Some(initial));
    }
}

/// Repairs that depend on computed styles, before anything is laid out. `root_height` is the
/// height of the root in CSS pixels, if the page was laid out before. Tells whether it was not, and
/// how the canvas is covered depends on it.
pub(super) fn improve(
    document: &mut BaseDocument,
    svg_fonts: &mut SvgFonts,
    root_height: Option<f32>,
) -> bool {
    let elements = elements(document);
    hide_invisible_text(document, &elements);
    lists::number(document, &elements);
    cells::show(document, &elements);
    tables::fix_columns(document, &elements);
    tables::separate_partial_borders(document, &elements);
    captions::lay_out(document, &elements);
    controls::bare(document, &elements);
    clip::color_text(document, &elements);
    floats::stack_wide(document, &elements);
    pictures::limit_boxes(document, &elements);
    inlines::show_boxes(document, &elements);
    svg::write_styles(document, &elements);
    svg::outline_text(document, &elements, svg_fonts);
    pseudos::generate(document);
    canvas::cover(document, root_height)
}

/// The elements in document order.
fn elements(document: &BaseDocument) -> Vec<NodeId> {
    let mut found = Vec::new();
    let mut stack = vec![document.root_node().id];
    while let Some(id) = stack.pop() {
        let Some(node) = document.get_node(id) else { continue };
        if node.element_data().is_some() {
            found.push(id);
        }
        stack.extend(node.children.iter().rev());
    }
    found
}

/// Blitz ignores `media` and `type` on `<style>` and decodes entities in its text.
fn style_element(
    mutator: &mut DocumentMutator<'_>,
    id: NodeId,
    media: Media,
    used: &Used,
    styles: &Styles,
) {
    let Some(node) = mutator.doc.get_node(id) else { return };
    let applies = node.attr(local_name!("media")).is_none_or(|query| media.matches(query))
        && node.attr(local_name!("type")).is_none_or(is_css);
    let texts: Vec<(NodeId, String)> = node
        .children
        .iter()
        .filter_map(|&child| match &mutator.doc.get_node(child)?.data {
            NodeData::Text(text) => Some((child, text.content.clone())),
            _ => None,
        })
        .collect();
    let whole: String = texts.iter().map(|(_, text)| text.as_str()).collect();
    let css = if applies && !styles.refuse(id, &whole) {
        sheet::prepare(&css::scan(&whole, media).text, used).replace('&', "&amp;")
    } else {
        String::new()
    };
    for (index, (child, _)) in texts.iter().enumerate() {
        mutator.set_node_text(*child, if index == 0 { &css } else { "" });
    }
}

/// Gives an `<img>` the source it takes. A lazy one whose image has not come gets none yet.
fn image(
    mutator: &mut DocumentMutator<'_>,
    id: NodeId,
    media: Media,
    input: &Input,
) -> Option<LazyImage> {
    let document = &*mutator.doc;
    let node = document.get_node(id)?;
    let sources = picture_sources(document, node);
    let borrowed: Vec<Source<'_>> = sources.iter().map(|node| source(node, "src")).collect();
    let img = Source { media: None, mime: None, ..source(node, SRC) };
    let written = srcset::choose(&borrowed, img, media)?.to_owned();
    let lazy =
        node.attr(local_name!("loading")).is_some_and(|value| value.eq_ignore_ascii_case("lazy"));
    let url = input.base.join(&written).ok().and_then(fetchable);
    if lazy
        && let Some(url) = url.clone()
        && !input.bytes.contains_key(url.as_str())
    {
        return Some(LazyImage { node: id, url });
    }
    if url.is_some_and(|url| input.failed.contains(url.as_str())) {
        controls::show_alternative(mutator, id);
    }
    mutator.set_attribute(id, attribute("src"), &written);
    None
}

/// The `<source>`s before an `<img>` in its `<picture>`.
fn picture_sources<'a>(document: &'a BaseDocument, img: &Node) -> Vec<&'a Node> {
    let Some(parent) = img.parent.and_then(|id| document.get_node(id)) else { return Vec::new() };
    if !parent.data.is_element_with_tag_name(&local_name!("picture")) {
        return Vec::new();
    }
    parent
        .children
        .iter()
        .take_while(|&&id| id != img.id)
        .filter_map(|&id| document.get_node(id))
        .filter(|node| node.data.is_element_with_tag_name(&local_name!("source")))
        .collect()
}

fn source<'a>(node: &'a Node, src: &str) -> Source<'a> {
    Source {
        src: node.attr(LocalName::from(src)),
        srcset: node.attr(local_name!("srcset")),
        sizes: node.attr(local_name!("sizes")),
        media: node.attr(local_name!("media")),
        mime: node.attr(local_name!("type")),
    }
}

/// Blitz paints the text of inline elements whose `visibility` is not `visible`: their colours
/// are made transparent, and what is visible again inside them keeps its own. The declarations are
/// important, since those of the page may be.
fn hide_invisible_text(document: &mut BaseDocument, elements: &[NodeId]) {
    let mut added: Vec<(NodeId, String)> = Vec::new();
    for &id in elements {
        if is_hidden(document, id) {
            let hidden = ["color", "background-color", "text-decoration-color"];
            let hidden = hidden.map(|property| format!("{property}: transparent !important"));
            added.push((id, hidden.join("; ")));
        } else if parent_is_hidden(document, id) {
            added.push((id, format!("color: {} !important", computed(document, id, "color"))));
        }
    }
    let mut mutator = document.mutate();
    for (id, declarations) in added {
        add_style(&mut mutator, id, &declarations);
    }
}

fn is_hidden(document: &BaseDocument, id: NodeId) -> bool {
    document
        .get_node(id)
        .and_then(Node::primary_styles)
        .is_some_and(|styles| styles.get_inherited_box().visibility != Visibility::Visible)
}

fn parent_is_hidden(document: &BaseDocument, id: NodeId) -> bool {
    let parent = document.get_node(id).and_then(|node| node.parent);
    parent.is_some_and(|parent| is_hidden(document, parent))
}
