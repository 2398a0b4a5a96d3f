//! In whose manner cookies are kept.

/// Whose rules are followed, where they differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// Cookies of longer paths come first, among equal ones the older, as the RFC has it (§5.4). What
    /// another site's page asks for goes without the cookies whose `SameSite` keeps them from it
    /// (RFC 6265bis §5.7 and §5.8; one that says nothing is `Lax`, as in Chromium).
    #[default]
    Browser,
    /// Cookies of longer paths come first, among equal ones those of longer domains, then those of
    /// longer names, then the newer (curl's `lib/cookie.c`), and no more than fit into 150 cookies of 8190
    /// bytes. None is cut short to 400 days. `SameSite` means nothing: there are no pages.
    Curl,
}
