//! `basic`: Basic credentials (RFC 7617).

use data_encoding::BASE64;

/// Basic credentials (RFC 7617).
pub(crate) fn basic(user: &[u8], password: &[u8]) -> String {
    let mut plain = user.to_vec();
    plain.push(b':');
    plain.extend_from_slice(password);
    format!("Basic {}", BASE64.encode(&plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_those_of_the_rfc() {
        assert_eq!(basic(b"Aladdin", b"open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }
}
