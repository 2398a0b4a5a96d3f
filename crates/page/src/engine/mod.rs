//! The layout engine: Blitz, kept behind one function.
//!
//! A picture is a function of the markup and of what has been delivered: each run builds the
//! document anew, on a thread of its own with a deep stack, and a panic inside becomes a
//! [`PaintError`]. Blitz's network is a queue ([`net`]) answered from what was delivered.

mod draw;
mod fixups;
mod fonts;
mod images;
mod net;
mod note;
mod thread;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use blitz_dom::{BaseDocument, DocumentConfig, StyleThreading, UserAgentStylesheet};
use blitz_html::HtmlProvider;
use blitz_traits::shell::{ColorScheme, Viewport};
use bytes::Bytes;
use url::Url;

use crate::limits;
use crate::options::{Options, Scheme};
use crate::picture::{PaintError, Picture, Png};
use crate::resources::Face;

pub(crate) use fonts::FontSet;
pub(crate) use note::LayoutNote;

/// What a run is made of. It shares the page's bytes and can go to another thread.
pub(crate) struct Input {
    pub(crate) markup: Arc<String>,
    pub(crate) syntax: Syntax,
    pub(crate) base: Url,
    pub(crate) options: Options,
    /// Style sheets that came, by address, in UTF-8.
    pub(crate) styles: BTreeMap<String, Bytes>,
    /// Images and fonts that came, by address.
    pub(crate) bytes: BTreeMap<String, Bytes>,
    /// The addresses of what failed.
    pub(crate) failed: BTreeSet<String>,
    pub(crate) faces: Vec<Face>,
}

/// How the markup is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    Html,
    Xml,
}

/// How far a [`Job`](crate::Job) goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Styles and boxes, which is enough to know what else the page wants.
    Layout,
    /// Pixels.
    Paint,
}

/// What a run found out.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) picture: Option<Drawn>,
    /// Images that matched a style or are near the viewport and have not come.
    pub(crate) images: Vec<Url>,
    /// The font faces that text is set in and that have not come.
    pub(crate) fonts: Vec<Face>,
    /// Bytes of markup laid out.
    pub(crate) laid_out: usize,
    pub(crate) notes: Vec<LayoutNote>,
}

/// A picture, as it is made here or as it comes from another process.
#[derive(Debug)]
pub(crate) enum Drawn {
    Pixels(Picture),
    File(Png),
}

impl Drawn {
    pub(crate) fn png(&self) -> Png {
        match self {
            Drawn::File(png) => png.clone(),
            Drawn::Pixels(picture) => {
                Png { width: picture.width, height: picture.height, bytes: picture.png().into() }
            }
        }
    }
}

/// How often resources that came may lead to others within one run.
const ROUNDS: usize = 64;

/// Lays out, and paints if that is the goal.
pub(crate) fn run(input: &Input, goal: Goal, fonts: &FontSet) -> Result<Outcome, PaintError> {
    thread::deep(|| work(input, goal, fonts))
}

/// What becomes of a panic in the engine, for tests.
pub(crate) fn fail(message: &'static str) -> Result<Outcome, PaintError> {
    thread::deep(|| panic!("{message}"))
}

fn work(input: &Input, goal: Goal, fonts: &FontSet) -> Outcome {
    thread::during("preparing fonts");
    let mut outcome = Outcome::default();
    let mut font_context = fonts.context();
    fonts::register_faces(&mut font_context, input, &mut outcome.notes);
    let queue = net::Queue::new();
    thread::during("parsing");
    let mut document = BaseDocument::new(DocumentConfig {
        viewport: Some(viewport(&input.options)),
        base_url: Some(input.base.as_str().to_owned()),
        net_provider: Some(queue.clone()),
        html_parser_provider: Some(Arc::new(HtmlProvider)),
        font_ctx: Some(font_context),
        style_threading: StyleThreading::Sequential,
        ua_stylesheets: vec![
            UserAgentStylesheet::default_sheet(),
            UserAgentStylesheet::parse(include_str!("ua.css")),
        ],
        ..DocumentConfig::default()
    });
    let lazy = tree::parse(&mut document, input, &mut outcome);
    thread::during("laying out");
    let mut answers = net::Answers::new(input);
    settle(&mut document, &queue, &mut answers);
    if document.try_root_element().is_some() {
        if fixups::improve(&mut document, &mut answers.fonts) {
            settle(&mut document, &queue, &mut answers);
        }
        if document.is_animating() {
            // Twice: what has ended gives its element back at the second.
            document.resolve(limits::ANIMATED);
            document.resolve(limits::ANIMATED);
        }
        outcome.fonts = fonts::in_use(&document, &input.faces, &input.bytes);
    }
    outcome.images = answers.missing;
    outcome.notes.append(&mut answers.notes);
    wanted_lazy(&document, input, lazy, &mut outcome.images);
    if goal == Goal::Paint {
        thread::during("painting");
        let picture = draw::draw(&mut document, &input.options, &mut outcome.notes);
        outcome.picture = Some(Drawn::Pixels(picture));
    }
    outcome
}

/// Answers what the document asks for until it asks for nothing more.
fn settle(document: &mut BaseDocument, queue: &net::Queue, answers: &mut net::Answers<'_>) {
    for _ in 0..ROUNDS {
        let asked = answers.answer(queue);
        document.resolve(0.0);
        if asked == 0 && queue.is_empty() {
            return;
        }
    }
}

/// Adds the lazy images near enough to the viewport (Blink's distance) to be loaded.
fn wanted_lazy(
    document: &BaseDocument,
    input: &Input,
    lazy: Vec<fixups::LazyImage>,
    wanted: &mut Vec<Url>,
) {
    let limit = match input.options.extent {
        crate::options::Extent::Full => f64::INFINITY,
        crate::options::Extent::Viewport => {
            f64::from(input.options.viewport.height) + limits::LAZY_DISTANCE
        }
    };
    let mut seen: BTreeSet<Url> = wanted.iter().cloned().collect();
    for image in lazy {
        let top = document.get_client_bounding_rect(image.node).map_or(0.0, |rect| rect.y);
        if top < limit && seen.insert(image.url.clone()) {
            wanted.push(image.url);
        }
    }
}

fn viewport(options: &Options) -> Viewport {
    let scale = options.device_pixel_ratio();
    let device = |side: u32| ((side as f32) * scale).round().max(1.0) as u32;
    let scheme = match options.scheme {
        Scheme::Light => ColorScheme::Light,
        Scheme::Dark => ColorScheme::Dark,
    };
    Viewport::new(device(options.viewport.width), device(options.viewport.height), scale, scheme)
}
