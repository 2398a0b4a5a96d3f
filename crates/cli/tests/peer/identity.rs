//! Certificates for tests: an authority, and what servers show that are well or badly off.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};

/// How a certificate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// For `localhost`, from the authority.
    Good,
    /// The same, but ended yesterday.
    Expired,
    /// For another name, from the authority.
    Elsewhere,
    /// For `localhost`, signed by itself as an authority: what `openssl req -x509` makes.
    Itself,
    /// The same, for clients only.
    ItselfForClients,
}

const DAY: Duration = Duration::from_hours(24);

/// Writes `ca.pem`, and for each kind a chain and a key: `Good.pem`, `Good.key` and so on.
pub(crate) fn write(folder: &Path, kinds: &[Kind]) {
    let put = |name: String, text: String| fs::write(folder.join(name), text).expect("written");
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "authority of a test");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    put("ca.pem".into(), params.self_signed(&key).expect("a certificate").pem());
    let issuer = Issuer::new(params, key);
    for kind in kinds {
        let own = KeyPair::generate().expect("a key");
        let params = params_of(*kind);
        let certificate = match kind {
            Kind::Itself | Kind::ItselfForClients => params.self_signed(&own),
            _ => params.signed_by(&own, &issuer),
        };
        put(format!("{kind:?}.pem"), certificate.expect("a certificate").pem());
        put(format!("{kind:?}.key"), own.serialize_pem());
    }
}

// A certificate of today needs to know the day.
#[allow(clippy::disallowed_methods, reason = "a real peer lives in real time")]
fn params_of(kind: Kind) -> CertificateParams {
    let name = if kind == Kind::Elsewhere { "elsewhere.test" } else { "localhost" };
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.distinguished_name.push(DnType::CommonName, name);
    let now = SystemTime::now();
    params.not_before = (now - 30 * DAY).into();
    let end = if kind == Kind::Expired { now - DAY } else { now + 30 * DAY };
    params.not_after = end.into();
    if matches!(kind, Kind::Itself | Kind::ItselfForClients) {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    if kind == Kind::ItselfForClients {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    }
    params
}
