//! How a view for the terminal may look.

use anstyle::{AnsiColor, Color, Effects, Style};

/// Whether a view may use colour. Who calls decides, by the terminal, `NO_COLOR` and
/// `CLICOLOR_FORCE`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// No escape sequence at all.
    #[default]
    Never,
    /// ANSI's sixteen colours.
    Ansi,
}

/// Which characters a view may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// Blocks, arrows and bullets.
    #[default]
    Unicode,
    /// ASCII only, but for names and numbers that come from the record.
    Ascii,
}

/// How much is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// The answer and nothing else (`-q`).
    Answer,
    /// The answer, where the time went, and what to do next.
    #[default]
    Normal,
    /// Handshake and close between both ends, fields, and everything that is otherwise shortened (`-v`).
    Verbose,
}

/// What a view for the terminal is to look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Columns of the terminal; more than [`Options::WIDEST`] are not used.
    pub width: usize,
    /// Colour.
    pub colour: Colour,
    /// Characters.
    pub charset: Charset,
    /// How much.
    pub detail: Detail,
    /// The short id under which the run was saved.
    pub saved: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            width: Self::WIDEST,
            colour: Colour::default(),
            charset: Charset::default(),
            detail: Detail::default(),
            saved: None,
        }
    }
}

impl Options {
    /// No line is wider.
    pub const WIDEST: usize = 100;
    /// Narrower terminals get lines of this width.
    pub const NARROWEST: usize = 40;

    /// Columns to be used.
    pub(crate) fn columns(&self) -> usize {
        self.width.clamp(Self::NARROWEST, Self::WIDEST)
    }

    /// The text in a tone.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        match self.colour {
            Colour::Never => text.to_owned(),
            Colour::Ansi if text.is_empty() => String::new(),
            Colour::Ansi => {
                let style = tone.style();
                format!("{}{text}{}", style.render(), style.render_reset())
            }
        }
    }

    /// The text with such characters only as may be used.
    pub(crate) fn glyphs(&self, text: &str) -> String {
        match self.charset {
            Charset::Unicode => text.to_owned(),
            Charset::Ascii => text.chars().map(ascii).collect(),
        }
    }
}

/// The nearest ASCII text of the same width.
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
        '—' | '–' => '-',
        '“' | '”' => '"',
        '’' | '‘' => '\'',
        '\u{FFFD}' => '?',
        other => other,
    }
}

/// What a colour stands for. It never says anything alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Warn,
    Strong,
    Faint,
    Name,
    Connect,
    Tls,
    Request,
    Wait,
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
