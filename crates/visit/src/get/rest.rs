//! Whether an answer is the rest of a body whose beginning is there already (`-C`).

use http::StatusCode;
use roundtrip_http::client::Response;
use roundtrip_http::message::Fields;
use roundtrip_wire::Wire;

/// What an answer is to somebody who has the first bytes of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Its body is what follows those bytes.
    Follows,
    /// Nothing follows: those bytes are the whole body.
    Nothing,
    /// It cannot be appended, for this reason.
    Unfit(String),
}

impl Rest {
    /// Judges an answer to a request for the bytes from offset `from` on.
    pub(super) fn of<W: Wire>(response: &Response<W>, from: u64) -> Self {
        Self::judge(response.status, &response.fields, response.body.expected(), from)
    }

    fn judge(status: StatusCode, fields: &Fields, length: Option<u64>, from: u64) -> Self {
        match status {
            StatusCode::RANGE_NOT_SATISFIABLE => Self::Nothing,
            // A client must look at Content-Range: the server may send another part than the one that
            // was asked for (RFC 9110 §15.3.7.1).
            StatusCode::PARTIAL_CONTENT => match first_byte(fields) {
                Some(first) if first == from => Self::Follows,
                Some(first) => Self::Unfit(format!(
                    "the server sent the bytes from {first} on where those from {from} on were asked for"
                )),
                None => Self::Unfit(
                    "the server sent a part without saying which (Content-Range)".into(),
                ),
            },
            // Some servers send a part as if it were the whole, and say which it is.
            StatusCode::OK if first_byte(fields) == Some(from) => Self::Follows,
            StatusCode::OK if length == Some(from) => Self::Nothing,
            StatusCode::OK => Self::Unfit(
                "the server sent the whole body where only the rest was asked for".into(),
            ),
            _ if length == Some(0) => Self::Nothing,
            // Whatever it says, it is not a part of the file.
            other => Self::Unfit(format!("the server answered {other} and not with the rest")),
        }
    }
}

/// The offset of the first byte, as Content-Range has it: `bytes FIRST-LAST/LENGTH` (RFC 9110 §14.4).
fn first_byte(fields: &Fields) -> Option<u64> {
    let (unit, range) = fields.text("Content-Range")?.trim().split_once(' ')?;
    let (first, _) = range.trim().split_once('-')?;
    if unit.eq_ignore_ascii_case("bytes") { first.trim().parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_follows_is_appended() {
        let judge = |status: u16, range: Option<&'static str>, length| {
            let mut fields = Fields::new();
            if let Some(range) = range {
                fields.add("Content-Range", range);
            }
            Rest::judge(StatusCode::from_u16(status).unwrap(), &fields, length, 5)
        };
        assert_eq!(judge(206, Some("bytes 5-9/10"), Some(5)), Rest::Follows);
        assert_eq!(judge(206, Some("Bytes 5-9/*"), None), Rest::Follows);
        for range in ["bytes 0-9/10", "bytes 6-9/10", "lines 5-9/10", "bytes */10", "5-9/10", ""] {
            assert!(matches!(judge(206, Some(range), Some(5)), Rest::Unfit(_)), "{range}");
        }
        assert!(matches!(judge(206, None, Some(5)), Rest::Unfit(_)));
        assert!(matches!(judge(200, None, Some(10)), Rest::Unfit(_)));
        assert_eq!(judge(200, None, Some(5)), Rest::Nothing);
        assert_eq!(judge(200, Some("bytes 5-"), None), Rest::Follows);
        assert_eq!(judge(416, Some("bytes */5"), Some(0)), Rest::Nothing);
        assert!(matches!(judge(404, None, Some(9)), Rest::Unfit(_)));
        assert_eq!(judge(304, None, Some(0)), Rest::Nothing);
    }
}
