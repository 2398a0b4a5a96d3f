//! Pixels: Blitz's painter on Vello's CPU renderer, single-threaded.

use anyrender::{ImageRenderer, PaintScene};
use anyrender_vello_cpu::VelloCpuImageRenderer;
use blitz_dom::BaseDocument;
use kurbo::{Affine, Rect};
use peniko::{Color, Fill};

use super::note::LayoutNote;
use crate::limits;
use crate::options::{Extent, Options};
use crate::picture::{Picture, Png};

/// Paints a document that is laid out.
pub(super) fn draw(
    document: &mut BaseDocument,
    options: &Options,
    notes: &mut Vec<LayoutNote>,
) -> Picture {
    let scale = options.device_pixel_ratio();
    let device = |side: u32| (side as f32 * scale).round().max(1.0) as u32;
    let width = device(options.viewport.width).min(limits::PICTURE_HEIGHT);
    let wanted = match options.extent {
        Extent::Viewport => u64::from(device(options.viewport.height)),
        Extent::Full => page_height(document, f64::from(scale)),
    };
    let most = (limits::PICTURE_PIXELS / u64::from(width)).min(u64::from(limits::PICTURE_HEIGHT));
    let height = wanted.clamp(1, most) as u32;
    if u64::from(height) < wanted {
        notes.push(LayoutNote::PictureCut { page: wanted, shown: height });
    }
    let mut renderer = VelloCpuImageRenderer::new(width, height);
    let mut rgba = Vec::new();
    renderer.render_to_vec(
        |scene| {
            let canvas = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
            scene.fill(Fill::NonZero, Affine::IDENTITY, Color::WHITE, None, &canvas);
            if document.try_root_element().is_some() {
                blitz_paint::paint_scene(scene, document, f64::from(scale), width, height, 0, 0);
            }
        },
        &mut rgba,
    );
    Picture { width, height, rgba }
}

/// The viewport of a document that is laid out, as a picture for a row of pictures: as wide as it may be there, and
/// narrower where it takes too many bytes.
pub(super) fn frame(document: &mut BaseDocument, options: &Options) -> Png {
    let options = Options { extent: Extent::Viewport, ..options.clone() };
    // That a picture is cut is said of the one of the page.
    let whole = draw(document, &options, &mut Vec::new());
    let mut width = limits::FRAME_WIDTH.min(whole.width);
    loop {
        let small = whole.shrunk(width, limits::FRAME_HEIGHT);
        let file = Png { width: small.width, height: small.height, bytes: small.png().into() };
        if file.bytes.len() <= limits::FRAME || width <= 1 {
            return file;
        }
        width /= 2;
    }
}

/// The height of the whole page in device pixels, at least the viewport's.
fn page_height(document: &BaseDocument, scale: f64) -> u64 {
    let viewport = u64::from(document.viewport().window_size.1);
    let Some(root) = document.try_root_element() else { return viewport };
    let own = f64::from(root.final_layout().size.height) * scale;
    // Overflow is kept in device pixels, relative to the element.
    let overflow = root.scrollable_overflow().y1;
    viewport.max(own.max(overflow).ceil() as u64)
}
