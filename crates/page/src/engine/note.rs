//! What a layout has to say.

use url::Url;

/// What a reader of the picture has to know and only the engine can say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LayoutNote {
    /// Elements nested too deeply became siblings.
    Flattened { elements: usize },
    /// An image came and could not be drawn.
    ImageNotDrawn { url: Url, why: String },
    /// A font came and could not be used.
    FontNotUsed { url: Url },
    /// The picture shows less of the page than was asked for; both in rows of device pixels.
    PictureCut { page: u64, shown: u32 },
    /// Characters that no font has: of which script, how many different ones, and the first of them.
    NoGlyphs { script: String, characters: usize, first: String },
}
