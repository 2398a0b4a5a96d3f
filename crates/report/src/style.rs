//! `Options`: how a terminal view looks.

use anstyle::{AnsiColor, Color, Effects, Style};

/// Whether a view may use colour. The caller decides, from the terminal, `NO_COLOR` and
/// `CLICOLOR_FORCE`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// No escape sequences at all.
    #[default]
    Never,
    /// The sixteen ANSI colours.
    Ansi,
}

/// Which characters a view may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// Unicode, with block elements, arrows and bullets.
    #[default]
    Unicode,
    /// ASCII only, except for text that comes from the record.
    Ascii,
}

/// How much is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Only the verdict (`-q`).
    Answer,
    /// The verdict, where the time went, and what to do next.
    #[default]
    Normal,
    /// Also handshake and close between both ends, header fields, and everything that is otherwise
    /// shortened (`-v`).
    Verbose,
}

/// How a terminal view looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The terminal's width in columns. At most [`Options::WIDEST`] are used.
    pub width: usize,
    /// Whether colour may be used.
    pub colour: Colour,
    /// Which characters may be used.
    pub charset: Charset,
    /// How much is shown.
    pub detail: Detail,
    /// The short id under which the run was saved; `None` if it was not.
    pub saved: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            width: Self::USUAL,
            colour: Colour::default(),
            charset: Charset::default(),
            detail: Detail::default(),
            saved: None,
        }
    }
}

impl Options {
    /// The most columns that a line takes.
    pub const WIDEST: usize = 160;
    /// The columns of a line where no terminal says how many there are.
    pub const USUAL: usize = 100;
    /// The least columns that are assumed; narrower terminals get lines of this width.
    pub const NARROWEST: usize = 40;

    /// The columns to use, between narrowest and widest.
    pub fn columns(&self) -> usize {
        self.width.clamp(Self::NARROWEST, Self::WIDEST)
    }

    /// Returns the text in the colour of `tone`, if colour may be used.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        match self.colour {
            Colour::Never => text.to_owned(),
            Colour::Ansi if text.is_empty() => String::new(),
            Colour::Ansi => {
                let style = tone.style();
                format!("{}{text}{}", style.render(), style.render_reset())
            }
        }
    }

    /// Returns the text with all characters replaced that may not be used.
    pub fn glyphs(&self, text: &str) -> String {
        match self.charset {
            Charset::Unicode => text.to_owned(),
            Charset::Ascii => text.chars().map(ascii).collect(),
        }
    }
}

/// The ASCII character that replaces `char`, of the same width.
fn ascii(char: char) -> char {
    match char {
        '·' | '•' => '-',
        '→' | '▶' | '▸' => '>',
        '←' | '◀' => '<',
        '─' | '━' => '-',
        '│' | '┃' | '╵' => '|',
        '└' | '├' | '┌' | '┐' | '┘' => '+',
        '✗' => 'x',
        '✓' | '×' => 'x',
        '█' | '▇' => '#',
        '▒' => '=',
        '░' => '.',
        '▓' => '%',
        '▚' => '+',
        '●' => 'P',
        '◐' => 'O',
        '○' => 'I',
        '…' => '~',
        'µ' => 'u',
        '—' | '–' | '−' => '-',
        '“' | '”' => '"',
        '’' | '‘' => '\'',
        '\u{FFFD}' => '?',
        other => other,
    }
}

/// The meaning of a colour. Everything it says is also said in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// It went well.
    Good,
    /// It failed.
    Bad,
    /// It has to be looked at.
    Warn,
    /// It stands out.
    Strong,
    /// It may be passed over.
    Faint,
    /// The step `name`.
    Name,
    /// The step `connect`.
    Connect,
    /// The step `tls`.
    Tls,
    /// The step `request`.
    Request,
    /// The step `wait`.
    Wait,
    /// The step `body`.
    Body,
}

impl Tone {
    fn style(self) -> Style {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(Color::Ansi(colour)));
        match self {
            Self::Good => colour(AnsiColor::Green).effects(Effects::BOLD),
            Self::Bad => colour(AnsiColor::Red).effects(Effects::BOLD),
            Self::Warn => colour(AnsiColor::Yellow),
            Self::Strong => Style::new().effects(Effects::BOLD),
            Self::Faint => Style::new().effects(Effects::DIMMED),
            Self::Name => colour(AnsiColor::Cyan),
            Self::Connect => colour(AnsiColor::Yellow),
            Self::Tls => colour(AnsiColor::Magenta),
            Self::Request => colour(AnsiColor::White),
            Self::Wait => colour(AnsiColor::BrightBlack),
            Self::Body => colour(AnsiColor::Blue),
        }
    }
}
