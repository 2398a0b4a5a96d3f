//! The preload scanner: what a document needs, found while its bytes arrive.
//!
//! It runs html5ever's tokenizer (HTML standard, section 13.2.5) without building a tree, as
//! browsers do ahead of a parser that waits for scripts. It follows the few pieces of tree state
//! that matter: the base address, head or body, `<picture>`, `<template>`, foreign content.

mod elements;
mod found;
mod head;
mod policy;
mod rules;
mod state;

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use url::Url;

use crate::fetch::Initiator;
use crate::link::Link;
use crate::media::Media;
use crate::options::Reader;
use crate::policy::{Disposition, Policy, Stands};

pub(crate) use found::{Counts, Found, Want};
pub(crate) use rules::{fetchable, is_css, link_applies};
use state::State;

/// The scanner. Text goes in with [`feed`](Scanner::feed), findings come out in document order.
pub(crate) struct Scanner {
    tokenizer: Tokenizer<Sink>,
}

impl Scanner {
    pub(crate) fn new(document: Url, media: Media, reader: Reader) -> Self {
        let state = RefCell::new(State::new(document, media, reader));
        let sink = Sink { state, foreign: Cell::default() };
        Scanner { tokenizer: Tokenizer::new(sink, TokenizerOpts::default()) }
    }

    /// Reads more of the document; `by_parser`: the parser is as far, so that it finds what is in it, and not a
    /// scanner ahead of it.
    pub(crate) fn feed(&mut self, text: &str, by_parser: bool) {
        self.tokenizer.sink.state.borrow_mut().is_parser = by_parser;
        let queue = BufferQueue::default();
        queue.push_back(StrTendril::from_slice(text));
        // A sink that never answers `Script` is never interrupted; the loop is for the contract.
        while !queue.is_empty() {
            let _ = self.tokenizer.feed(&queue);
        }
    }

    pub(crate) fn finish(&mut self) {
        self.tokenizer.end();
    }

    /// A policy in the document's head. To be said before its first byte.
    pub(crate) fn add_policy(&mut self, list: &str, disposition: Disposition) {
        let mut state = self.tokenizer.sink.state.borrow_mut();
        Arc::make_mut(&mut state.policy).csp.add(list, disposition, Stands::Field);
    }

    /// The rules of the page, as far as it has been read.
    pub(crate) fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.tokenizer.sink.state.borrow().policy)
    }

    /// What a link of the document's head wants; `None` where browsers pass it over.
    pub(crate) fn link(&self, link: &Link, initiator: &Initiator) -> Option<Vec<Found>> {
        self.tokenizer.sink.state.borrow_mut().of_head(link, initiator)
    }

    /// What was found since the last call.
    pub(crate) fn take(&mut self) -> Vec<Found> {
        std::mem::take(&mut self.tokenizer.sink.state.borrow_mut().found)
    }

    pub(crate) fn counts(&self) -> Counts {
        self.tokenizer.sink.state.borrow().counts.clone()
    }

    /// Whether the body has begun.
    pub(crate) fn in_body(&self) -> bool {
        self.tokenizer.sink.state.borrow().in_body
    }

    /// The title's text, white space collapsed, once its element has ended.
    pub(crate) fn title(&self) -> Option<String> {
        self.tokenizer.sink.state.borrow().title.clone()
    }

    /// What relative addresses resolve against.
    pub(crate) fn base(&self) -> Url {
        self.tokenizer.sink.state.borrow().base.clone()
    }
}

struct Sink {
    state: RefCell<State>,
    foreign: Cell<Foreign>,
}

/// Where in foreign content the tokenizer stands.
#[derive(Clone, Copy, Default)]
struct Foreign {
    /// How deep inside `<svg>` or `<math>`.
    depth: usize,
    /// How deep inside an element that holds HTML again.
    html_inside: usize,
}

impl Foreign {
    fn is(self) -> bool {
        self.depth > 0 && self.html_inside == 0
    }

    fn after(self, tag: &Tag) -> Foreign {
        let name = &*tag.name;
        let step = |depth: usize| match tag.kind {
            TagKind::StartTag => depth + 1,
            TagKind::EndTag => depth.saturating_sub(1),
        };
        if tag.self_closing {
            self
        } else if matches!(name, "svg" | "math") {
            Foreign { depth: step(self.depth), ..self }
        } else if self.depth > 0 && matches!(name, "foreignobject" | "annotation-xml") {
            Foreign { html_inside: step(self.html_inside), ..self }
        } else if self.is() && tag.kind == TagKind::StartTag && breaks_out(name) {
            Foreign::default()
        } else {
            self
        }
    }
}

/// Start tags that end foreign content (HTML standard, section 13.2.6.5).
fn breaks_out(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "b",
        "big",
        "blockquote",
        "body",
        "br",
        "center",
        "code",
        "dd",
        "div",
        "dl",
        "dt",
        "em",
        "embed",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "head",
        "hr",
        "i",
        "img",
        "li",
        "listing",
        "menu",
        "meta",
        "nobr",
        "ol",
        "p",
        "pre",
        "ruby",
        "s",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "table",
        "tt",
        "u",
        "ul",
        "var",
    ];
    NAMES.contains(&name)
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<()> {
        let mut state = self.state.borrow_mut();
        match token {
            Token::TagToken(tag) => {
                let before = self.foreign.get();
                self.foreign.set(before.after(&tag));
                match tag.kind {
                    // `<svg>` itself is foreign, `<foreignObject>` too: look before and after.
                    TagKind::StartTag => {
                        let foreign =
                            before.is() && self.foreign.get().depth > 0 || self.foreign.get().is();
                        return state.start(&tag, line, foreign);
                    }
                    TagKind::EndTag => state.end(&tag),
                }
            }
            Token::CharacterTokens(text) => state.text(&text),
            Token::DoctypeToken(doctype) => state.doctype(&doctype),
            Token::EOFToken => state.end_of_file(),
            _ => {}
        }
        TokenSinkResult::Continue
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.foreign.get().is()
    }
}
