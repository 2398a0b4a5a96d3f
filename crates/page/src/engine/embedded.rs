//! Data that stand in an address themselves (RFC 2397).

use blitz_traits::net::Bytes;
use url::Url;

/// The bytes of a `data:` address.
pub(super) fn decode(url: &Url) -> Option<Bytes> {
    let data = data_url::DataUrl::process(url.as_str()).ok()?;
    Some(Bytes::from(data.decode_to_vec().ok()?.0))
}
