//! What a page may cost. Each limit is reported by a [`Note`](crate::Note) when it is met.

use std::time::Duration;

/// Characters of markup that are laid out, in bytes of UTF-8. Scanning for resources goes on beyond.
pub const MARKUP: usize = 12 << 20;
/// Elements that are laid out.
pub const ELEMENTS: usize = 120_000;
/// Nesting of elements in the tree; what is nested deeper becomes a sibling, as in Blink
/// (`kMaximumHTMLParserDOMTreeDepth`).
pub const DEPTH: usize = 512;
/// Flattened elements after which the rest of the markup is not laid out: the parser's own
/// stack still grows with them.
pub const FLATTENED: usize = 8_192;
/// Resources wanted by one page.
pub const FETCHES: usize = 4_096;
/// Listed resources remembered.
pub const LISTED: usize = 1_024;
/// Nesting of `@import`.
pub const IMPORTS: usize = 16;
/// Pixels of one image: 64 Mi, 256 MiB decoded.
pub const IMAGE_PIXELS: u64 = 64 << 20;
/// Pixels of all images of a page together: 256 Mi.
pub const PAGE_PIXELS: u64 = 256 << 20;
/// Height of a picture of the full page, in device pixels. The same as Chrome's screenshots.
pub const PICTURE_HEIGHT: u32 = 16_384;
/// Pixels of a picture.
pub const PICTURE_PIXELS: u64 = 64 << 20;
/// Width of a picture in a row of pictures, in pixels.
pub const FRAME_WIDTH: u32 = 320;
/// Height of such a picture, in pixels; what a viewport has below is left out.
pub const FRAME_HEIGHT: u32 = 640;
/// Bytes of such a picture's file: one that takes more is made smaller.
pub const FRAME: usize = 64 << 10;
/// Bytes of one style sheet that are used.
pub const STYLE: usize = 8 << 20;
/// How far below the viewport a lazy image is still loaded, in CSS pixels: Blink's distance
/// on a fast connection (`lazyLoadingDistanceThresholdPx4G`).
pub const LAZY_DISTANCE: f64 = 1250.0;
/// Stack of the thread that lays out: only what is used is ever committed.
pub const STACK: usize = 512 << 20;
/// The moment of CSS animations that is laid out, in seconds from their start: what fades in has
/// come, and what never ends is somewhere on its way.
pub const ANIMATED: f64 = 10.3;
/// Address space of the process that lays out and paints, in bytes, its [`STACK`] included.
pub const CHILD_MEMORY: u64 = 3 << 30;
/// Processor time of the process that lays out and paints, for all layouts of one page.
pub const CHILD_CPU: Duration = Duration::from_mins(1);
/// Open files of the process that lays out and paints: its pipes, and the machine's fonts.
pub const CHILD_FILES: u64 = 64;
/// How long one layout may take by the clock on the wall, however busy the machine is.
pub const CHILD_PATIENCE: Duration = Duration::from_mins(5);
