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
    /// The same, but not valid before tomorrow.
    Early,
    /// For another name, from the authority.
    Elsewhere,
    /// For `localhost`, signed by itself as an authority: what `openssl req -x509` makes.
    Itself,
    /// The same, for clients only.
    ItselfForClients,
    /// For `localhost`, from an authority that nobody knows.
    Unknown,
    /// For `localhost`, from the authority, for clients only.
    ForClients,
}

const DAY: Duration = Duration::from_hours(24);

/// Writes `ca.pem` with `ca.key`, and for each kind a chain and a key: `Good.pem`, `Good.key` and so on.
pub(crate) fn write(folder: &Path, kinds: &[Kind]) {
    let put = |name: String, text: String| fs::write(folder.join(name), text).expect("written");
    let (params, key) = authority("authority of a test");
    put("ca.pem".into(), params.self_signed(&key).expect("a certificate").pem());
    put("ca.key".into(), key.serialize_pem());
    let issuer = Issuer::new(params, key);
    let (params, key) = authority("authority that nobody knows");
    let unknown = Issuer::new(params, key);
    for kind in kinds {
        let own = KeyPair::generate().expect("a key");
        let params = params_of(*kind);
        let certificate = match kind {
            Kind::Itself | Kind::ItselfForClients => params.self_signed(&own),
            Kind::Unknown => params.signed_by(&own, &unknown),
            _ => params.signed_by(&own, &issuer),
        };
        put(format!("{kind:?}.pem"), certificate.expect("a certificate").pem());
        put(format!("{kind:?}.key"), own.serialize_pem());
    }
}

fn authority(name: &str) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (params, KeyPair::generate().expect("a key"))
}

// A certificate of today needs to know the day.
#[allow(clippy::disallowed_methods, reason = "a real peer lives in real time")]
fn params_of(kind: Kind) -> CertificateParams {
    let name = if kind == Kind::Elsewhere { "elsewhere.test" } else { "localhost" };
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.distinguished_name.push(DnType::CommonName, name);
    let now = SystemTime::now();
    let begin = if kind == Kind::Early { now + DAY } else { now - 30 * DAY };
    params.not_before = begin.into();
    let end = if kind == Kind::Expired { now - DAY } else { now + 30 * DAY };
    params.not_after = end.into();
    if matches!(kind, Kind::Itself | Kind::ItselfForClients) {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    if matches!(kind, Kind::ItselfForClients | Kind::ForClients) {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    }
    params
}
