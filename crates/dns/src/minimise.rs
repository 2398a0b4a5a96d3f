//! `Minimise`: QNAME minimisation (RFC 9156), which tells a server no more of a name than it needs
//! to refer us on.

use hickory_proto::rr::{Name, RecordType};

use crate::message::Question;
use crate::zone::tail;

/// The most shortened questions for one name (RFC 9156 §2.3, `MAX_MINIMISE_COUNT`).
const MOST: usize = 10;
/// How many of them add one label each (`MINIMISE_ONE_LAB`); the others share the remaining labels.
const SINGLE: usize = 4;

/// How much of a name the servers are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Minimise {
    /// The number of labels told, from the root; `None` for all.
    told: Option<usize>,
    labels: usize,
    steps: usize,
}

impl Minimise {
    /// The state for a new name.
    pub(crate) fn new() -> Self {
        Self { told: None, labels: 0, steps: 0 }
    }

    /// Begins to ask the servers of `zone`.
    pub(crate) fn enter(&mut self, zone: &Name, question: &Question) {
        self.labels = question.name.iter().count();
        self.told = Some(zone.iter().count());
        self.answered();
    }

    /// Tells more of the name: the shortened one exists, and there was no referral.
    pub(crate) fn answered(&mut self) {
        let Some(told) = self.told else { return };
        let left = self.labels.saturating_sub(told);
        let more = match MOST.saturating_sub(self.steps) {
            0 => left,
            _ if self.steps < SINGLE => 1,
            steps_left => left.div_ceil(steps_left),
        };
        self.steps += 1;
        self.told = (told + more < self.labels).then_some(told + more);
    }

    /// Tells the whole name from now on.
    pub(crate) fn stop(&mut self) {
        self.told = None;
    }

    /// Whether less than the whole name is told.
    pub(crate) fn is_on(&self) -> bool {
        self.told.is_some()
    }

    /// The question as it is sent. A shortened one asks for an address, since some servers fail for
    /// NS (RFC 9156 §2.1).
    pub(crate) fn question(&self, whole: &Question) -> Question {
        match self.told {
            Some(told) => Question::new(tail(&whole.name, told), RecordType::A),
            None => whole.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::name;

    /// The names asked when every server knows the shortened one and refers nowhere.
    fn asked(text: &str) -> Vec<String> {
        let whole = Question::new(name(text), RecordType::AAAA);
        let mut minimise = Minimise::new();
        minimise.enter(&Name::root(), &whole);
        let mut names = Vec::new();
        while minimise.is_on() {
            names.push(minimise.question(&whole).name.to_ascii());
            minimise.answered();
        }
        assert_eq!(minimise.question(&whole), whole);
        names
    }

    #[test]
    fn one_label_more_each_time() {
        assert_eq!(asked("www.example.com"), ["com.", "example.com."]);
        assert_eq!(asked("com"), Vec::<String>::new());
    }

    #[test]
    fn long_names_are_told_in_larger_steps() {
        let long = "a.".repeat(60);
        assert!(asked(&long).len() <= MOST);
        assert_eq!(asked(&long)[3], "a.".repeat(4));
    }
}
