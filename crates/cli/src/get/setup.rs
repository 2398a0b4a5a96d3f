//! The client's settings, from the options.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{anyhow, bail};
use http::Version;
use roundtrip_fetch::{Jar, Netrc, NetrcMode};
use roundtrip_http::client::{
    Answers, KeepAlive, Options, PinnedKeys, Proxies, Schemes, Three, Timeouts,
};
use roundtrip_record::FaultKind;
use roundtrip_visit::ground::Ground;
use roundtrip_visit::run::TowardProxies;
use roundtrip_visit::trust::{Shown, Versions};
use roundtrip_visit::{BadOffer, Identity, Offer};
use url::Url;

use super::args::Get;
use super::early::Early;
use super::header::header_fields;
use super::{source, way};
use crate::jar;

/// curl's exit code for ciphers that are not there (`CURLE_SSL_CIPHER`).
const BAD_OFFER: u8 = 59;

/// How the client behaves that goes through these proxies.
pub(super) fn options(arguments: &Get, proxies: Proxies) -> anyhow::Result<Options> {
    let version = match (arguments.http10, arguments.http11) {
        (true, _) => Version::HTTP_10,
        (false, true) => Version::HTTP_11,
        (false, false) if arguments.http3 || arguments.http3_only => Version::HTTP_3,
        (false, false) => Version::HTTP_2,
    };
    let three = match (arguments.http3_only, arguments.http3) {
        _ if version < Version::HTTP_3 => Three::Never,
        (true, _) => Three::Only,
        (false, true) => Three::Tried,
        (false, false) => Three::Never,
    };
    let mut options = Options {
        version,
        three,
        // As libcurl (`lib/cf-https-connect.c`).
        three_head_start: Duration::from_millis(100),
        prior_knowledge: arguments.http2_prior_knowledge,
        attempt_delay: Duration::from_millis(arguments.connection.happy_eyeballs_timeout_ms),
        ..Options::default()
    };
    if let Some(wait) = arguments.shape.expect100_timeout {
        options.expect = Duration::try_from_secs_f64(wait)
            .map_err(|_| anyhow!("--expect100-timeout {wait}: wanted seconds"))?;
    }
    options.answers = Answers {
        without_head: arguments.http09,
        without_length: arguments.shape.ignore_content_length,
        raw: arguments.raw,
        transfer_codings: arguments.tr_encoding && !arguments.raw,
    };
    options.decode = crate::limits::decoded(arguments.max_decoded.as_deref())?;
    options.timeouts = Timeouts {
        // curl's default.
        connect: Some(
            seconds(arguments.connect_timeout, "--connect-timeout")?
                .unwrap_or(Duration::from_mins(5)),
        ),
        stall: None,
        total: None,
    };
    if arguments.http10 {
        options.keep_alive = KeepAlive::Off;
    }
    options.proxies = proxies;
    if let Some(agent) = &arguments.user_agent {
        options.user_agent.clone_from(agent);
    }
    Ok(options)
}

pub(super) fn seconds(value: Option<f64>, option: &str) -> anyhow::Result<Option<Duration>> {
    let Some(value) = value else { return Ok(None) };
    match Duration::try_from_secs_f64(value) {
        // As in curl, zero means no limit.
        Ok(Duration::ZERO) => Ok(None),
        Ok(duration) => Ok(Some(duration)),
        Err(_) => Err(anyhow!("{option} {value}: wanted seconds")),
    }
}

/// Whether cookies are kept: an option names a file of them, to begin with or to write.
pub(super) fn keeps_cookies(arguments: &Get) -> bool {
    arguments.cookie_jar.is_some() || cookie_files(arguments).next().is_some()
}

/// Reads the files of `-b` into the jar.
pub(super) fn read_cookies(arguments: &Get, jar: &mut Jar, now: SystemTime) {
    let sessions =
        if arguments.junk_session_cookies { jar::Sessions::Begin } else { jar::Sessions::GoOn };
    for path in cookie_files(arguments).filter(|path| !path.is_empty()) {
        // Like curl, takes a missing file for an empty one: the session begins without cookies.
        if let Ok(bytes) = source::read(path) {
            jar::read(&bytes, jar, now, sessions);
        }
    }
}

fn cookie_files(arguments: &Get) -> impl Iterator<Item = &str> {
    arguments.cookie.iter().map(String::as_str).filter(|text| !text.contains('='))
}

/// Reads a URL of the command line.
pub(super) fn url(arguments: &Get, text: &str) -> Result<Url, Box<FaultKind>> {
    let scheme = arguments.shape.proto_default.as_deref().unwrap_or("http");
    roundtrip_http::url::parse_with(text, scheme).map_err(Box::new)
}

/// How name and password are told, by the options for it: the default where none is given.
pub(super) fn schemes(basic: bool, digest: bool, any: bool) -> Schemes {
    match (basic, digest) {
        _ if any => Schemes::ANY,
        (_, false) => Schemes::BASIC,
        (false, true) => Schemes::DIGEST,
        (true, true) => Schemes { ask: true, ..Schemes::ANY },
    }
}

/// The names and passwords of `.netrc`, where an option wants them.
pub(super) fn netrc(arguments: &Get) -> Netrc {
    let login = &arguments.login;
    let mode = match (login.netrc, login.netrc_optional || login.netrc_file.is_some()) {
        (false, false) => return Netrc::default(),
        (_, true) if login.netrc_optional => NetrcMode::Optional,
        _ => NetrcMode::Required,
    };
    let at_home = || Some(Path::new(&std::env::var_os("HOME")?).join(".netrc"));
    let Some(path) = login.netrc_file.clone().or_else(at_home) else { return Netrc::default() };
    match std::fs::read(&path) {
        Ok(bytes) => {
            let mut netrc = Netrc::parse(&String::from_utf8_lossy(&bytes));
            netrc.mode = mode;
            netrc
        }
        // As in curl: nobody is known then.
        Err(_) => Netrc::default(),
    }
}

/// Options that name a proxy.
const PROXIES: [&str; 6] = ["proxy", "proxy1.0", "socks4", "socks4a", "socks5", "socks5-hostname"];

/// The URL of a SOCKS proxy that an option names.
fn socks(option: &str, proxy: &str) -> String {
    let scheme = if option == "socks5-hostname" { "socks5h" } else { option };
    let place = proxy.split_once("://").map_or(proxy, |(_, place)| place);
    format!("{scheme}://{place}")
}

/// The proxies, with how they are told who asks and the fields that are for them.
pub(super) fn proxies(arguments: &Get, ground: &Ground) -> anyhow::Result<Proxies> {
    let connection = &arguments.connection;
    if way::is_unix(connection) {
        // All connections lead to one socket: there is nobody to go through.
        return Ok(Proxies::default());
    }
    // The last one counts.
    let given = arguments.words.of(&PROXIES).last().filter(|(option, _)| *option != "proxy");
    let mut proxies = match given {
        Some(("proxy1.0", proxy)) => arguments.through.by(proxy, ground)?,
        Some((scheme, proxy)) => arguments.through.by(&socks(scheme, proxy), ground)?,
        None => arguments.through.on(ground)?,
    };
    let login = &arguments.login;
    let schemes = schemes(login.proxy_basic, login.proxy_digest, login.proxy_anyauth);
    let (fields, omit) = header_fields(&connection.proxy_header)?;
    let omits = |name: &str| omit.iter().any(|omitted| omitted.eq_ignore_ascii_case(name));
    for proxy in [&mut proxies.http, &mut proxies.https].into_iter().flatten() {
        proxy.fields = fields.clone();
        proxy.omits_connection = omits("Proxy-Connection");
        if matches!(given, Some(("proxy1.0", _))) {
            proxy.version = Version::HTTP_10;
        }
        if let Some(login) = &mut proxy.login {
            login.schemes = schemes;
        }
    }
    Ok(proxies)
}

/// How we show ourselves to servers: a certificate of ours, and versions of TLS.
pub(super) fn shown(arguments: &Get) -> anyhow::Result<Shown> {
    let connection = &arguments.connection;
    let identity = identity(connection.cert.as_deref(), connection.key.as_deref());
    let versions = match (connection.tlsv13, connection.tls_max.as_deref()) {
        (false, None | Some("default" | "1.3")) => Versions::All,
        (true, None | Some("default" | "1.3")) => Versions::Three,
        (false, Some("1.2")) => Versions::Two,
        (true, Some("1.2")) => bail!("--tlsv1.3 and --tls-max 1.2 leave no version"),
        (_, Some(other)) => {
            bail!(
                "--tls-max {other}: there are 1.2 and 1.3; what is older is broken and not spoken"
            )
        }
    };
    let secure = &arguments.secure;
    let offer = Offer {
        ciphers: secure.ciphers.clone(),
        tls13_ciphers: secure.tls13_ciphers.clone(),
        curves: secure.curves.clone(),
    };
    let offer = checked(offer)?;
    Ok(Shown { identity, versions, offer })
}

/// How proxies are met that are spoken to through TLS, where `all` that are used have some.
pub(super) fn toward_proxies<'a>(
    arguments: &Get,
    mut all: impl Iterator<Item = &'a Proxies>,
) -> anyhow::Result<Option<TowardProxies>> {
    let secure = &arguments.secure;
    let offer = checked(Offer {
        ciphers: secure.proxy_ciphers.clone(),
        tls13_ciphers: secure.proxy_tls13_ciphers.clone(),
        curves: None,
    })?;
    let identity = identity(secure.proxy_cert.as_deref(), secure.proxy_key.as_deref());
    let pinned = keys("--proxy-pinnedpubkey", secure.proxy_pinnedpubkey.as_deref())?;
    // One trust is for all groups; which of them have such a proxy does not matter.
    let toward = all.find_map(|proxies| arguments.through.toward(proxies));
    let shown = Shown { identity, offer, ..Shown::default() };
    Ok(toward.map(|toward| TowardProxies { pinned, shown, ..toward }))
}

fn identity(chain: Option<&Path>, key: Option<&Path>) -> Option<Identity> {
    let chain = chain?.to_owned();
    Some(Identity { key: key.map_or_else(|| chain.clone(), Path::to_owned), chain })
}

fn checked(offer: Offer) -> anyhow::Result<Offer> {
    let bad = |error: BadOffer| Early { code: BAD_OFFER, text: error.to_string() };
    offer.check().map_err(bad)?;
    Ok(offer)
}

/// The keys that servers may have.
pub(super) fn pinned(arguments: &Get) -> anyhow::Result<Option<PinnedKeys>> {
    keys("--pinnedpubkey", arguments.secure.pinnedpubkey.as_deref())
}

fn keys(option: &str, given: Option<&str>) -> anyhow::Result<Option<PinnedKeys>> {
    /// curl's exit code for a key that is not the pinned one (`CURLE_SSL_PINNEDPUBKEYNOTMATCH`), and for
    /// a file that has none.
    const NOT_PINNED: u8 = 90;
    let Some(text) = given else { return Ok(None) };
    let bad = |why: String| Early { code: NOT_PINNED, text: format!("{option} {text}: {why}") };
    let keys = if let Some(hashes) = PinnedKeys::hashes(text) {
        hashes.map_err(|one| {
            bad(format!("{one} is no hash; wanted sha256//BASE64 of 32 bytes, as `openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64` makes it"))
        })?
    } else {
        let bytes = std::fs::read(text).map_err(|error| bad(error.to_string()))?;
        PinnedKeys::of_file(&bytes).ok_or_else(|| {
            bad("no public key in it; it must hold PEM, beginning with -----BEGIN PUBLIC KEY-----, or DER".into())
        })?
    };
    Ok(Some(keys))
}
