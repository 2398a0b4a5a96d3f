//! Which elements show content within the viewport, and how much of it (W3C Largest Contentful Paint, "effective
//! visual size"; W3C Paint Timing, "set of owned text nodes").
//!
//! Text counts as soon as it is laid out, whichever font it is then set in.

use std::collections::BTreeMap;

use blitz_dom::node::{ImageData, Status};
use blitz_dom::{BaseDocument, ElementData, Node, NodeId};
use kurbo::Rect;
use parley::PositionedLayoutItem;
use url::Url;

use super::input::Input;
use super::rendered::Rendered;
use super::shown::is_visible;
use crate::contentful::Candidate;

/// A picture with fewer bytes than this for each pixel that it covers is no content, but a background.
const LEAST_BYTES_A_PIXEL: f64 = 0.004;

/// All candidates of a document that is laid out, in the order of the tree, texts after pictures.
pub(super) fn candidates(document: &BaseDocument, input: &Input) -> Vec<Candidate> {
    let viewport = input.options.viewport;
    let viewport = Rect::new(0.0, 0.0, f64::from(viewport.width), f64::from(viewport.height));
    let eyes = Eyes { document, input, viewport };
    let mut rendered = Rendered::default();
    let (mut found, mut texts) = (Vec::new(), BTreeMap::new());
    for (id, node) in document.tree().iter() {
        let Some(element) = node.element_data() else { continue };
        if !rendered.is(document, id) || !is_visible(document, id) {
            continue;
        }
        found.extend(eyes.image(id, node, element));
        found.extend(eyes.backgrounds(id, element));
        if let Some((owner, rect)) = eyes.text(id, node, element) {
            texts
                .entry(owner.as_u64())
                .and_modify(|all: &mut Rect| *all = all.union(rect))
                .or_insert(rect);
        }
    }
    found.extend(texts.into_iter().filter_map(|(owner, rect)| eyes.text_candidate(owner, rect)));
    found
}

/// What looks at the elements.
struct Eyes<'a> {
    document: &'a BaseDocument,
    input: &'a Input,
    viewport: Rect,
}

impl Eyes<'_> {
    /// The picture of an `img` that has come.
    fn image(&self, id: NodeId, node: &Node, element: &ElementData) -> Option<Candidate> {
        if &*element.name.local != "img" {
            return None;
        }
        let natural = natural_area(element.image_data()?)?;
        let source = element.attrs().iter().find(|attr| &*attr.name.local == "src")?;
        let url = self.input.base.join(&source.value).ok()?;
        let layout = node.unrounded_layout();
        let border = self.border_box(id)?;
        let content = Rect::new(
            border.x0 + f64::from(layout.border.left + layout.padding.left),
            border.y0 + f64::from(layout.border.top + layout.padding.top),
            border.x1 - f64::from(layout.border.right + layout.padding.right),
            border.y1 - f64::from(layout.border.bottom + layout.padding.bottom),
        );
        self.picture(id, element, url, content, natural)
    }

    /// The pictures that styles put behind an element.
    fn backgrounds(&self, id: NodeId, element: &ElementData) -> Vec<Candidate> {
        let came = element.background_images.iter().flatten();
        let came = came.filter(|image| image.status == Status::Ok);
        came.filter_map(|image| {
            let natural = natural_area(&image.image)?;
            let url = Url::clone(&image.url);
            self.picture(id, element, url, self.border_box(id)?, natural)
        })
        .collect()
    }

    /// The text in the lines of one block, and the element that owns it.
    fn text(&self, id: NodeId, node: &Node, element: &ElementData) -> Option<(NodeId, Rect)> {
        let lines = element.inline_layout_data.as_ref()?;
        if !lines.text.chars().any(|letter| !letter.is_whitespace()) || is_transparent(node) {
            return None;
        }
        let (border, layout) = (self.border_box(id)?, node.unrounded_layout());
        let left = border.x0 + f64::from(layout.border.left + layout.padding.left);
        let top =
            border.y0 + f64::from(layout.border.top + layout.padding.top + lines.block_offset);
        let scale = f64::from(lines.layout.scale());
        let mut all: Option<Rect> = None;
        for line in lines.layout.lines() {
            let metrics = line.metrics();
            let (above, below) =
                (f64::from(metrics.block_min_coord), f64::from(metrics.block_max_coord));
            for item in line.items() {
                let PositionedLayoutItem::GlyphRun(run) = item else { continue };
                if run.advance() <= 0.0 {
                    continue;
                }
                let (from, to) = (f64::from(run.offset()), f64::from(run.offset() + run.advance()));
                let rect = Rect::new(
                    left + from / scale,
                    top + above / scale,
                    left + to / scale,
                    top + below / scale,
                );
                all = Some(all.map_or(rect, |all| all.union(rect)));
            }
        }
        Some((self.owner(id)?, all?))
    }

    /// The element that a block belongs to: the block itself, or the one around it where it is not an element's
    /// own but stands around some of its lines.
    fn owner(&self, id: NodeId) -> Option<NodeId> {
        let mut at = id;
        loop {
            let node = self.document.get_node(at)?;
            if node.is_element() && !node.is_anonymous() {
                return Some(at);
            }
            at = node.parent?;
        }
    }

    fn text_candidate(&self, owner: u64, rect: Rect) -> Option<Candidate> {
        let id = NodeId::from_u64(owner);
        let element = self.document.get_node(id)?.element_data()?;
        let (width, height, _) = self.seen(rect)?;
        Some(candidate(id, element, None, (width, height), width * height))
    }

    /// The candidate that a picture makes, drawn into `drawn`; `None` where it is no content.
    fn picture(
        &self,
        id: NodeId,
        element: &ElementData,
        url: Url,
        drawn: Rect,
        natural: f64,
    ) -> Option<Candidate> {
        let (width, height, size) = self.seen(drawn)?;
        let held = self.input.bytes.get(url.as_str()).map(|bytes| bytes.len() as f64);
        if held.is_some_and(|held| held < size * LEAST_BYTES_A_PIXEL) {
            return None;
        }
        let size = size / (drawn.area() / natural).max(1.0);
        Some(candidate(id, element, Some(url), (width, height), size))
    }

    /// How much of a rectangle is within the viewport: width, height and area, in whole pixels. `None` where
    /// that is nothing, or all of the viewport: what fills it is taken for a background.
    fn seen(&self, rect: Rect) -> Option<(f64, f64, f64)> {
        let seen = rect.intersect(self.viewport);
        let (width, height) = (seen.width().ceil(), seen.height().ceil());
        let size = width * height;
        (width > 0.0 && height > 0.0 && size < self.viewport.area())
            .then_some((width, height, size))
    }

    /// Where an element is in the viewport.
    fn border_box(&self, id: NodeId) -> Option<Rect> {
        let rect = self.document.get_client_bounding_rect(id)?;
        Some(Rect::new(rect.x, rect.y, rect.x + rect.width, rect.y + rect.height))
    }
}

fn candidate(
    id: NodeId,
    element: &ElementData,
    url: Option<Url>,
    (width, height): (f64, f64),
    size: f64,
) -> Candidate {
    Candidate {
        node: id.as_u64(),
        element: element.name.local.to_ascii_lowercase().to_string(),
        url,
        width: width as u32,
        height: height as u32,
        size: size.round() as u64,
    }
}

/// Width by height of a picture as it is itself; `None` where it has none or has not come.
fn natural_area(image: &ImageData) -> Option<f64> {
    let area = match image {
        ImageData::Raster(raster) => f64::from(raster.width) * f64::from(raster.height),
        ImageData::Svg(svg) => {
            f64::from(svg.tree.size().width()) * f64::from(svg.tree.size().height())
        }
        ImageData::None => return None,
    };
    (area > 0.0).then_some(area)
}

/// Whether text of this element has a colour that is not to be seen.
fn is_transparent(node: &Node) -> bool {
    node.primary_styles().is_some_and(|styles| styles.clone_color().alpha <= 0.0)
}
