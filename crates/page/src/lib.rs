//! HTML in, wanted sub-resources out, pixels at the end: step 6 of an exchange.
//!
//! Sans I/O: this crate opens no socket, reads no file and no clock. The caller feeds it the
//! document's bytes as they arrive, asks what the page wants, fetches that however it likes, and
//! paints.
//!
//! ```
//! use roundtrip_page::{Delivered, Options, Page};
//!
//! let url = url::Url::parse("http://shop.example/").unwrap();
//! let mut page = Page::new(url, Options::default());
//! page.feed(b"<!doctype html><link rel=stylesheet href=red.css><div>Hello</div>");
//! page.finish_document();
//!
//! while let Some(fetch) = page.poll_fetch() {
//!     assert_eq!(fetch.url.as_str(), "http://shop.example/red.css");
//!     page.deliver(fetch.id, Delivered::Loaded {
//!         bytes: "body { margin: 0 } div { background: #f00; height: 50px }".into(),
//!         content_type: Some("text/css".to_owned()),
//!         final_url: fetch.url,
//!     });
//! }
//! assert!(page.ready_to_paint());
//! let picture = page.paint().unwrap();
//! assert_eq!(picture.pixel(600, 40), Some([255, 0, 0]));
//! assert!(picture.png().starts_with(b"\x89PNG"));
//! ```
//!
//! # Contract
//! - [`Page::feed`] and [`Page::finish_document`] take the document; a preload scanner finds
//!   resources at once, while the rest is still under way.
//! - [`Page::early_hints`], [`Page::answered`] and [`Page::link_field`] take what is known before the
//!   document's first byte: what its `Link` fields name is wanted as if its markup had named it first.
//! - [`Page::poll_fetch`] hands out each wanted resource once, in the order of discovery, until
//!   `None`. [`Page::deliver`] takes what became of it, in any order, and can make more appear
//!   (`@import`). So do [`Page::lay_out`] and [`Page::paint`]: images of styles that match, fonts
//!   in use, lazy images near the viewport. A load is over when `poll_fetch` says `None` after a
//!   layout of everything delivered ([`Page::is_stale`] is false) and [`Page::pending`] is empty.
//! - What the rules of the page refuse ([`Page::policy_field`], `<meta>`, `integrity`, mixed content) is not
//!   handed out; what an answer's head forbids ([`Page::deliver_answer`]) is not applied. Each is told once
//!   by [`Page::poll_refused`]. [`Page::destination`] says where a request goes, [`Page::guard`] whether a
//!   redirect may be followed.
//! - [`Page::ready_to_paint`] says when a browser would paint first; [`Page::paint`] never
//!   waits for anything.
//! - [`Page::job`] is the same as a value for another thread; [`Page::take`] brings it home.
//! - [`Page::snapshot`] keeps how the page stands, and [`Page::job_of`] looks at it later: a row of pictures, and
//!   which elements showed content when ([`Candidate`]).
//! - [`Page::notes`] says what a picture does not show: scripts are fetched and timed, not run.
//! - Same bytes, same options with [`Fonts::CarriedOnly`]: same fetches, same notes, same pixels.
//!
//! Layout and paint are [Blitz](https://github.com/DioxusLabs/blitz) inside, pinned to the digit;
//! the module `engine` holds it and works round its faults. A page made with [`Page::painted_by`] a
//! [`Painter`] that was started has them done by a [child process](child), which may die of it; one
//! made with [`Page::new`] by this process, on a thread with a deep stack. In both a panic becomes
//! [`PaintError::Engine`]. What a page may cost is bounded by [`limits`].
#![forbid(unsafe_code)]

pub mod child;
mod contentful;
mod css;
mod encoding;
mod engine;
mod fetch;
mod holds;
pub mod limits;
mod link;
mod media;
mod modules;
mod note;
mod options;
mod page;
mod picture;
mod policy;
mod resources;
mod scan;
mod srcset;

pub use bytes::Bytes;
pub use child::{Layouts, Painter, Program};
pub use contentful::Candidate;
pub use engine::Goal;
pub use fetch::{
    Blocks, Delivered, Fetch, FetchId, Hint, Initiator, Kind, Listed, Omitted, Priority, Reach,
};
pub use note::Note;
pub use options::{Extent, Fonts, Options, Reader, Scheme, Viewport, ViewportError};
pub use page::{Done, Job, Look, Page, Snapshot, Summary};
pub use picture::{PaintError, Picture, Png};
pub use policy::{AnswerHead, Disposition, Guard, Refusal, Refused, Stands, Upgraded};
pub use url::Url;
