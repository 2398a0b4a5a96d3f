//! Form controls and other elements whose look is not a matter of style alone.

use blitz_dom::node::NodeData;
use blitz_dom::{BaseDocument, DocumentMutator, LocalName, NodeId, local_name};
use html5ever::Attribute;

use super::element::{attribute, computed, text};
use crate::engine::sheet;

/// A placeholder is shown as a value, marked for `ua.css`; a password as dots; a button without a
/// value has the browser's word on it.
pub(crate) fn input(attrs: &mut Vec<Attribute>) {
    // Blitz knows the types in lower case.
    for attr in attrs.iter_mut().filter(|attr| &*attr.name.local == "type") {
        attr.value = attr.value.trim().to_ascii_lowercase().into();
    }
    let kind = value(attrs, "type").map(str::to_ascii_lowercase).unwrap_or_default();
    let shown = value(attrs, "value").filter(|value| !value.is_empty()).map(str::to_owned);
    match (kind.as_str(), shown) {
        ("submit", None) => set(attrs, "value", "Submit"),
        ("reset", None) => set(attrs, "value", "Reset"),
        ("password", Some(secret)) => {
            let dots = "•".repeat(secret.chars().count().min(64));
            set(attrs, "value", &dots);
        }
        ("" | "text" | "password" | "email" | "number" | "search" | "tel" | "url", None) => {
            if let Some(placeholder) = value(attrs, "placeholder").map(str::to_owned) {
                set(attrs, "value", &placeholder);
                set(attrs, "roundtrip-placeholder", "");
            }
        }
        _ => {}
    }
}

/// `<progress>` and `<meter>` are a bar whose background is filled so far.
pub(crate) fn gauge(attrs: &mut Vec<Attribute>, color: &str) {
    let number = |name, otherwise| {
        value(attrs, name).and_then(|n| n.trim().parse::<f64>().ok()).unwrap_or(otherwise)
    };
    let (min, max) = (number("min", 0.0), number("max", 1.0));
    let share = (number("value", min) - min) / (max - min);
    if share.is_finite() {
        let percent = (share * 100.0).clamp(0.0, 100.0);
        let style =
            format!("background:linear-gradient(90deg,{color} {percent}%,#e9e9ed {percent}%);");
        prepend_style(attrs, &style);
    }
}

/// A video shows its poster.
pub(crate) fn poster(attrs: &mut Vec<Attribute>) {
    let Some(poster) = value(attrs, "poster").map(|url| url.trim().replace('"', "%22")) else {
        return;
    };
    if !poster.is_empty() && !poster.contains(['\\', '\n']) {
        let style = format!("background:url(\"{poster}\") center/contain no-repeat;");
        prepend_style(attrs, &style);
    }
}

/// Adds declarations that the author's own win over.
fn prepend_style(attrs: &mut Vec<Attribute>, style: &str) {
    let own = value(attrs, "style").unwrap_or_default().to_owned();
    set(attrs, "style", &format!("{style}{own}"));
}

fn value<'a>(attrs: &'a [Attribute], name: &str) -> Option<&'a str> {
    attrs.iter().find(|attr| &*attr.name.local == name).map(|attr| &*attr.value)
}

fn set(attrs: &mut Vec<Attribute>, name: &str, value: &str) {
    match attrs.iter_mut().find(|attr| &*attr.name.local == name) {
        Some(attr) => attr.value = value.into(),
        None => attrs.push(Attribute { name: attribute(name), value: value.into() }),
    }
}

/// A check box or radio button with `appearance: none` looks as the page says. Blitz paints its own over
/// it where the type is written in lower case, which matters to no selector.
pub(super) fn bare(document: &mut BaseDocument, elements: &[NodeId]) {
    let bare: Vec<(NodeId, String)> = elements
        .iter()
        .filter_map(|&id| {
            let kind = document.get_node(id)?.attr(local_name!("type"))?.to_ascii_uppercase();
            let native = matches!(kind.as_str(), "CHECKBOX" | "RADIO")
                && is_named(document, id, "input")
                && computed(document, id, sheet::APPEARANCE).starts_with("none");
            native.then_some((id, kind))
        })
        .collect();
    let mut mutator = document.mutate();
    for (id, kind) in bare {
        mutator.set_attribute(id, attribute("type"), &kind);
    }
}

/// What a closed `<details>` does not show is taken out of the tree: Blitz would show it.
pub(super) fn close_details(mutator: &mut DocumentMutator<'_>, id: NodeId) {
    let Some(node) = mutator.doc.get_node(id) else { return };
    if node.attr(LocalName::from("open")).is_some() {
        return;
    }
    let children: Vec<NodeId> = node.children.iter().copied().collect();
    let summary = children.iter().find(|&&child| is_named(mutator.doc, child, "summary")).copied();
    for child in children.into_iter().filter(|&child| Some(child) != summary) {
        mutator.remove_node(child);
    }
}

/// A `<select>` shows its choice, or the first of its options if it is a list.
pub(super) fn show_choice(mutator: &mut DocumentMutator<'_>, id: NodeId) {
    let options = options(mutator.doc, id);
    let Some(select) = mutator.doc.get_node(id) else { return };
    let size = select.attr(LocalName::from("size")).and_then(|n| n.trim().parse::<usize>().ok());
    let multiple = select.attr(LocalName::from("multiple")).is_some() || size > Some(1);
    let shown: Vec<NodeId> = if multiple {
        options.into_iter().take(size.unwrap_or(4).clamp(1, 64)).collect()
    } else {
        let selected = |id: &&NodeId| {
            mutator
                .doc
                .get_node(**id)
                .is_some_and(|node| node.attr(LocalName::from("selected")).is_some())
        };
        let chosen = options.iter().rev().find(selected).or(options.first());
        chosen.copied().into_iter().collect()
    };
    if multiple {
        mutator.set_attribute(id, attribute("multiple"), "");
    }
    let children: Vec<NodeId> =
        mutator.doc.get_node(id).map(|node| node.children.to_vec()).unwrap_or_default();
    for child in children {
        mutator.remove_node(child);
    }
    let texts: Vec<(NodeId, String)> =
        shown.into_iter().map(|option| (option, text(mutator.doc, option))).collect();
    for (option, shown) in texts {
        let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        // Taken out, not dropped: the mutator may remember a title or a style among them.
        for child in mutator.child_ids(option) {
            mutator.remove_node(child);
        }
        let text = mutator.create_text_node(&shown);
        mutator.append_children(option, &[text]);
        mutator.append_children(id, &[option]);
    }
}

/// The options of a `<select>`, those in groups too.
fn options(document: &BaseDocument, select: NodeId) -> Vec<NodeId> {
    let mut found = Vec::new();
    let mut stack = vec![select];
    while let Some(id) = stack.pop() {
        let Some(node) = document.get_node(id) else { continue };
        if is_named(document, id, "option") {
            found.push(id);
        } else {
            stack.extend(node.children.iter().rev());
        }
    }
    found
}

fn is_named(document: &BaseDocument, id: NodeId, name: &str) -> bool {
    matches!(
        document.get_node(id).map(|node| &node.data),
        Some(NodeData::Element(element)) if &*element.name.local == name
    )
}

/// An image that failed is its alternative text.
pub(super) fn show_alternative(mutator: &mut DocumentMutator<'_>, id: NodeId) {
    let Some(node) = mutator.doc.get_node(id) else { return };
    let alt = node.attr(local_name!("alt")).unwrap_or_default().trim().to_owned();
    if !alt.is_empty() && node.parent.is_some() {
        let text = mutator.create_text_node(&alt);
        mutator.insert_nodes_before(id, &[text]);
    }
}
