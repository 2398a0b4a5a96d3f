//! Repairs of a parsed tree: what Blitz 0.3 does not do, or does otherwise than browsers.

use blitz_dom::node::NodeData;
use blitz_dom::{
    BaseDocument, DocumentMutator, LocalName, Namespace, Node, NodeId, QualName, local_name,
};
use style::computed_values::visibility::T as Visibility;
use url::Url;

use super::Input;
use crate::css;
use crate::media::Media;
use crate::scan::{fetchable, is_css};
use crate::srcset::{self, Source};

/// Where an `<img>`'s `src` waits until it is known which source the image takes.
pub(super) const SRC: &str = "roundtrip-src";

/// An image that is loaded only when it is near the viewport.
pub(super) struct LazyImage {
    pub(super) node: NodeId,
    pub(super) url: Url,
}

/// Repairs what must be right before Blitz reads the style elements and asks for images.
pub(super) fn repair(mutator: &mut DocumentMutator<'_>, input: &Input<'_>) -> Vec<LazyImage> {
    let media = Media::from(input.options);
    let mut lazy = Vec::new();
    for id in elements(mutator.doc) {
        let Some(node) = mutator.doc.get_node(id) else { continue };
        let Some(element) = node.element_data() else { continue };
        match &*element.name.local {
            "style" => style_element(mutator, id, media),
            "img" => lazy.extend(image(mutator, id, media, input)),
            _ => {}
        }
    }
    lazy
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
fn style_element(mutator: &mut DocumentMutator<'_>, id: NodeId, media: Media) {
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
    let css =
        if applies { css::scan(&whole, media).text.replace('&', "&amp;") } else { String::new() };
    for (index, (child, _)) in texts.iter().enumerate() {
        mutator.set_node_text(*child, if index == 0 { &css } else { "" });
    }
}

/// Gives an `<img>` the source it takes. A lazy one whose image has not come gets none yet.
fn image(
    mutator: &mut DocumentMutator<'_>,
    id: NodeId,
    media: Media,
    input: &Input<'_>,
) -> Option<LazyImage> {
    let document = &*mutator.doc;
    let node = document.get_node(id)?;
    let sources = picture_sources(document, node);
    let borrowed: Vec<Source<'_>> = sources.iter().map(|node| source(node, "src")).collect();
    let img = Source { media: None, mime: None, ..source(node, SRC) };
    let written = srcset::choose(&borrowed, img, media)?.to_owned();
    let lazy =
        node.attr(local_name!("loading")).is_some_and(|value| value.eq_ignore_ascii_case("lazy"));
    let url = input.base.join(&written).ok();
    if lazy
        && let Some(url) = url.and_then(fetchable)
        && !input.bytes.contains_key(url.as_str())
    {
        return Some(LazyImage { node: id, url });
    }
    let src = QualName::new(None, Namespace::default(), LocalName::from("src"));
    mutator.set_attribute(id, src, &written);
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
/// are made transparent. Tells whether there were any.
pub(super) fn hide_invisible_text(document: &mut BaseDocument) -> bool {
    let hidden: Vec<NodeId> = elements(document)
        .into_iter()
        .filter(|&id| is_hidden(document, id) && parent_is_visible(document, id))
        .collect();
    for &id in &hidden {
        for property in ["color", "background-color", "text-decoration-color"] {
            document.set_style_property(id, property, "transparent");
        }
    }
    !hidden.is_empty()
}

fn is_hidden(document: &BaseDocument, id: NodeId) -> bool {
    document
        .get_node(id)
        .and_then(Node::primary_styles)
        .is_some_and(|styles| styles.get_inherited_box().visibility != Visibility::Visible)
}

fn parent_is_visible(document: &BaseDocument, id: NodeId) -> bool {
    let parent = document.get_node(id).and_then(|node| node.parent);
    parent.is_some_and(|parent| !is_hidden(document, parent))
}

/// Blitz paints the root's background colour on the whole canvas, but its images and gradients
/// only on the root's own box, and the body's only on the body's. CSS Backgrounds 3, section
/// 2.11: the root's background, or the body's in its place, covers the canvas. Tells whether
/// something was changed.
pub(super) fn cover_canvas(document: &mut BaseDocument) -> bool {
    let Some(root) = document.try_root_element().map(|node| node.id) else { return false };
    let own = has_background_image(document, root);
    let body = document.find_body_node().map(|node| node.id);
    let from = match body {
        _ if own => root,
        Some(body)
            if has_background_image(document, body)
                && is_transparent(&document.resolved_style_value(root, "background-color")) =>
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
    let value = document.resolved_style_value(id, "background-image");
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
        let value = document.resolved_style_value(from, property);
        document.set_style_property(to, property, &value);
    }
    document.set_style_property(from, "background-image", "none");
    document.set_style_property(from, "background-color", "transparent");
}

/// A gradient without a size fills the root's box and repeats below it; the box is about to grow.
fn pin_gradient(document: &mut BaseDocument, root: NodeId, height: f32) {
    let fixed = document.resolved_style_value(root, "background-attachment") == "fixed";
    let gradient = document.resolved_style_value(root, "background-image").contains("gradient(");
    let size = document.resolved_style_value(root, "background-size");
    if gradient && !fixed && matches!(size.as_str(), "auto" | "auto auto") && height > 0.0 {
        document.set_style_property(root, "background-size", &format!("100% {height}px"));
    }
}
