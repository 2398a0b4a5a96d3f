//! Events of step 6, the page: resources found, milestones, paints.

use serde::{Deserialize, Serialize};

use crate::{Blocks, BodyRef, Initiator, Milestone, Priority, ResourceKind};

/// The page names a resource; it is fetched unless `not_fetched` says why not. What a `Link` field or a 103
/// named is told of once more where the page itself names it, since only then is known what waits for it.
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

/// What was to be seen of the page at a moment of its load, in a small picture of the viewport: one of a row, each
/// different from the one before. The event's time is when it was on the display.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageFrame {
    /// The picture (PNG).
    pub picture: BodyRef,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Bytes of the document that had come, content codings undone.
    pub document: u64,
    /// Resources that had come.
    pub resources: u32,
}

/// The largest element of content within the viewport (W3C Largest Contentful Paint). The event's time is when it
/// was first on the display.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargestContent {
    /// The name of the element's tag.
    pub element: String,
    /// The URL of the picture; `None` for text.
    pub url: Option<String>,
    /// Width within the viewport, in CSS pixels.
    pub width: u32,
    /// Height within the viewport, in CSS pixels.
    pub height: u32,
    /// Effective visual size, in square CSS pixels: of a picture that is drawn larger than it is, only as much as it
    /// holds.
    pub size: u64,
}

/// Something a reader of the page's picture must know: scripts are not run, a font was substituted
/// …
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageNote {
    /// The note, one sentence for people.
    pub note: String,
}
