//! Parsing into Blitz's tree, with the repairs that must be made while it grows.
//!
//! Blitz's own sink is wrapped: the wrapper chooses the parser by `Content-Type` (Blitz guesses
//! from the doctype and sends XHTML served as HTML to an XML parser), keeps the tree within
//! [`limits`], and hides from Blitz what it would load wrongly.

use std::borrow::Cow;
use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use blitz_dom::{BaseDocument, NodeId, UserAgentStylesheet};
use blitz_html::DocumentHtmlParser;
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::tokenizer::TokenizerOpts;
use html5ever::tree_builder::{ElementFlags, NodeOrText, QuirksMode, TreeBuilderOpts, TreeSink};
use html5ever::{Attribute, LocalName, ParseOpts, QualName};
use url::Url;

use super::fixups::{self, LazyImage, controls};
use super::hints::{self, Hints};
use super::input::{Input, Syntax};
use super::note::LayoutNote;
use super::outcome::Outcome;
use super::policy::Rules;
use super::sheet::Used;
use crate::limits;
use crate::media::Media;
use crate::options::Reader;
use crate::policy::Csp;
use crate::scan::link_applies;

/// How much markup the parser gets before the limits are looked at.
const PIECE: usize = 16 << 10;

/// Parses the markup into the document and repairs the tree. Gives the lazy images, the classes and ids
/// that style sheets can match, and the policies of the page.
pub(super) fn parse(
    document: &mut BaseDocument,
    input: &Input,
    outcome: &mut Outcome,
) -> (Vec<LazyImage>, Used, Rc<Csp>) {
    let growth = Growth::default();
    let rules = Rules::new(&input.policy);
    let mut mutator = document.mutate();
    let sink = Sink {
        inner: DocumentHtmlParser::new(&mut mutator),
        growth: &growth,
        rules: &rules,
        media: Media::from(&input.options),
        base: &input.base,
    };
    outcome.laid_out = match input.syntax {
        Syntax::Html => parse_html(sink, &input.markup, input.options.reader),
        Syntax::Xml => parse_xml(sink, &input.markup),
    };
    if growth.flattened.get() > 0 {
        outcome.notes.push(LayoutNote::Flattened { elements: growth.flattened.get() });
    }
    let used = Used::of(mutator.doc);
    let (csp, styles) = rules.into_parts();
    let lazy = fixups::repair(&mut mutator, input, &used, &styles);
    // The mutator's end makes Blitz read the style elements.
    drop(mutator);
    let hints = UserAgentStylesheet::parse(&growth.hints.borrow().sheet(growth.quirks.get()));
    document.add_user_agent_stylesheet(hints);
    (lazy, used, csp)
}

fn parse_html(sink: Sink<'_, '_, '_>, markup: &str, reader: Reader) -> usize {
    let options = ParseOpts {
        tokenizer: TokenizerOpts::default(),
        tree_builder: TreeBuilderOpts {
            scripting_enabled: reader == Reader::Browser,
            drop_doctype: true,
            ..TreeBuilderOpts::default()
        },
    };
    let mut parser = html5ever::parse_document(sink, options);
    let mut rest = markup;
    while !rest.is_empty() && !parser.tokenizer.sink.sink.is_full() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE));
        parser.process(StrTendril::from_slice(piece));
        rest = after;
    }
    parser.finish();
    markup.len() - rest.len()
}

fn parse_xml(sink: Sink<'_, '_, '_>, markup: &str) -> usize {
    let mut parser =
        xml5ever::driver::parse_document(sink, xml5ever::driver::XmlParseOpts::default());
    parser.process(StrTendril::from_slice(markup));
    parser.finish();
    markup.len()
}

/// How the tree grows.
#[derive(Default)]
struct Growth {
    elements: Cell<usize>,
    flattened: Cell<usize>,
    /// Of each element its parent and depth.
    places: RefCell<BTreeMap<u64, (NodeId, usize)>>,
    hints: RefCell<Hints>,
    quirks: Cell<bool>,
}

struct Sink<'g, 'm, 'd> {
    inner: DocumentHtmlParser<'m, 'd>,
    growth: &'g Growth,
    rules: &'g Rules,
    media: Media,
    base: &'g Url,
}

impl Sink<'_, '_, '_> {
    fn is_full(&self) -> bool {
        self.growth.elements.get() >= limits::ELEMENTS
            || self.growth.flattened.get() >= limits::FLATTENED
    }

    /// Where a child of `parent` goes so that the tree does not grow too deep: as Blink does, up
    /// to the nearest ancestor that is shallow enough.
    fn place(&self, parent: NodeId, child: &NodeOrText<NodeId>) -> NodeId {
        let NodeOrText::AppendNode(child) = child else { return parent };
        let mut places = self.growth.places.borrow_mut();
        let mut target = parent;
        let mut depth = places.get(&target.as_u64()).map_or(0, |place| place.1);
        if depth >= limits::DEPTH {
            self.growth.flattened.set(self.growth.flattened.get() + 1);
        }
        while depth >= limits::DEPTH
            && let Some(&(above, own)) = places.get(&target.as_u64())
        {
            target = above;
            depth = own - 1;
        }
        places.insert(child.as_u64(), (target, depth + 1));
        target
    }

    /// The attributes as Blitz should see them.
    fn attributes(&self, name: &QualName, mut attrs: Vec<Attribute>) -> Vec<Attribute> {
        let value = |attrs: &[Attribute], name: &str| {
            attrs.iter().find(|attr| &*attr.name.local == name).map(|attr| attr.value.clone())
        };
        match &*name.local {
            "link" => {
                let applies = value(&attrs, "media").is_none_or(|query| self.media.matches(&query))
                    && link_applies(
                        &value(&attrs, "rel").unwrap_or_default(),
                        value(&attrs, "type").as_deref(),
                        value(&attrs, "disabled").is_some(),
                    );
                if !applies {
                    attrs.retain(|attr| &*attr.name.local != "href");
                }
                for attr in attrs.iter_mut().filter(|attr| &*attr.name.local == "rel") {
                    attr.value = attr.value.to_ascii_lowercase().into();
                }
            }
            // Blitz would load a nested document.
            "iframe" => attrs.retain(|attr| !matches!(&*attr.name.local, "src" | "srcdoc")),
            // Which of its sources an image takes is known when its element is in place.
            "img" => {
                for attr in attrs.iter_mut().filter(|attr| &*attr.name.local == "src") {
                    attr.name.local = LocalName::from(fixups::SRC);
                }
            }
            "input" => controls::input(&mut attrs),
            "progress" => controls::gauge(&mut attrs, "var(--roundtrip-accent,#0075ff)"),
            "meter" => controls::gauge(&mut attrs, "#107c10"),
            "video" => controls::poster(&mut attrs),
            _ => {}
        }
        hints::background(&mut attrs);
        self.growth.hints.borrow_mut().read(&name.local, &mut attrs, self.base);
        attrs
    }
}

impl TreeSink for Sink<'_, '_, '_> {
    type Handle = NodeId;
    type Output = ();
    type ElemName<'a>
        = Ref<'a, QualName>
    where
        Self: 'a;

    fn finish(self) {
        self.inner.finish();
    }

    fn parse_error(&self, _message: Cow<'static, str>) {}

    fn set_current_line(&self, line: u64) {
        self.rules.set_line(line);
    }

    fn get_document(&self) -> NodeId {
        self.inner.get_document()
    }

    fn elem_name<'a>(&'a self, target: &'a NodeId) -> Ref<'a, QualName> {
        self.inner.elem_name(target)
    }

    fn create_element(&self, name: QualName, attrs: Vec<Attribute>, flags: ElementFlags) -> NodeId {
        self.growth.elements.set(self.growth.elements.get() + 1);
        let attrs = self.rules.begin(&name, attrs);
        let style = self.rules.style(&name, &attrs);
        let attrs = self.attributes(&name, attrs);
        let id = self.inner.create_element(name, attrs, flags);
        if let Some(style) = style {
            self.rules.keep(id, style);
        }
        id
    }

    fn create_comment(&self, _text: StrTendril) -> NodeId {
        self.inner.create_comment(StrTendril::new())
    }

    fn create_pi(&self, target: StrTendril, data: StrTendril) -> NodeId {
        self.inner.create_pi(target, data)
    }

    fn append(&self, parent: &NodeId, child: NodeOrText<NodeId>) {
        let target = self.place(*parent, &child);
        self.inner.append(&target, child);
    }

    fn append_before_sibling(&self, sibling: &NodeId, new_node: NodeOrText<NodeId>) {
        if let NodeOrText::AppendNode(child) = &new_node {
            let mut places = self.growth.places.borrow_mut();
            if let Some(place) = places.get(&sibling.as_u64()).copied() {
                places.insert(child.as_u64(), place);
            }
        }
        self.inner.append_before_sibling(sibling, new_node);
    }

    fn append_based_on_parent_node(
        &self,
        element: &NodeId,
        previous: &NodeId,
        child: NodeOrText<NodeId>,
    ) {
        if let NodeOrText::AppendNode(id) = &child {
            let mut places = self.growth.places.borrow_mut();
            if let Some(place) = places.get(&element.as_u64()).copied() {
                places.insert(id.as_u64(), place);
            }
        }
        self.inner.append_based_on_parent_node(element, previous, child);
    }

    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}

    fn get_template_contents(&self, target: &NodeId) -> NodeId {
        self.inner.get_template_contents(target)
    }

    fn same_node(&self, x: &NodeId, y: &NodeId) -> bool {
        x == y
    }

    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.growth.quirks.set(mode == QuirksMode::Quirks);
        self.inner.set_quirks_mode(mode);
    }

    fn add_attrs_if_missing(&self, target: &NodeId, attrs: Vec<Attribute>) {
        self.inner.add_attrs_if_missing(target, attrs);
    }

    fn remove_from_parent(&self, target: &NodeId) {
        self.inner.remove_from_parent(target);
    }

    fn reparent_children(&self, node: &NodeId, new_parent: &NodeId) {
        self.inner.reparent_children(node, new_parent);
    }
}
