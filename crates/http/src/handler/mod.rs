//! Handlers: files, virtual hosts.

mod conditional;
mod files;
mod hosts;
mod listing;
mod path;
mod range;
mod tree;

pub use files::{Files, Listing};
pub use hosts::Hosts;
pub use tree::Tree;
