//! Which elements are inline boxes.

use blitz_dom::Node;
use style::values::specified::box_::{DisplayInside, DisplayOutside};

/// Whether a node is an element whose box stands in a line, and goes on from one to the next.
pub(super) fn is_inline(node: &Node) -> bool {
    node.primary_styles().is_some_and(|styles| {
        let display = styles.clone_display();
        (display.outside(), display.inside()) == (DisplayOutside::Inline, DisplayInside::Flow)
    })
}
