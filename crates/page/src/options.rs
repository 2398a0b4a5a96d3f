//! How a page is to be seen.

/// The part of the page a visitor sees first, in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Viewport {
    /// 1 to 16 384.
    pub width: u32,
    /// 1 to 16 384.
    pub height: u32,
}

impl Viewport {
    /// 1280 × 800.
    pub const DESKTOP: Viewport = Viewport { width: 1280, height: 800 };
}

impl Default for Viewport {
    fn default() -> Self {
        Viewport::DESKTOP
    }
}

impl std::str::FromStr for Viewport {
    type Err = ViewportError;

    /// Reads `1280x800`.
    fn from_str(s: &str) -> Result<Self, ViewportError> {
        let (width, height) = s.split_once(['x', 'X', '×']).ok_or(ViewportError)?;
        let side = |s: &str| s.trim().parse().ok().filter(|n| (1..=16_384).contains(n));
        Ok(Viewport {
            width: side(width).ok_or(ViewportError)?,
            height: side(height).ok_or(ViewportError)?,
        })
    }
}

/// A viewport is written `1280x800`, each side from 1 to 16384.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a viewport is WIDTHxHEIGHT in CSS pixels, each from 1 to 16384, such as 1280x800")]
pub struct ViewportError;

/// How much of the page the picture shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extent {
    /// What fits the viewport.
    #[default]
    Viewport,
    /// The whole page, down to [`crate::limits::PICTURE_HEIGHT`].
    Full,
}

/// Which fonts text is set in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fonts {
    /// Only the fonts in this crate and the page's own: the picture is the same on every machine.
    #[default]
    CarriedOnly,
    /// The machine's fonts first, the carried ones where it has none.
    System,
}

/// The reader's preference (`prefers-color-scheme`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheme {
    /// Dark on light.
    #[default]
    Light,
    /// Light on dark.
    Dark,
}

/// Who reads the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reader {
    /// Somebody who wants to see what is there without scripts: what `<noscript>` holds is part of the page.
    #[default]
    WithoutScripts,
    /// A browser: it runs scripts, so that `<noscript>` is text to it (HTML standard, section 4.12.2), and it
    /// fetches ahead what `<link rel=prefetch>` names.
    Browser,
}

/// How a page is to be seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// What a visitor sees first.
    pub viewport: Viewport,
    /// How much of the page the picture shows.
    pub extent: Extent,
    /// Device pixels for one CSS pixel (`devicePixelRatio`), 0.25 to 8.
    pub scale: f32,
    /// Which fonts text is set in.
    pub fonts: Fonts,
    /// The reader's preference.
    pub scheme: Scheme,
    /// Who reads it.
    pub reader: Reader,
    /// The document's `Content-Type` field, if it had one: charset, and HTML or XHTML.
    pub content_type: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            viewport: Viewport::default(),
            extent: Extent::default(),
            scale: 1.0,
            fonts: Fonts::default(),
            scheme: Scheme::default(),
            reader: Reader::default(),
            content_type: None,
        }
    }
}

impl Options {
    /// The scale within its range, whatever was given.
    pub(crate) fn device_pixel_ratio(&self) -> f32 {
        if self.scale.is_finite() { self.scale.clamp(0.25, 8.0) } else { 1.0 }
    }
}
