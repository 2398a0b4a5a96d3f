//! `Budget`: what a page may cost at most, as a file says it, and whether a run keeps to it.

mod judge;
mod lighthouse;
mod limit;
mod path;
mod toml;

pub use judge::{BudgetReport, Contributor, JudgedLimit};
pub use limit::{BadBudget, Budget};

impl Budget {
    /// Reads a budget: TOML in our own words, or an array of budgets as Lighthouse's `budget.json`
    /// has them. Which it is shows in the text.
    ///
    /// # Errors
    /// When the text is neither, or says something that has no meaning here; where, and what would.
    pub fn read(text: &str) -> Result<Self, BadBudget> {
        let text = text.trim_start_matches('\u{feff}');
        let mut begin = text.chars().filter(|letter| !letter.is_whitespace());
        match (begin.next(), begin.next()) {
            // An array of objects; in TOML a table's name would follow.
            (Some('['), Some('{' | ']')) | (Some('{'), _) => lighthouse::read(text),
            _ => toml::read(text),
        }
    }
}
