//! Layout and paint in a process of their own.
//!
//! The engine inside is large and not all of it is safe code, and what it works on was written by
//! strangers. So the command starts itself a second time, with an argument that only it knows,
//! and talks to that child through pipes: what came of the page goes in, what else it wants and
//! the picture come out. The child has limits, and where the kernel can do it, it is shut off from
//! files, network and other processes. Should it die, that costs the picture, never the run.
//!
//! | file | what |
//! |---|---|
//! | `painter.rs` | the parent's end |
//! | `layouts.rs` | layouts that need not be made again |
//! | `digests.rs` | by what they are known |
//! | `sent.rs` | what the child has of the page |
//! | `serve.rs` | the child's end |
//! | `message.rs` | what they tell each other |
//! | `codec.rs` | how that is written |
//! | `confine.rs` | what the child may not do |

mod codec;
mod confine;
mod death;
mod digests;
mod layouts;
mod message;
mod painter;
mod sent;
mod serve;

pub use layouts::Layouts;
pub use painter::{Painter, Program};
pub use serve::{Mishap, serve};
