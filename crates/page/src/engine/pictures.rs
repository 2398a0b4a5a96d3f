//! The pictures that styles name. A browser fetches those of what has a box, and those alone; the engine asks for
//! those of everything, and for those that it can draw alone.

use std::collections::BTreeSet;

use blitz_dom::{BaseDocument, NodeId};
use style::properties::ComputedValues;
use style::url::ComputedUrl;
use style::values::computed::Image;
use style::values::generics::image::GenericImage;
use url::Url;

use super::input::Input;
use super::outcome::Outcome;
use super::rendered::Rendered;
use crate::options::Viewport;
use crate::scan::fetchable;

/// Tells of what the engine lacks that which is wanted, what styles want besides, and which of it is in the
/// viewport.
pub(super) fn tell(
    document: &BaseDocument,
    input: &Input,
    missing: Vec<Url>,
    outcome: &mut Outcome,
) {
    let mut rendered = Rendered::default();
    let (mut shown, mut hidden) = (Vec::new(), BTreeSet::new());
    for (id, node) in document.tree().iter() {
        let Some(styles) = node.primary_styles() else { continue };
        let named = named(&styles);
        if named.is_empty() {
            continue;
        }
        if rendered.is(document, id) {
            if is_in_viewport(document, input, id) {
                outcome.visible.extend(named.iter().cloned());
            }
            shown.extend(named);
        } else {
            hidden.extend(named);
        }
    }
    for url in &shown {
        hidden.remove(url);
    }
    let mut wanted: Vec<Url> = missing.into_iter().filter(|url| !hidden.contains(url)).collect();
    let mut seen: BTreeSet<Url> = wanted.iter().cloned().collect();
    let came =
        |url: &Url| input.bytes.contains_key(url.as_str()) || input.failed.contains(url.as_str());
    wanted.extend(shown.into_iter().filter(|url| !came(url) && seen.insert(url.clone())));
    outcome.images = wanted;
}

/// Whether something of an element is to be seen without scrolling.
pub(super) fn is_in_viewport(document: &BaseDocument, input: &Input, id: NodeId) -> bool {
    let Some(place) = document.get_client_bounding_rect(id) else { return false };
    let Viewport { width, height } = input.options.viewport;
    let meets = |from: f64, length: f64, side: u32| from < f64::from(side) && from + length > 0.0;
    meets(place.x, place.width, width) && meets(place.y, place.height, height)
}

/// The pictures that the styles of an element name.
fn named(styles: &ComputedValues) -> Vec<Url> {
    let mut found = Vec::new();
    for image in &*styles.get_background().background_image.0 {
        addresses(image, &mut found);
    }
    for image in &*styles.get_svg().mask_image.0 {
        addresses(image, &mut found);
    }
    addresses(&styles.get_border().border_image_source, &mut found);
    // It is inherited by what is no item.
    if styles.get_box().display.is_list_item() {
        addresses(&styles.get_list().list_style_image, &mut found);
    }
    found
}

fn addresses(image: &Image, found: &mut Vec<Url>) {
    match image {
        GenericImage::Url(ComputedUrl::Valid(url)) => found.extend(fetchable((**url).clone())),
        GenericImage::ImageSet(set) => {
            if let Some(chosen) = set.items.get(set.selected_index) {
                addresses(&chosen.image, found);
            }
        }
        _ => {}
    }
}
