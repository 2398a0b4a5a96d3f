//! Basic credentials (RFC 7617), and the user names and passwords of URLs that they are made of.

use data_encoding::BASE64;

/// Basic credentials (RFC 7617).
pub(crate) fn basic(user: &[u8], password: &[u8]) -> String {
    let mut plain = user.to_vec();
    plain.push(b':');
    plain.extend_from_slice(password);
    format!("Basic {}", BASE64.encode(&plain))
}

/// The bytes that percent-encoded text stands for.
pub(crate) fn percent_decode(text: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_those_of_the_rfc() {
        assert_eq!(basic(b"Aladdin", b"open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(percent_decode("a%40b%zz%"), b"a@b%zz%");
    }
}
