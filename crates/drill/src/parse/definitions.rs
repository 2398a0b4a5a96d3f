//! The names that a script can use without defining them.

use std::collections::BTreeMap;

/// Names given from outside or with `--define`, and their values.
pub type Definitions = BTreeMap<String, String>;
