//! What a page says in the words of a record, and the other way round.

use roundtrip_page::{
    Blocks as PageBlocks, Initiator as PageInitiator, Kind, Priority as PagePriority,
};
use roundtrip_record::{Blocks, Initiator, Priority, ResourceKind};
use url::Url;

/// Where something was found, on a page with this address.
pub(crate) fn initiator(of: &PageInitiator, page: &Url) -> Initiator {
    match of {
        PageInitiator::Markup { line } => {
            Initiator::Parser { url: page.to_string(), line: (*line).try_into().unwrap_or(0) }
        }
        PageInitiator::LinkField => Initiator::LinkField { url: page.to_string() },
        PageInitiator::EarlyHints => Initiator::EarlyHints { url: page.to_string() },
        PageInitiator::Style { sheet } => Initiator::Style { url: sheet.to_string() },
        PageInitiator::Layout => Initiator::Style { url: page.to_string() },
        PageInitiator::Script { script, line } => {
            Initiator::Script { url: script.to_string(), line: *line }
        }
    }
}

/// What names something that is not fetched: this line of the page, or, where there is none, a `Link` field.
pub(crate) fn listed_by(line: u64, page: &Url) -> Initiator {
    let url = page.to_string();
    match line {
        0 => Initiator::LinkField { url },
        line => Initiator::Parser { url, line: line.try_into().unwrap_or(0) },
    }
}

/// What names something that is refused: this line of the page, or, where there is none, its styles.
pub(crate) fn refused_by(line: u64, page: &Url) -> Initiator {
    let url = page.to_string();
    match line {
        0 => Initiator::Style { url },
        line => Initiator::Parser { url, line: line.try_into().unwrap_or(0) },
    }
}

/// What a resource of a record is for a page.
pub(crate) fn page_kind(of: ResourceKind) -> Kind {
    match of {
        ResourceKind::Style => Kind::Style,
        ResourceKind::Script => Kind::Script,
        ResourceKind::Image => Kind::Image,
        ResourceKind::Font => Kind::Font,
        ResourceKind::Icon => Kind::Icon,
        ResourceKind::Media => Kind::Video,
        ResourceKind::Document | ResourceKind::Frame => Kind::Frame,
        ResourceKind::Manifest => Kind::Manifest,
        ResourceKind::Other => Kind::Data,
    }
}

pub(crate) fn page_priority(of: Priority) -> PagePriority {
    match of {
        Priority::VeryLow => PagePriority::VeryLow,
        Priority::Low => PagePriority::Low,
        Priority::Medium => PagePriority::Medium,
        Priority::High => PagePriority::High,
        Priority::VeryHigh => PagePriority::VeryHigh,
    }
}

pub(crate) fn kind(of: Kind) -> ResourceKind {
    match of {
        Kind::Style => ResourceKind::Style,
        Kind::Script => ResourceKind::Script,
        Kind::Image | Kind::Poster => ResourceKind::Image,
        Kind::Font => ResourceKind::Font,
        Kind::Icon => ResourceKind::Icon,
        Kind::Video | Kind::Audio | Kind::Track => ResourceKind::Media,
        Kind::Frame => ResourceKind::Frame,
        Kind::Manifest => ResourceKind::Manifest,
        Kind::Object | Kind::Embed | Kind::Data | Kind::Later => ResourceKind::Other,
    }
}

pub(crate) fn priority(of: PagePriority) -> Priority {
    match of {
        PagePriority::VeryLow => Priority::VeryLow,
        PagePriority::Low => Priority::Low,
        PagePriority::Medium => Priority::Medium,
        PagePriority::High => Priority::High,
        PagePriority::VeryHigh => Priority::VeryHigh,
    }
}

pub(crate) fn blocks(of: PageBlocks) -> Blocks {
    match of {
        PageBlocks::None => Blocks::Nothing,
        PageBlocks::Parser => Blocks::Parser,
        PageBlocks::Render => Blocks::Render,
    }
}
