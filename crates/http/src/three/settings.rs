//! SETTINGS (RFC 9114 §7.2.4).

use super::breach::{Breach, Code};
use super::number;

const TABLE: u64 = 0x01;
const SECTION: u64 = 0x06;
const BLOCKED: u64 = 0x07;

/// What one end allows the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Bytes that the dynamic table may have by which the other end codes fields (RFC 9204 §5).
    pub(crate) table: u64,
    /// Streams of the other end's that may wait for entries of that table.
    pub(crate) blocked: u64,
    /// Bytes that a field section may have, each field counting 32 more; `None`: any number.
    pub(crate) section: Option<u64>,
}

impl Settings {
    /// The payload of the frame.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let section = self.section.map(|section| (SECTION, section));
        for (id, value) in [(TABLE, self.table), (BLOCKED, self.blocked)].into_iter().chain(section)
        {
            number::encode(id, &mut out);
            number::encode(value, &mut out);
        }
        out
    }

    /// Reads the payload of a frame.
    pub(crate) fn decode(payload: &[u8]) -> Result<Self, Breach> {
        let cut = Breach::of_connection(Code::FRAME_ERROR, "SETTINGS that end within a setting");
        let bad = |why| Breach::of_connection(Code::SETTINGS_ERROR, why);
        let (mut settings, mut rest, mut seen) = (Self::default(), payload, Vec::new());
        while !rest.is_empty() {
            let (id, first) = number::decode(rest).ok_or(cut)?;
            let (value, second) = number::decode(&rest[first..]).ok_or(cut)?;
            rest = &rest[first + second..];
            match id {
                TABLE => settings.table = value,
                SECTION => settings.section = Some(value),
                BLOCKED => settings.blocked = value,
                // RFC 9114 §7.2.4.1.
                0x02..=0x05 => return Err(bad("a setting of HTTP/2")),
                _ => continue,
            }
            if seen.contains(&id) {
                return Err(bad("a setting that stands there twice"));
            }
            seen.push(id);
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_and_others_are_passed_over() {
        let settings = Settings { table: 4096, blocked: 16, section: Some(65_536) };
        let mut payload = settings.encode();
        // Reserved to be passed over, and one that says that CONNECT has protocols (RFC 9220).
        payload.extend([0x40, 0x5f, 7, 0x08, 1]);
        assert_eq!(Settings::decode(&payload), Ok(settings));
        assert_eq!(Settings::decode(&[]), Ok(Settings::default()));
    }

    #[test]
    fn what_may_not_stand_there_is_refused() {
        let code = |payload: &[u8]| Settings::decode(payload).unwrap_err().code;
        assert_eq!(code(&[3, 1]), Code::SETTINGS_ERROR);
        assert_eq!(code(&[6, 1, 6, 1]), Code::SETTINGS_ERROR);
        assert_eq!(code(&[6]), Code::FRAME_ERROR);
        assert_eq!(code(&[6, 0x40]), Code::FRAME_ERROR);
    }
}
