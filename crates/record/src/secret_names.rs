//! `SecretNames`: the names by which credentials are known.

/// Header fields whose values are credentials, in lower case, besides those of [`ENDINGS`].
const FIELDS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "api-key",
    "x-auth-key",
    "x-functions-key",
    "ocp-apim-subscription-key",
];

/// Query values that are credentials, in lower case and without `-`, `_` and `.`, besides those of
/// [`ENDINGS`].
const QUERY_VALUES: &[&str] = &[
    "accesskey",
    "auth",
    "authorization",
    "jsessionid",
    "jwt",
    "key",
    "pass",
    "passwd",
    "phpsessid",
    "privatekey",
    "pwd",
    "samlresponse",
    "sessionid",
    "sid",
    "sig",
    "subscriptionkey",
    "xamzcredential",
    "xgoogcredential",
];

/// What the names of credentials end with, whoever named them (`access_token`, `X-Vault-Token`,
/// `client_secret`), without `-`, `_` and `.`.
const ENDINGS: &[&str] = &["apikey", "password", "secret", "signature", "token"];

/// The names of header fields and query values that carry credentials: those that are known to, and
/// those that the user named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretNames {
    named: Vec<String>,
}

impl SecretNames {
    /// The known names and these; case does not matter.
    pub fn with(names: &[String]) -> Self {
        Self { named: names.iter().map(|name| name.to_ascii_lowercase()).collect() }
    }

    /// Whether the value of the header field `name` is a credential.
    pub fn has_field(&self, name: &str) -> bool {
        let lower = name.to_ascii_lowercase();
        FIELDS.contains(&lower.as_str()) || self.named.contains(&lower) || has_ending(&bare(&lower))
    }

    /// Whether the query value `name` is a credential.
    pub fn has_query_value(&self, name: &str) -> bool {
        let lower = name.to_ascii_lowercase();
        let bare = bare(&lower);
        self.named.contains(&lower) || QUERY_VALUES.contains(&bare.as_str()) || has_ending(&bare)
    }
}

/// A name without the characters that its writers use to part its words.
fn bare(name: &str) -> String {
    name.chars().filter(|letter| !matches!(letter, '-' | '_' | '.')).collect()
}

fn has_ending(bare: &str) -> bool {
    ENDINGS.iter().any(|ending| bare.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_known_by_their_names() {
        let names = SecretNames::with(&["X-Ticket".into()]);
        for secret in
            ["Authorization", "cookie", "X-Api-Key", "Private-Token", "x-ticket", "X-Shop-Secret"]
        {
            assert!(names.has_field(secret), "{secret}");
        }
        for open in ["Accept", "Sec-WebSocket-Key", "Location", "Tokens", "Server"] {
            assert!(!names.has_field(open), "{open}");
        }
    }
}
