//! `background-clip: text`. Blitz paints the background as a box and the text in its own colour,
//! which is as a rule transparent: a bar without words. The text gets the middle colour of the
//! background in its place.

use std::fmt::Write as _;

use blitz_dom::{BaseDocument, NodeId};

use super::element::{add_style, computed};
use crate::engine::sheet;

/// Colours the text of the elements whose background is clipped to it.
pub(super) fn color_text(document: &mut BaseDocument, elements: &[NodeId]) {
    let clipped: Vec<(NodeId, String)> =
        elements.iter().filter_map(|&id| Some((id, declarations(document, id)?))).collect();
    let mut mutator = document.mutate();
    for (id, style) in clipped {
        add_style(&mut mutator, id, &style);
    }
}

fn declarations(document: &BaseDocument, id: NodeId) -> Option<String> {
    if !computed(document, id, sheet::CLIP).contains("text") {
        return None;
    }
    let fill = computed(document, id, sheet::FILL);
    let color = if fill.is_empty() { computed(document, id, "color") } else { fill };
    let mut out = String::from("background:none!important;");
    if is_see_through(&color)
        && let Some([red, green, blue]) = middle(&computed(document, id, "background-image"))
            .or_else(|| middle(&computed(document, id, "background-color")))
    {
        let _ = write!(out, "color:rgb({red},{green},{blue})!important;");
    }
    Some(out)
}

fn is_see_through(color: &str) -> bool {
    let color = color.replace(' ', "").replace("!important", "");
    matches!(color.as_str(), "transparent" | "#0000" | "#00000000")
        || color.starts_with("rgba(") && (color.ends_with(",0)") || color.ends_with(",0.0)"))
}

/// The mean of the opaque colours that a computed value names.
fn middle(value: &str) -> Option<[u32; 3]> {
    let mut sum = [0; 3];
    let mut count = 0;
    for part in value.split("rgb").skip(1) {
        let inside = part.trim_start_matches('a').strip_prefix('(')?.split(')').next()?;
        let numbers: Vec<f64> =
            inside.split([',', ' ', '/']).filter_map(|number| number.parse().ok()).collect();
        let [red, green, blue, ..] = numbers[..] else { continue };
        if numbers.get(3).is_some_and(|&alpha| alpha < 0.5) {
            continue;
        }
        for (sum, channel) in sum.iter_mut().zip([red, green, blue]) {
            *sum += channel.clamp(0.0, 255.0) as u32;
        }
        count += 1;
    }
    (count > 0).then(|| sum.map(|channel| channel / count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_gradient_is_the_mean_of_its_colours() {
        let rows = [
            ("linear-gradient(90deg, rgb(255, 0, 0), rgb(0, 0, 255))", Some([127, 0, 127])),
            ("linear-gradient(rgba(9, 9, 9, 0), rgb(0, 100, 0) 40%)", Some([0, 100, 0])),
            ("rgba(1, 2, 3, 0.9)", Some([1, 2, 3])),
            ("none", None),
            ("url(\"a.png\")", None),
        ];
        for (value, expected) in rows {
            assert_eq!(middle(value), expected, "{value}");
        }
    }
}
