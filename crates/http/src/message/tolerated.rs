//! What was taken though the RFCs do not allow it.

use super::error::{Defect, MessageError};

/// The first case of each kind, in order: a message that breaks a rule a thousand times breaks it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tolerated(Vec<MessageError>);

impl Tolerated {
    pub(crate) fn add(&mut self, defect: Defect, offset: u64) {
        if !self.0.iter().any(|other| other.defect == defect) {
            self.0.push(MessageError::new(defect, offset));
        }
    }

    pub(crate) fn take(&mut self) -> Vec<MessageError> {
        core::mem::take(&mut self.0)
    }
}
