//! `Limit`: the most that one figure of a run, or of a part of its exchanges, may come to.

use core::fmt;

use roundtrip_record::ResourceKind;

use super::path::PathPattern;
use crate::figure::Figure;
use crate::metric::Unit;
use crate::nearest::nearest;

/// A text that is no budget: where, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadBudget {
    /// The line, from 1, where it is known.
    pub(super) line: Option<usize>,
    /// What is wrong, and what would be right.
    pub(super) what: String,
}

impl BadBudget {
    pub(super) fn at(line: usize, what: impl Into<String>) -> Self {
        Self { line: Some(line), what: what.into() }
    }

    pub(super) fn somewhere(what: impl Into<String>) -> Self {
        Self { line: None, what: what.into() }
    }
}

impl fmt::Display for BadBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl core::error::Error for BadBudget {}

/// Which exchanges are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// All.
    All,
    /// Those of resources of one kind.
    Kind(ResourceKind),
    /// Those with servers of others than the page's own site.
    ThirdParty,
}

/// The names of groups.
const GROUPS: &[(&str, Group)] = &[
    ("total", Group::All),
    ("document", Group::Kind(ResourceKind::Document)),
    ("stylesheet", Group::Kind(ResourceKind::Style)),
    ("script", Group::Kind(ResourceKind::Script)),
    ("image", Group::Kind(ResourceKind::Image)),
    ("font", Group::Kind(ResourceKind::Font)),
    ("icon", Group::Kind(ResourceKind::Icon)),
    ("media", Group::Kind(ResourceKind::Media)),
    ("frame", Group::Kind(ResourceKind::Frame)),
    ("manifest", Group::Kind(ResourceKind::Manifest)),
    ("other", Group::Kind(ResourceKind::Other)),
    ("third-party", Group::ThirdParty),
];

impl Group {
    /// The group with this name, or what to say of a name that none has.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        let found = GROUPS.iter().find(|(known, _)| *known == name);
        found.map(|(_, group)| *group).ok_or_else(|| unknown(name, GROUPS.iter().map(|one| one.0)))
    }

    pub(super) fn name(self) -> &'static str {
        GROUPS.iter().find(|(_, group)| *group == self).map_or("total", |(name, _)| name)
    }
}

/// What is summed up over a group of exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sum {
    Requests,
    TransferSize,
    EncodedBodySize,
    DecodedBodySize,
}

/// The names of sums, which are those of the metrics over all exchanges.
const SUMS: &[(&str, Sum)] = &[
    ("requests", Sum::Requests),
    ("transferSize", Sum::TransferSize),
    ("encodedBodySize", Sum::EncodedBodySize),
    ("decodedBodySize", Sum::DecodedBodySize),
];

impl Sum {
    pub(super) fn named(name: &str) -> Result<Self, String> {
        let found = SUMS.iter().find(|(known, _)| *known == name);
        found.map(|(_, sum)| *sum).ok_or_else(|| unknown(name, SUMS.iter().map(|one| one.0)))
    }

    pub(super) fn name(self) -> &'static str {
        SUMS.iter().find(|(_, sum)| *sum == self).map_or("requests", |(name, _)| name)
    }

    pub(super) const fn unit(self) -> Unit {
        match self {
            Self::Requests => Unit::Count,
            _ => Unit::Bytes,
        }
    }
}

/// What is said of a name that is none of these.
pub(super) fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let near = nearest(name, known.clone());
    let near = near.map_or(String::new(), |near| format!("; did you mean {near}?"));
    let all = known.collect::<Vec<_>>().join(", ");
    format!("{name:?} is not known{near} There are: {all}")
}

/// What a limit is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measured {
    /// A figure of the whole run.
    Figure(Figure),
    /// A sum over some of its exchanges.
    Sum(Group, Sum),
}

impl Measured {
    /// The name that views show.
    pub(super) fn name(self) -> String {
        match self {
            Self::Figure(figure) => figure.name().to_owned(),
            Self::Sum(Group::All, sum) => sum.name().to_owned(),
            Self::Sum(group, sum) => format!("{} {}", group.name(), sum.name()),
        }
    }

    pub(super) const fn unit(self) -> Unit {
        match self {
            Self::Figure(figure) => figure.unit(),
            Self::Sum(_, sum) => sum.unit(),
        }
    }
}

/// The most that something may come to, in whole nanoseconds, bytes or things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) measured: Measured,
    pub(super) most: i64,
}

/// The limits for some pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// The paths of those pages; `None` for all.
    pub(super) path: Option<PathPattern>,
    pub(super) limits: Vec<Limit>,
    /// Hosts that are not third parties, besides those of the page's own site.
    pub(super) first_party: Vec<String>,
    /// Limits of figures that no run of ours has, by name.
    pub(super) unmeasured: Vec<String>,
}

/// What a page may cost at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// The last entry whose path is that of the page holds.
    pub(super) entries: Vec<Entry>,
}
