//! Step 6: the page.

use serde::{Deserialize, Serialize};

use crate::{BodyRef, Initiator, Milestone, ResourceKind};

/// How urgent a resource is, in Chrome's words.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[allow(missing_docs)]
pub enum Priority {
    VeryLow,
    Low,
    #[default]
    Medium,
    High,
    VeryHigh,
}

/// What waits for a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocks {
    /// Nothing.
    #[default]
    Nothing,
    /// The first paint.
    Render,
    /// In a browser that runs scripts, the parser.
    Parser,
}

/// The page names a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageFound {
    /// Its URL.
    pub url: String,
    /// What for.
    pub kind: ResourceKind,
    /// How urgent.
    pub priority: Priority,
    /// What waits for it.
    pub blocks: Blocks,
    /// Where it was found.
    pub initiator: Initiator,
    /// Why it is not fetched, where it is not.
    pub not_fetched: Option<String>,
}

/// The page's load reached a milestone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageMilestone {
    /// Which.
    pub name: Milestone,
}

/// The page was painted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PagePainted {
    /// The picture (PNG).
    pub picture: BodyRef,
    /// Width, pixels.
    pub width: u32,
    /// Height, pixels.
    pub height: u32,
    /// The document's title.
    pub title: String,
}

/// Something a reader of the picture must know: scripts are not run, a font was substituted …
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageNote {
    /// What.
    pub note: String,
}
