//! Handlers: files, programs (CGI), an echo, virtual hosts; and what is said around what they answer.

mod cgi;
mod compressed;
mod conditional;
mod content;
mod cors;
mod echo;
mod files;
mod gate;
mod guard;
mod hosts;
mod listing;
mod look;
mod meter;
mod name;
mod negotiate;
mod network;
mod packed;
mod pages;
mod path;
mod pattern;
mod range;
mod rules;
mod tree;
mod upload;

pub use cgi::{Cgi, Command, Program, Spawn};
pub use compressed::Compressed;
pub use conditional::is_unchanged;
pub use cors::{Origin, Origins};
pub use echo::Echo;
pub use files::{Files, Hidden, Listing, Ready, Urls};
pub use gate::{Admission, Gate};
pub use guard::{Guarded, Realm, Verify};
pub use hosts::Hosts;
pub use listing::UploadForm;
pub use meter::{Meter, Rate};
pub use network::Network;
pub use pages::{ErrorPage, Pages};
pub use pattern::Pattern;
pub use rules::{CacheRule, FieldRule, Hsts, LinkRule, Ruled, Rules};
pub use tree::Tree;
pub use upload::Uploads;

pub(crate) use path::Place;
