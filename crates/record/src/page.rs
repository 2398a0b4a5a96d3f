//! Events of step 6, the page: resources found, milestones, paints.

use serde::{Deserialize, Serialize};

use crate::{BodyRef, Initiator, Milestone, ResourceKind};

/// How urgent a resource is, in the words of the protocol of Chrome's developer tools.
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

/// What a resource holds up until it has arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocks {
    /// Neither painting nor parsing.
    #[default]
    Nothing,
    /// The first paint.
    Render,
    /// The parser, in a browser that runs scripts. Ours runs none.
    Parser,
}

/// The page names a resource; it is fetched unless `not_fetched` says why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageFound {
    /// The resource's URL.
    pub url: String,
    /// What the resource is for.
    pub kind: ResourceKind,
    /// How urgent the resource is.
    pub priority: Priority,
    /// What waits for the resource.
    pub blocks: Blocks,
    /// What named the resource: markup, a style sheet …
    pub initiator: Initiator,
    /// Why the resource is not fetched; `None` where it is.
    pub not_fetched: Option<String>,
}

/// The page's load reached a milestone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageMilestone {
    /// The milestone reached.
    pub name: Milestone,
}

/// The page was painted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PagePainted {
    /// The picture (PNG).
    pub picture: BodyRef,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The document's title; empty where it has none.
    pub title: String,
}

/// Something a reader of the page's picture must know: scripts are not run, a font was substituted
/// …
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageNote {
    /// The note, one sentence for people.
    pub note: String,
}
