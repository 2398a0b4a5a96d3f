//! `Claims`: what an element says of its resource.

/// What an element says of the request for its resource, and of who may answer it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    /// `nonce`, unless the element is one whose nonce counts for nothing (CSP 3, section 6.7.3.1).
    pub(crate) nonce: Option<String>,
    /// `integrity` (Subresource Integrity), as it was written.
    pub(crate) integrity: Option<String>,
    /// Another origin has to permit its use (CORS): `crossorigin`, fonts, modules.
    pub(crate) cors: bool,
    /// Other origins are asked without credentials.
    pub(crate) anonymous: bool,
    /// It is a module script.
    pub(crate) module: bool,
    /// An image that was chosen from several (`srcset`, `<picture>`).
    pub(crate) image_set: bool,
}

impl Claims {
    /// Those of what style sheets ask for without credentials: fonts (CSS Fonts 4, section 4.8).
    pub(crate) const FONT: Self = Self {
        nonce: None,
        integrity: None,
        cors: true,
        anonymous: true,
        module: false,
        image_set: false,
    };
}
