//! Table captions, which Blitz leaves out: each becomes a row of its own above or below the others,
//! with one cell across all columns.

use blitz_dom::{BaseDocument, LocalName, NodeId, QualName, ns};
use style::properties::LonghandId;
use style::values::specified::box_::DisplayOutside;

use super::element::{add_style, attribute, computed, unresolved};
use super::tables;

/// What a caption's cell has of the caption.
const SHOWN: [LonghandId; 6] = [
    LonghandId::BackgroundColor,
    LonghandId::TextAlign,
    LonghandId::PaddingTop,
    LonghandId::PaddingRight,
    LonghandId::PaddingBottom,
    LonghandId::PaddingLeft,
];

/// Makes rows of the captions of all tables.
pub(super) fn lay_out(document: &mut BaseDocument, elements: &[NodeId]) {
    let captions: Vec<(NodeId, usize, bool)> =
        elements.iter().filter_map(|&id| caption(document, id)).collect();
    for (caption, columns, below) in captions {
        let shown = SHOWN
            .map(|property| {
                format!("{}:{};", property.name(), unresolved(document, caption, property))
            })
            .concat();
        let mut mutator = document.mutate();
        let group = if below { "table-footer-group" } else { "table-header-group" };
        let content = mutator.child_ids(caption);
        let mut part = |style: &str| {
            let name = QualName::new(None, ns!(html), LocalName::from("roundtrip-generated"));
            let part = mutator.create_element(name, Vec::new());
            mutator.set_attribute(part, attribute("style"), style);
            part
        };
        let row = part("display:table-row");
        let cell = part(&format!("display:table-cell;border:0;{shown}"));
        // It is as wide as the table and does not make it wider.
        let inside = part("display:block;width:0;min-width:100%");
        mutator.set_attribute(cell, attribute("colspan"), &columns.to_string());
        mutator.append_children(inside, &content);
        mutator.append_children(cell, &[inside]);
        mutator.append_children(row, &[cell]);
        mutator.append_children(caption, &[row]);
        add_style(&mut mutator, caption, &format!("display:{group} !important"));
    }
}

/// Whether an element is a table's caption: of how many columns, and whether it stands below.
fn caption(document: &BaseDocument, id: NodeId) -> Option<(NodeId, usize, bool)> {
    let node = document.get_node(id)?;
    let outside = node.primary_styles()?.clone_display().outside();
    if outside != DisplayOutside::TableCaption {
        return None;
    }
    // A caption's row is the first of its group where there is more than one.
    if tables::caption(document, node.parent?) != Some(id) {
        return None;
    }
    let columns = tables::columns(document, node.parent?)?;
    let below = computed(document, id, "caption-side").contains("bottom");
    Some((id, columns, below))
}
