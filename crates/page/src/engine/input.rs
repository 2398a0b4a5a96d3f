//! What a run of the layout engine is made of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use url::Url;

use crate::options::Options;
use crate::policy::PolicyText;
use crate::resources::Face;

/// What a run is made of. It shares the page's bytes and can go to another thread.
#[derive(Clone)]
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
    /// What keeps styles of the markup and data in addresses out.
    pub(crate) policy: PolicyText,
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
    /// Which elements show content, too.
    Content,
    /// A small picture of the viewport, too, for a row of pictures.
    Frame,
    /// Pixels.
    Paint,
}

impl Goal {
    /// Whether there is a picture in the end.
    pub(crate) fn paints(self) -> bool {
        matches!(self, Goal::Frame | Goal::Paint)
    }

    /// Whether it is to be known which elements show content.
    pub(crate) fn tells_content(self) -> bool {
        matches!(self, Goal::Content | Goal::Frame)
    }
}
