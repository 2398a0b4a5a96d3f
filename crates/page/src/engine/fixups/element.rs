//! An element as the repairs read and change it: attributes, styles, text.

use blitz_dom::{
    BaseDocument, DocumentMutator, LocalName, Namespace, Node, NodeId, QualName, local_name,
};
use style::properties::{LonghandId, PropertyDeclarationId};
use style::values::specified::box_::DisplayInside;

/// The name of an attribute in no namespace.
pub(crate) fn attribute(name: &str) -> QualName {
    QualName::new(None, Namespace::default(), LocalName::from(name))
}

/// Adds declarations to an element's `style` attribute, behind its own. A property that is set past
/// the attribute is lost when the attribute is written next: Blitz reads all of it again.
pub(crate) fn add_style(mutator: &mut DocumentMutator<'_>, id: NodeId, declarations: &str) {
    let own = mutator.doc.get_node(id).and_then(|node| node.attr(local_name!("style")));
    let style = format!("{};{declarations}", own.unwrap_or_default());
    mutator.set_attribute(id, attribute("style"), &style);
}

/// What is laid out inside an element, and how; `None` for one that is not displayed.
pub(super) fn inside(document: &BaseDocument, id: NodeId) -> Option<DisplayInside> {
    Some(document.get_node(id)?.primary_styles()?.clone_display().inside())
}

/// The text of everything below a node.
pub(super) fn text(document: &BaseDocument, id: NodeId) -> String {
    document.get_node(id).map(Node::text_content).unwrap_or_default()
}

/// A computed value before layout: a length may be in percent, which [`computed`] would resolve.
pub(super) fn unresolved(document: &BaseDocument, id: NodeId, property: LonghandId) -> String {
    match document.get_node(id).and_then(Node::primary_styles) {
        Some(style) => style.computed_value_to_string(PropertyDeclarationId::Longhand(property)),
        None => String::new(),
    }
}

/// A computed value, as `getComputedStyle` writes it; empty for an element that is not displayed:
/// Blitz would have to style it now, and Stylo allows that only inside a layout.
pub(super) fn computed(document: &BaseDocument, id: NodeId, property: &str) -> String {
    match document.get_node(id).and_then(Node::primary_styles) {
        Some(_) => document.resolved_style_value(id, property),
        None => String::new(),
    }
}
