//! `roundtrip visit --browser`: an installed Chromium makes the visit, and what it did becomes a record.

use core::time::Duration;
use std::ffi::OsStr;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use data_encoding::BASE64;
use roundtrip_devtools::{Options, Picture, Recorded};
use roundtrip_import::Observed;
use roundtrip_record::{Log, Recorder};
use roundtrip_visit::Pin;
use url::Url;

use crate::args::{self, Output, Visit};
use crate::keep::Kept;
use crate::network::{Wire, pins};
use crate::stop::Stop;
use crate::terminal;

/// The most bytes of bodies that are taken over.
const MOST_BODIES: u64 = 1 << 30;
/// What these options are unless they are given.
const CONNECT_TIMEOUT: f64 = 10.0;
const STALL_TIMEOUT: f64 = 15.0;

/// Has the browser visit a URL; the run that it became, and what it came to.
pub(crate) fn visited(
    arguments: &Visit,
    program: &OsStr,
    url: &Url,
    wire: Option<&Wire>,
) -> anyhow::Result<(Kept, u8)> {
    refuse(arguments, wire)?;
    let follows = arguments.network.net.is_some();
    // A named folder is for the replay, so that the visit itself is kept among the saved runs.
    let output = if follows {
        Output { out: None, ..arguments.output.clone() }
    } else {
        arguments.output.clone()
    };
    let options =
        options(arguments, Some(PathBuf::from(program)).filter(|_| !program.is_empty()), url)?;
    Stop::listen();
    terminal::progress(arguments.quiet, &format!("a browser visits {url} …"));
    let recorded = roundtrip_devtools::visit(&options)?;
    let kept = Kept::new(&output, url.as_str())?;
    let exit = keep(&kept, arguments, recorded)?;
    Ok((kept, exit))
}

/// Refuses what a browser is not told.
fn refuse(arguments: &Visit, wire: Option<&Wire>) -> anyhow::Result<()> {
    let network = &arguments.network;
    let follows = network.net.is_some();
    for (given, option) in [
        (!matches!(wire, None | Some(Wire::Live)), "--wire"),
        (arguments.https, "--https"),
        (arguments.warm, "--warm"),
        (arguments.request.is_some(), "-X"),
        (!arguments.data.is_empty(), "-d"),
        (arguments.user.is_some(), "-u"),
        (!arguments.cookie.is_empty(), "-b"),
        (arguments.through.proxy_user.is_some(), "-U"),
        (arguments.through.proxytunnel, "-p"),
        (arguments.through.noproxy.is_some(), "--noproxy"),
        (arguments.through.proxy_cacert.is_some(), "--proxy-cacert"),
        (arguments.through.proxy_insecure, "--proxy-insecure"),
        (arguments.no_page, "--no-page"),
        (arguments.no_keepalive, "--no-keepalive"),
        (arguments.tcp_fastopen, "--tcp-fastopen"),
        (arguments.cacert.is_some(), "--cacert"),
        (arguments.full, "--full"),
        (arguments.fonts == args::FontsFrom::System, "--fonts"),
        (arguments.until != args::Until::default(), "--until"),
        (arguments.fail, "--fail"),
        (arguments.connect_timeout.to_bits() != CONNECT_TIMEOUT.to_bits(), "--connect-timeout"),
        (arguments.stall_timeout.to_bits() != STALL_TIMEOUT.to_bits(), "--stall-timeout"),
        (arguments.output.capture != args::Capture::default(), "--capture"),
        (network.dns.is_some(), "--dns"),
        (network.walk, "--walk"),
        (network.fresh, "--fresh"),
        (!network.site.is_empty(), "--site"),
        (!follows && arguments.behave.is_some(), "--as"),
        (!follows && arguments.cpu.is_some(), "--cpu"),
        (!follows && arguments.runs.is_some(), "--runs"),
        (!follows && arguments.server.is_some(), "--server"),
        (!follows && network.seed.is_some(), "--seed"),
        (!follows && network.date.is_some(), "--date"),
    ] {
        if given {
            bail!(
                "{option} has no place here: with --browser it is the browser that makes the visit"
            );
        }
    }
    Ok(())
}

fn options(arguments: &Visit, program: Option<PathBuf>, url: &Url) -> anyhow::Result<Options> {
    let wanted = || format!("--viewport {}", arguments.viewport);
    let (width, height) = arguments.viewport.split_once('x').with_context(wanted)?;
    let viewport = (width.parse().with_context(wanted)?, height.parse().with_context(wanted)?);
    let field = |text: &String| {
        let (name, value) =
            text.split_once(':').ok_or_else(|| anyhow!("-H {text}: wanted NAME: VALUE"))?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    };
    let host = |pin: Pin| match pin.addresses.as_slice() {
        [address] => {
            let host = pin.port.map_or(pin.host.clone(), |port| format!("{}:{port}", pin.host));
            let v6 = address.is_ipv6();
            Ok((host, if v6 { format!("[{address}]") } else { address.to_string() }))
        }
        _ => bail!("--resolve: a browser takes one address for {}", pin.host),
    };
    let hosts = pins(&arguments.resolve)?.into_iter().map(host);
    let limit = Duration::try_from_secs_f64(arguments.max_time)
        .map_err(|_| anyhow!("--max-time {}: wanted seconds", arguments.max_time))?;
    let decoded = crate::limits::decoded(arguments.max_decoded.as_deref())?;
    Ok(Options {
        program,
        url: url.clone(),
        viewport,
        fields: arguments.header.iter().map(field).collect::<anyhow::Result<_>>()?,
        user_agent: arguments.user_agent.clone(),
        hosts: hosts.collect::<anyhow::Result<_>>()?,
        proxy: arguments.through.proxy.clone().filter(|proxy| !proxy.is_empty()),
        insecure: arguments.insecure,
        limit: Some(limit).filter(|limit| !limit.is_zero()),
        most_bodies: decoded.run.min(MOST_BODIES),
        stop: || Stop::is_asked(),
    })
}

/// Turns what was seen into a run; what the visit came to.
fn keep(kept: &Kept, arguments: &Visit, recorded: Recorded) -> anyhow::Result<u8> {
    let Recorded { archive, picture, notes } = recorded;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("visit.har");
    std::fs::write(&file, archive.to_string())?;
    let picture = picture.filter(|_| !arguments.no_picture);
    let observed = Observed { notes, picture: picture.and_then(painted) };
    let options = roundtrip_import::Options { observed, ..roundtrip_import::Options::default() };
    let log = Log::new(Recorder::new(kept.settings(&arguments.output))?);
    let imported = roundtrip_import::import(&file, &options, &log)?;
    log.finish()?;
    Ok(imported.exit)
}

fn painted(picture: Picture) -> Option<roundtrip_import::Picture> {
    let Picture { png, size: (width, height), title } = picture;
    let png = BASE64.decode(png.as_bytes()).ok()?;
    Some(roundtrip_import::Picture { png, width, height, title })
}
