//! What comes of a run of the layout engine.

use std::collections::BTreeSet;

use url::Url;

use super::note::LayoutNote;
use crate::contentful::Candidate;
use crate::picture::{Picture, Png};
use crate::policy::RefusedData;
use crate::resources::Face;

/// What a run found out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) picture: Option<Drawn>,
    /// Images that matched a style or are near the viewport and have not come.
    pub(crate) images: Vec<Url>,
    /// Of these, those that are to be seen without scrolling.
    pub(crate) visible: BTreeSet<Url>,
    /// The font faces that text is set in and that have not come.
    pub(crate) fonts: Vec<Face>,
    /// The elements that show content within the viewport, where these are asked for.
    pub(crate) candidates: Vec<Candidate>,
    /// Something is to be seen: text, a picture, a control.
    pub(crate) shows: bool,
    /// Where nothing is: the font faces of what is hidden and scripts commonly show first.
    pub(crate) hidden_fonts: Vec<Face>,
    /// Lazy images are left that may yet come near the viewport, as pictures above them come.
    pub(crate) lazy_left: bool,
    /// Bytes of markup laid out.
    pub(crate) laid_out: usize,
    pub(crate) notes: Vec<LayoutNote>,
    /// Images in addresses themselves that the page's policy refuses.
    pub(crate) refused: Vec<RefusedData>,
}

/// A picture, as it is made here or as it comes from another process.
#[derive(Clone, Debug)]
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
