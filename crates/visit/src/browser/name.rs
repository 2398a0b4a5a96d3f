//! `BrowserName`: which browser.

/// Browsers that are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BrowserName {
    /// Chromium, as version 156 was measured.
    Chromium,
    /// Firefox.
    Firefox,
    /// This program, under its own name.
    #[default]
    Roundtrip,
}

impl BrowserName {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Chromium, Self::Firefox, Self::Roundtrip];

    /// Its name in lower case, as `--as` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
            Self::Roundtrip => "roundtrip",
        }
    }
}
