//! Why code between `%{` and `}%` stopped before its end.

/// Why code stopped.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stop {
    /// An assertion does not hold, or the code is wrong.
    Failed {
        /// The line of the code, from 0.
        line: u32,
        /// What does not hold, with the values of its names.
        why: String,
    },
    /// The code uses something that is not supported.
    Unsupported {
        /// The line of the code, from 0.
        line: u32,
        /// What the code uses.
        what: String,
    },
}
