//! The page's policies, held against the styles of its markup as the tree grows: one that stands in the
//! markup is for what comes after it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use blitz_dom::NodeId;
use html5ever::{Attribute, QualName};

use crate::policy::{Csp, Disposition, Inline, PolicyText, Stands};

/// The policies so far, and the `<style>` elements that they concern.
pub(super) struct Rules {
    csp: RefCell<Rc<Csp>>,
    in_body: Cell<bool>,
    /// The line of the markup that is being read, from 1.
    line: Cell<u64>,
    styles: RefCell<Styles>,
}

/// `<style>` elements that a policy concerns.
#[derive(Default)]
pub(super) struct Styles(BTreeMap<u64, Style>);

/// A `<style>` element: the policies when it began, and its nonce.
pub(super) struct Style {
    csp: Rc<Csp>,
    nonce: Option<String>,
}

impl Rules {
    pub(super) fn new(of_head: &PolicyText) -> Self {
        Self {
            csp: RefCell::new(Rc::new(Csp::of(of_head))),
            in_body: Cell::new(false),
            line: Cell::new(0),
            styles: RefCell::default(),
        }
    }

    /// The parser has come to this line.
    pub(super) fn set_line(&self, line: u64) {
        self.line.set(line);
    }

    /// An element begins: takes up its policy, if it is one, and takes away a style that may not be applied.
    pub(super) fn begin(&self, name: &QualName, mut attrs: Vec<Attribute>) -> Vec<Attribute> {
        match &*name.local {
            "meta" if !self.in_body.get() => self.meta(&attrs),
            "body" | "frameset" => self.in_body.set(true),
            _ => {}
        }
        let csp = self.csp.borrow();
        if !csp.is_empty() {
            attrs.retain(|attr| {
                &*attr.name.local != "style"
                    || csp.inline(Inline::StyleAttribute, None, &attr.value).is_empty()
            });
        }
        attrs
    }

    fn meta(&self, attrs: &[Attribute]) {
        let of =
            |name| attrs.iter().find(|attr| &*attr.name.local == name).map(|attr| &*attr.value);
        let (Some(name), Some(content)) = (of("http-equiv"), of("content")) else { return };
        if name.eq_ignore_ascii_case("content-security-policy") {
            let mut csp = self.csp.borrow_mut();
            let stands = Stands::Meta { line: self.line.get() };
            Rc::make_mut(&mut csp).add(content, Disposition::Enforce, stands);
        }
    }

    /// A `<style>` element, where a policy may have something against it.
    pub(super) fn style(&self, name: &QualName, attrs: &[Attribute]) -> Option<Style> {
        let csp = Rc::clone(&self.csp.borrow());
        if &*name.local != "style" || csp.is_empty() {
            return None;
        }
        let nonce = attrs.iter().find(|attr| &*attr.name.local == "nonce");
        Some(Style { csp, nonce: nonce.map(|attr| attr.value.to_string()) })
    }

    /// Remembers it under its place in the tree.
    pub(super) fn keep(&self, id: NodeId, style: Style) {
        self.styles.borrow_mut().0.insert(id.as_u64(), style);
    }

    /// The policies of the page, and its `<style>` elements.
    pub(super) fn into_parts(self) -> (Rc<Csp>, Styles) {
        (self.csp.into_inner(), self.styles.into_inner())
    }
}

impl Styles {
    /// Whether the style sheet of an element may not be applied.
    pub(super) fn refuse(&self, id: NodeId, css: &str) -> bool {
        self.0.get(&id.as_u64()).is_some_and(|Style { csp, nonce }| {
            !csp.inline(Inline::Style, nonce.as_deref(), css).is_empty()
        })
    }
}
