//! Rows whose children are no cells, which Blitz leaves out: pages for small screens turn the cells
//! of a table into blocks, one below the other.

use blitz_dom::{BaseDocument, Node, NodeId};
use style::values::specified::box_::{DisplayInside, DisplayOutside};

use super::element::{add_style, inside};

/// Makes blocks of the tables whose rows hold no cells, and cells of what stands in a row beside
/// cells.
pub(super) fn show(document: &mut BaseDocument, elements: &[NodeId]) {
    let mut added: Vec<(NodeId, &'static str)> = Vec::new();
    for &id in elements {
        if inside(document, id) != Some(DisplayInside::TableRow) {
            continue;
        }
        let others = others(document, id);
        if others.is_empty() {
            continue;
        }
        let cells = children(document, id)
            .any(|child| inside(document, child) == Some(DisplayInside::TableCell));
        if cells || others.len() == 1 {
            added.extend(others.into_iter().map(|other| (other, "display:table-cell !important")));
        } else {
            added.push((id, "display:block !important"));
            added.extend(ancestors(document, id).map(|above| (above, "display:block !important")));
        }
    }
    added.sort_unstable_by_key(|(id, _)| id.as_u64());
    added.dedup();
    let mut mutator = document.mutate();
    for (id, style) in added {
        add_style(&mut mutator, id, style);
    }
}

/// The children of a row that are neither cells nor out of the flow nor without a box.
fn others(document: &BaseDocument, row: NodeId) -> Vec<NodeId> {
    let is_other = |&id: &NodeId| {
        let Some(style) = document.get_node(id).and_then(Node::primary_styles) else {
            return false;
        };
        let display = style.clone_display();
        matches!(display.outside(), DisplayOutside::Block | DisplayOutside::Inline)
            && !matches!(display.inside(), DisplayInside::TableCell | DisplayInside::Contents)
            && !style.clone_position().is_absolutely_positioned()
    };
    children(document, row).filter(is_other).collect()
}

/// The groups and the table a row stands in.
fn ancestors(document: &BaseDocument, row: NodeId) -> impl Iterator<Item = NodeId> {
    let mut at = Some(row);
    let mut table = false;
    std::iter::from_fn(move || {
        if table {
            return None;
        }
        let parent = document.get_node(at?)?.parent?;
        at = Some(parent);
        let inside = inside(document, parent);
        table = inside == Some(DisplayInside::Table);
        let group = matches!(
            inside,
            Some(
                DisplayInside::TableRowGroup
                    | DisplayInside::TableHeaderGroup
                    | DisplayInside::TableFooterGroup
            )
        );
        (table || group).then_some(parent)
    })
}

fn children(document: &BaseDocument, id: NodeId) -> impl Iterator<Item = NodeId> {
    let children = document.get_node(id).map(|node| node.children.to_vec());
    children.unwrap_or_default().into_iter()
}
