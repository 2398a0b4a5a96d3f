//! What parent and child tell each other.
//!
//! The parent begins with [`Start`], the child answers with [`Ready`]; then each [`Order`] is
//! answered by one [`Answer`]. An order holds what came since the order before it, so that a
//! resource goes through the pipe once however often the page is laid out.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::codec::{Coded, Malformed, coded_names, coded_struct};
use crate::contentful::Candidate;
use crate::css::{FontFace, Slant};
use crate::engine::{Drawn, Goal, LayoutNote, Outcome, Syntax};
use crate::options::{Extent, Fonts, Options, Reader, Scheme, Viewport};
use crate::picture::{PaintError, Png};
use crate::policy::{PolicyText, RefusedData};
use crate::resources::Face;

/// The first message to the child.
#[derive(Debug, PartialEq)]
pub(super) struct Start {
    /// Which fonts will be needed: they are read before the child is confined.
    pub(super) fonts: Fonts,
}

/// The child can take orders.
#[derive(Debug, PartialEq)]
pub(super) struct Ready {
    /// Whether the kernel keeps it from files, network and other processes; why not, in words.
    pub(super) confined: Result<(), String>,
}

/// One layout.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) goal: Goal,
    /// Markup that came since the last order.
    pub(super) markup: String,
    /// How much of all markup is laid out, in bytes: a page can be looked at as it stood before.
    pub(super) shown: usize,
    pub(super) syntax: Syntax,
    pub(super) base: url::Url,
    pub(super) options: Options,
    /// Style sheets that came since the last order, by address.
    pub(super) styles: Vec<(String, Bytes)>,
    /// Images and fonts that came since the last order, by address.
    pub(super) bytes: Vec<(String, Bytes)>,
    /// The addresses of style sheets that were sent and had not come when the page stood so.
    pub(super) later_styles: BTreeSet<String>,
    /// The same of images and fonts.
    pub(super) later_bytes: BTreeSet<String>,
    /// All addresses that failed.
    pub(super) failed: BTreeSet<String>,
    /// All font faces.
    pub(super) faces: Vec<Face>,
    /// The policies of the page's head.
    pub(super) policy: PolicyText,
}

/// What became of an order.
pub(super) type Answer = Result<Outcome, PaintError>;

coded_names! {
    Goal { Layout, Content, Frame, Paint }
    Syntax { Html, Xml }
    Extent { Viewport, Full }
    Fonts { CarriedOnly, System }
    Scheme { Light, Dark }
    Reader { WithoutScripts, Browser }
    Slant { Upright, Italic, Oblique }
}

coded_struct! {
    Start { fonts }
    Ready { confined }
    Order {
        goal, markup, shown, syntax, base, options, styles, bytes, later_styles, later_bytes, failed, faces, policy
    }
    PolicyText { document, policies }
    RefusedData { what, directive, line }
    Options { viewport, extent, scale, fonts, scheme, reader, content_type }
    Viewport { width, height }
    Face { rule, url, others, sheet }
    FontFace { family, weight, slant, ranges, url, others }
    Outcome {
        picture, images, visible, fonts, candidates, shows, hidden_fonts, lazy_left, laid_out, notes, refused
    }
    Candidate { node, element, url, width, height, size }
    Png { width, height, bytes }
}

impl Coded for Drawn {
    fn put(&self, to: &mut Vec<u8>) {
        self.png().put(to);
    }

    fn get(from: &mut Bytes) -> Result<Self, Malformed> {
        Png::get(from).map(Drawn::File)
    }
}

impl Coded for LayoutNote {
    fn put(&self, to: &mut Vec<u8>) {
        match self {
            LayoutNote::Flattened { elements } => {
                0u8.put(to);
                elements.put(to);
            }
            LayoutNote::ImageNotDrawn { url, why } => {
                1u8.put(to);
                url.put(to);
                why.put(to);
            }
            LayoutNote::FontNotUsed { url } => {
                2u8.put(to);
                url.put(to);
            }
            LayoutNote::PictureCut { page, shown } => {
                3u8.put(to);
                page.put(to);
                shown.put(to);
            }
            LayoutNote::NoGlyphs { script, characters, first } => {
                4u8.put(to);
                script.put(to);
                characters.put(to);
                first.put(to);
            }
        }
    }

    fn get(from: &mut Bytes) -> Result<Self, Malformed> {
        Ok(match u8::get(from)? {
            0 => LayoutNote::Flattened { elements: Coded::get(from)? },
            1 => LayoutNote::ImageNotDrawn { url: Coded::get(from)?, why: Coded::get(from)? },
            2 => LayoutNote::FontNotUsed { url: Coded::get(from)? },
            3 => LayoutNote::PictureCut { page: Coded::get(from)?, shown: Coded::get(from)? },
            4 => LayoutNote::NoGlyphs {
                script: Coded::get(from)?,
                characters: Coded::get(from)?,
                first: Coded::get(from)?,
            },
            _ => return Err(Malformed),
        })
    }
}

/// Of the errors, those that a layout can end with.
impl Coded for PaintError {
    fn put(&self, to: &mut Vec<u8>) {
        match self {
            PaintError::Engine { during, message } => {
                0u8.put(to);
                during.put(to);
                message.put(to);
            }
            PaintError::Thread(why) | PaintError::Child(why) => {
                1u8.put(to);
                why.put(to);
            }
            PaintError::Empty => 2u8.put(to),
        }
    }

    fn get(from: &mut Bytes) -> Result<Self, Malformed> {
        Ok(match u8::get(from)? {
            0 => PaintError::Engine { during: Coded::get(from)?, message: Coded::get(from)? },
            1 => PaintError::Thread(Coded::get(from)?),
            2 => PaintError::Empty,
            _ => return Err(Malformed),
        })
    }
}
