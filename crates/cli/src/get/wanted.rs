//! The request for one URL, from the options.

use std::fs;
use std::path::Path;
use std::rc::Rc;

use anyhow::{anyhow, bail};
use http::Method;
use http::uri::PathAndQuery;
use roundtrip_fetch::{Credentials, Methods, Redirects, Referrer, Retried, Retries, Rules, Sends};
use roundtrip_http::client::Decode;
use roundtrip_http::message::Fields;
use roundtrip_visit::get::{Fail, Wanted};
use url::Url;

use super::args::Get;
use super::condition;
use super::content::{self, Carried, Uploaded, carried};
use super::inputs::Inputs;
use super::output::Target;
use super::proto::permitted;
use super::setup::{schemes, seconds};
use super::written::Written;
use crate::credentials;

/// The request for one URL.
pub(super) fn wanted(
    arguments: &Get,
    inputs: &Inputs,
    upload: Option<&str>,
    mut url: Url,
    (given, target): (&str, &Target),
) -> anyhow::Result<Wanted> {
    let (mut fields, mut omit) = (inputs.fields.clone(), inputs.omit.clone());
    let Carried { sends, content, media_type, query, file } =
        carried(arguments, inputs.data.as_ref(), inputs.form.as_ref(), upload)?;
    if inputs.form.is_some() {
        // The one with the boundary stands in its place.
        fields.remove("Content-Type");
    }
    let mut written = Written::read(given, arguments.shape.path_as_is);
    for query in inputs.query.iter().chain(&query) {
        written.add_query(query);
        add_query(&mut url, query);
    }
    if let Some(user) = &arguments.user {
        credentials::give(&mut url, user)?;
    }
    if let Some(path) = upload.map(Path::new).filter(|_| url.path().ends_with('/'))
        && !content::is_standard_input(path)
        && let Some(name) = path.file_name()
        && let Ok(mut segments) = url.path_segments_mut()
    {
        segments.pop_if_empty().push(&name.to_string_lossy());
        written.push_name(&name.to_string_lossy());
    }
    let method = method(arguments, sends)?;
    if !arguments.json.is_empty() {
        // As curl: they count as the caller's own.
        for name in ["Content-Type", "Accept"] {
            if !is_own(name, &fields, &omit) {
                fields.add(name, "application/json");
            }
        }
    }
    if let Some(path) = &arguments.files.etag_compare {
        fields.add("If-None-Match", condition::etag(path, arguments.files.etag_save.is_none())?);
    }
    let downloads = sends == Sends::Nothing;
    // With -I and -r, nothing needs the offset of -C, and it may be anything.
    let resumes = downloads && !(arguments.head && arguments.range.is_some());
    let from = if resumes { content::offset(arguments, || length(target))? } else { None };
    let range = if downloads { range(arguments, from) } else { None };
    let when = arguments.files.time_cond.as_deref().and_then(condition::parse);
    let mut derived = Fields::new();
    if arguments.tr_encoding {
        ask_for_transfer_codings(&mut fields, &mut omit, &mut derived);
    }
    let media_type = media_type.filter(|_| sends == Sends::Post && arguments.json.is_empty());
    for (name, value) in [
        ("Range", range),
        ("Content-Range", file.and_then(|file| content_range(arguments, file))),
        ("Content-Type", media_type),
    ]
    .into_iter()
    .chain(when.map(condition::field).map(|(name, value)| (name, Some(value))))
    {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            derived.push(name, value.as_bytes()).map_err(|error| anyhow!("{name}: {error}"))?;
        }
    }
    if arguments.user_agent.as_deref() == Some("") {
        omit.push("User-Agent".into());
    }
    let rules = Rules { of_body: &["Content-Type"], ..rules(arguments, sends, inputs) };
    let own = arguments.shape.request_target.clone();
    if let Some(own) = own.as_ref().filter(|own| own.contains(['\r', '\n'])) {
        bail!("--request-target {own:?}: a line end would end the request line");
    }
    let sent = own.or_else(|| sendable(&url, &written));
    Ok(Wanted {
        url,
        method,
        fields,
        derived,
        target: sent,
        omit,
        content,
        sends_file: sends == Sends::Put,
        rules,
        decode: if arguments.compressed && !arguments.raw { Decode::Strict } else { Decode::Off },
        retries: retries(arguments)?,
        rate: rate(arguments)?,
        limit: seconds(arguments.max_time, "--max-time")?,
        max_bytes: arguments
            .max_filesize
            .as_deref()
            .map(|text| crate::limits::size("--max-filesize", text))
            .transpose()?
            .filter(|most| *most > 0),
        fail: match (arguments.fail, arguments.fail_with_body) {
            (_, true) => Fail::WithBody,
            (true, false) => Fail::WithoutBody,
            (false, false) => Fail::No,
        },
        condition: when,
        resume: from.filter(|_| !arguments.head),
        keep_body: false,
    })
}

/// The target as it was written, where the version can carry it that may be spoken; otherwise the URL's own
/// is sent.
fn sendable(url: &Url, written: &Written) -> Option<String> {
    let target = written.target();
    let fits = url.scheme() == "http" || PathAndQuery::try_from(target.as_str()).is_ok();
    fits.then_some(target)
}

/// Adds to a URL's query.
fn add_query(url: &mut Url, query: &str) {
    let all = match url.query() {
        Some(own) if !own.is_empty() => format!("{own}&{query}"),
        _ => query.to_owned(),
    };
    url.set_query(Some(&all));
}

/// Whether the command line says what becomes of a field: it gives it, or leaves it out.
fn is_own(name: &str, fields: &Fields, omit: &[String]) -> bool {
    fields.contains(name) || omit.iter().any(|omitted| omitted.eq_ignore_ascii_case(name))
}

/// How fast the body may come, in bytes a second.
fn rate(arguments: &Get) -> anyhow::Result<Option<u64>> {
    let rate = arguments.limit_rate.as_deref();
    let rate = rate.map(|text| crate::limits::size("--limit-rate", text)).transpose()?;
    Ok(rate.filter(|rate| *rate > 0))
}

fn retries(arguments: &Get) -> anyhow::Result<Retries> {
    Ok(Retries {
        most: arguments.retry,
        of: match (arguments.retry_all_errors, arguments.retry_connrefused) {
            (true, _) => Retried::All,
            (false, true) => Retried::Refused,
            (false, false) => Retried::Passing,
        },
        delay: seconds(arguments.retry_delay, "--retry-delay")?,
        within: seconds(arguments.retry_max_time, "--retry-max-time")?,
    })
}

/// The rules for redirects.
fn rules(arguments: &Get, sends: Sends, inputs: &Inputs) -> Rules {
    let login = &arguments.login;
    let keep_post = [(301, arguments.post301), (302, arguments.post302), (303, arguments.post303)];
    let keep_post = keep_post.into_iter().filter_map(|(status, keeps)| keeps.then_some(status));
    Rules {
        redirects: match (arguments.location || arguments.location_trusted, arguments.max_redirs) {
            (false, _) => Redirects::Shown,
            (true, most) => u32::try_from(most).map_or(Redirects::All, Redirects::Most),
        },
        methods: Methods::Curl {
            named: arguments.request.is_some(),
            keep_post: keep_post.collect(),
            sends,
        },
        credentials: if arguments.location_trusted {
            Credentials::Anybody
        } else {
            Credentials::Origin
        },
        referrer: referrer(arguments),
        cookies: cookies(arguments),
        leads_to: permitted(arguments.shape.proto_redir.as_deref()),
        logins: schemes(login.basic, login.digest, login.anyauth),
        bearer: login.oauth2_bearer.clone(),
        netrc: Rc::clone(&inputs.netrc),
        proxies: inputs.proxies.clone(),
        ..Rules::curl(sends)
    }
}

/// Parses `-e`: `URL`, `URL;auto` or `;auto`.
fn referrer(arguments: &Get) -> Referrer {
    let text = arguments.referer.as_deref().unwrap_or_default();
    match text.strip_suffix(";auto") {
        Some(given) => Referrer::Follows((!given.is_empty()).then(|| given.to_owned())),
        None if text.is_empty() => Referrer::None,
        None => Referrer::Given(text.to_owned()),
    }
}

fn method(arguments: &Get, sends: Sends) -> anyhow::Result<Method> {
    if let Some(name) = &arguments.request {
        return Method::from_bytes(name.as_bytes())
            .map_err(|_| anyhow!("-X {name}: not a method's name (RFC 9110 §9.1)"));
    }
    Ok(match () {
        () if arguments.head => Method::HEAD,
        () => match sends {
            Sends::Nothing => Method::GET,
            Sends::Post => Method::POST,
            Sends::Put => Method::PUT,
        },
    })
}

/// Asks for a coded transfer (RFC 9110 §10.1.4): TE, and Connection, which says that it is for the next
/// one alone.
fn ask_for_transfer_codings(fields: &mut Fields, omit: &mut Vec<String>, derived: &mut Fields) {
    let own = fields.text("Connection").map(str::to_owned).filter(|own| !own.trim().is_empty());
    fields.remove("Connection");
    omit.retain(|name| !name.eq_ignore_ascii_case("Connection"));
    let told = own.map_or_else(|| "TE".to_owned(), |own| format!("{own}, TE"));
    derived.add("Connection", told).add("TE", "gzip");
}

/// The cookies that `-b` gives directly, not from a file.
fn cookies(arguments: &Get) -> Option<String> {
    let given: Vec<&str> =
        arguments.cookie.iter().filter(|text| text.contains('=')).map(String::as_str).collect();
    (!given.is_empty()).then(|| given.join(";"))
}

/// Which part is wanted: that of `-r`, or all from this offset on.
fn range(arguments: &Get, from: Option<u64>) -> Option<String> {
    if let Some(range) = &arguments.range {
        // A number alone is the offset to begin at.
        let open = if range.contains('-') { "" } else { "-" };
        return Some(format!("bytes={range}{open}"));
    }
    from.filter(|from| *from > 0).map(|from| format!("bytes={from}-"))
}

/// Which part of a file goes up, where it is a part (RFC 9110 §14.4). Where to resume an upload is not
/// known to us with `-C -`: the whole file is sent, and said to be the whole, as curl does.
fn content_range(arguments: &Get, file: Uploaded) -> Option<String> {
    let Uploaded { from, length } = file;
    match &arguments.range {
        Some(range) => Some(format!("bytes {range}/{length}")),
        None if arguments.continue_at.is_some() && length > 0 => {
            Some(format!("bytes {from}-{}/{length}", length - 1))
        }
        None => None,
    }
}

/// The length of what is there already, in bytes.
fn length(target: &Target) -> u64 {
    match target {
        Target::File { path, .. } => fs::metadata(path).map_or(0, |meta| meta.len()),
        _ => 0,
    }
}
