//! The layout engine: Blitz, kept behind one function.
//!
//! A picture is a function of the markup and of what has been delivered: each run builds the
//! document anew, on a thread of its own with a deep stack, and a panic inside becomes a
//! [`PaintError`]. Blitz's network is a queue ([`net`]) answered from what was delivered.

mod contentful;
mod draw;
mod embedded;
mod fixups;
mod fonts;
mod han;
mod hints;
mod images;
mod inline_box;
mod input;
mod layout;
mod missing;
mod net;
mod note;
mod outcome;
mod pictures;
mod policy;
mod rendered;
mod sheet;
mod shown;
mod thread;
mod tree;

use std::collections::BTreeSet;
use std::sync::Arc;

use blitz_dom::{BaseDocument, DocumentConfig, StyleThreading, UserAgentStylesheet};
use blitz_html::HtmlProvider;
use blitz_traits::shell::{ColorScheme, Viewport};
use url::Url;

use crate::limits;
use crate::options::{Fonts, Options, Reader, Scheme};
use crate::picture::PaintError;

pub(crate) use fonts::FontSet;
pub use input::Goal;
pub(crate) use input::{Input, Syntax};
pub(crate) use note::LayoutNote;
pub(crate) use outcome::{Drawn, Outcome};

/// Lays out, and paints if that is the goal.
pub(crate) fn run(input: &Input, goal: Goal, fonts: &FontSet) -> Result<Outcome, PaintError> {
    thread::deep(|| work(input, goal, fonts))
}

/// What becomes of a panic in the engine, for tests.
pub(crate) fn fail(message: &'static str) -> Result<Outcome, PaintError> {
    thread::deep(|| panic!("{message}"))
}

fn work(input: &Input, goal: Goal, fonts: &FontSet) -> Outcome {
    let mut root_height = None;
    loop {
        match attempt(input, goal, fonts, root_height) {
            Ok(outcome) => return outcome,
            // Known now, and the engine is not to style anew what it has laid out.
            Err(height) => root_height = Some(height),
        }
    }
}

/// One layout, from the markup on. Without the height of the root it may end early: with the height,
/// in CSS pixels, of a root that is lower than the canvas its background has to cover, where it
/// depends on that how the background repeats.
fn attempt(
    input: &Input,
    goal: Goal,
    fonts: &FontSet,
    root_height: Option<f32>,
) -> Result<Outcome, f32> {
    thread::during("preparing fonts");
    let mut outcome = Outcome::default();
    let mut font_context = fonts.context(input);
    fonts::register_faces(&mut font_context, input, &mut outcome.notes);
    let queue = net::Queue::new();
    thread::during("parsing");
    preferences();
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
            UserAgentStylesheet::parse(match input.options.reader {
                Reader::WithoutScripts => "",
                Reader::Browser => "noscript{display:none!important}",
            }),
        ],
        ..DocumentConfig::default()
    });
    let (lazy, used, csp) = tree::parse(&mut document, input, &mut outcome);
    let mut answers = net::Answers::new(input, used, csp);
    layout::gather(&mut document, &queue, &mut answers);
    if document.try_root_element().is_some() {
        thread::during("styling");
        fixups::prepare(&mut document);
        document.resolve_stylist(0.0);
        let waits_for_height = fixups::improve(&mut document, &mut answers.fonts, root_height);
        let now = layout::animate(&mut document);
        thread::during("laying out");
        layout::settle(&mut document, &queue, &mut answers, now);
        if waits_for_height
            && goal.paints()
            && let Some(height) = lower_than_viewport(&document, &input.options)
        {
            return Err(height);
        }
        outcome.fonts = fonts::in_use(&document, &input.faces, &input.bytes);
        outcome.shows = shown::is_any(&document);
        if goal.tells_content() {
            outcome.candidates = contentful::candidates(&document, input);
        }
        // Of a machine's fonts only the machine knows what they have.
        if goal == Goal::Paint && input.options.fonts == Fonts::CarriedOnly {
            outcome.notes.append(&mut missing::notes(&document, input));
        }
    }
    pictures::tell(&document, input, answers.missing, &mut outcome);
    outcome.notes.append(&mut answers.notes);
    outcome.refused = answers.refused;
    outcome.lazy_left = wanted_lazy(&document, input, lazy, &mut outcome);
    if goal.paints() {
        thread::during("painting");
        let drawn = match goal {
            Goal::Frame => Drawn::File(draw::frame(&mut document, &input.options)),
            _ => Drawn::Pixels(draw::draw(&mut document, &input.options, &mut outcome.notes)),
        };
        outcome.picture = Some(drawn);
    } else if !outcome.shows && !input.faces.is_empty() {
        // Styles that are computed anew: what was laid out with the old ones is not looked at any more.
        let _laid_out = layout::styles(&document).collect::<Vec<_>>();
        if shown::reveal(&mut document) {
            outcome.hidden_fonts = fonts::in_use(&document, &input.faces, &input.bytes);
        }
    }
    Ok(outcome)
}

/// Stylo can do more than Blitz asks it for.
fn preferences() {
    style_config::set_pref!("layout.css.has-selector.enabled", true);
    style_config::set_pref!("layout.css.nth-child-of.enabled", true);
}

/// The height of the root, in CSS pixels, if it is lower than the viewport.
fn lower_than_viewport(document: &BaseDocument, options: &Options) -> Option<f32> {
    let height = document.try_root_element()?.final_layout().size.height;
    (height < options.viewport.height as f32).then_some(height)
}

/// Adds the lazy images near enough to the viewport (Blink's distance) to be loaded; whether any is left. One
/// without a box is nowhere.
fn wanted_lazy(
    document: &BaseDocument,
    input: &Input,
    lazy: Vec<fixups::LazyImage>,
    outcome: &mut Outcome,
) -> bool {
    let limit = match input.options.extent {
        crate::options::Extent::Full => f64::INFINITY,
        crate::options::Extent::Viewport => {
            f64::from(input.options.viewport.height) + limits::LAZY_DISTANCE
        }
    };
    let mut seen: BTreeSet<Url> = outcome.images.iter().cloned().collect();
    let mut rendered = rendered::Rendered::default();
    let mut left = false;
    for image in lazy.into_iter().filter(|image| rendered.is(document, image.node)) {
        let top = document.get_client_bounding_rect(image.node).map_or(0.0, |rect| rect.y);
        if top >= limit {
            left = true;
        } else if seen.insert(image.url.clone()) {
            if pictures::is_in_viewport(document, input, image.node) {
                outcome.visible.insert(image.url.clone());
            }
            outcome.images.push(image.url);
        }
    }
    left
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
