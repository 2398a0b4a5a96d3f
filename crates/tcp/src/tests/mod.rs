//! Whole connections: two of them over a link, or one against a script.

mod pair;
mod schedules;
mod transfer;
