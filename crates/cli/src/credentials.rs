//! `-u`: a name and a password for the server of a URL.

use anyhow::anyhow;
use roundtrip_http::url::set_userinfo;
use url::Url;

/// Puts `USER:PASSWORD` into a URL, in place of what stands there.
pub(crate) fn give(url: &mut Url, user: &str) -> anyhow::Result<()> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    set_userinfo(url, name, password).map_err(|error| anyhow!("-u: {url}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_taken_as_it_is() {
        for (user, name, password) in [
            ("me:pw", "me", Some("pw")),
            ("me:p:w%41", "me", Some("p%3Aw%2541")),
            ("a@b/c", "a%40b%2Fc", None),
            (":pw", "", Some("pw")),
        ] {
            let mut url: Url = "http://old:older@a.test/".parse().unwrap();
            give(&mut url, user).unwrap();
            assert_eq!((url.username(), url.password()), (name, password), "{user}");
        }
    }
}
