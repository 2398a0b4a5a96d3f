//! Handlers: files, programs (CGI), an echo, virtual hosts.

mod cgi;
mod compressed;
mod conditional;
mod echo;
mod files;
mod hosts;
mod listing;
mod negotiate;
mod path;
mod range;
mod tree;

pub use cgi::{Cgi, Command, Program, Spawn};
pub use compressed::Compressed;
pub use conditional::is_unchanged;
pub use echo::Echo;
pub use files::{Files, Hidden, Listing, Ready};
pub use hosts::Hosts;
pub use tree::Tree;
