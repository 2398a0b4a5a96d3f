//! Sites in the lab: web hosts with names, and the tree of name servers that knows them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::sync::Arc;

use http::Version;
use roundtrip_dns::{Authority as NameAuthority, BadZone, Recursive, Zone, serve};
use roundtrip_http::client::Scheme;
use roundtrip_http::handler::{Compressed, Files};
use roundtrip_http::server::{Handler, Options, Server};
use roundtrip_lab::{Internet, LabHost, NameServers, TcpProfile};
use roundtrip_quic::{Listener as QuicListener, Settings as Quic};
use roundtrip_record::Role;
use roundtrip_wire::Wire as _;

use crate::crypto::{Authority, Likeness, NoCertificate, Validity};
use crate::names::Pin;

/// Makes the handler of a site, on the host that serves it.
pub type MakeHandler = Box<dyn FnOnce(&LabHost) -> Rc<dyn Handler>>;

/// The host name under which a visited folder is served.
pub const FOLDER_HOST: &str = "site.example";

/// One origin and what answers for it.
pub struct Site {
    /// How it is spoken to.
    pub scheme: Scheme,
    /// The host, a name or an address, as it stands in a URL.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Other hosts that its server and its certificate are for, at the same address.
    pub also: Vec<String>,
    /// What answers.
    pub handler: MakeHandler,
    /// How its server behaves. Over TLS it offers HTTP/2 and HTTP/3 if its version says so.
    pub options: Options,
    /// Whether its certificate is good.
    pub validity: Validity,
    /// What of its TLS is as another's was.
    pub likeness: Likeness,
    /// The TCP of its host, where it is not as on the others. Sites of one host share it: the last
    /// one's counts.
    pub tcp: Option<Arc<TcpProfile>>,
}

impl Site {
    /// A site of http on port 80.
    pub fn http(host: &str, handler: MakeHandler) -> Self {
        Self {
            scheme: Scheme::Http,
            host: host.to_owned(),
            port: 80,
            also: Vec::new(),
            handler,
            options: Options { version: Version::HTTP_11, ..Options::default() },
            validity: Validity::Good,
            likeness: Likeness::default(),
            tcp: None,
        }
    }

    /// A site that serves files, as they commonly are: whoever has set TLS up has set up compression and
    /// HTTP/2, too.
    pub fn files(host: &str, files: Files, scheme: Scheme) -> Self {
        let files: Rc<dyn Handler> = Rc::new(files);
        match scheme {
            Scheme::Http => Self::http(host, Box::new(move |_| files)),
            Scheme::Https => {
                let site = Self::http(host, Box::new(move |_| Rc::new(Compressed::new(files))));
                site.with_two().secure()
            }
        }
    }

    /// The same site, whose server speaks HTTP/2 as well.
    #[must_use]
    pub fn with_two(mut self) -> Self {
        self.options.version = Version::HTTP_2;
        self
    }

    /// The same site, whose server speaks HTTP/3 as well where it is spoken to over https, and says so
    /// (RFC 7838).
    #[must_use]
    pub fn with_three(mut self) -> Self {
        if self.scheme == Scheme::Https {
            self.options.version = Version::HTTP_3;
            self.options.alternatives = format!("h3=\":{}\"; ma=86400", self.port);
        }
        self
    }

    /// The same site, whose server and certificate are for these hosts too.
    #[must_use]
    pub fn with_hosts(mut self, hosts: &[&str]) -> Self {
        self.also.extend(hosts.iter().map(|host| (*host).to_owned()));
        self
    }

    /// Every host that its server is for.
    fn all_hosts(&self) -> impl Iterator<Item = &String> {
        core::iter::once(&self.host).chain(&self.also)
    }

    /// The same site over https, on port 443.
    #[must_use]
    pub fn secure(self) -> Self {
        Self { scheme: Scheme::Https, port: 443, ..self }
    }
}

/// Why sites cannot be put up.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// A zone could not be written.
    #[error("no name server for the sites: {0}")]
    Zone(#[from] BadZone),
    /// A certificate could not be made.
    #[error(transparent)]
    Certificate(#[from] NoCertificate),
    /// A server could not listen.
    #[error("the simulated host {host} cannot listen on port {port}: {why}")]
    Listen {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What its stack said.
        why: io::Error,
    },
}

/// Puts sites up behind the router: a web host for each host name, a name server for each level of
/// the tree, and a recursive resolver for the client. Answers with the addresses of hosts that no
/// name server can know: those written as addresses, and `localhost`.
///
/// # Errors
/// When a name cannot stand in a zone or a certificate.
pub fn put_up(
    internet: &mut Internet,
    authority: &Authority,
    sites: Vec<Site>,
) -> Result<Vec<Pin>, SiteError> {
    let mut hosts: BTreeMap<String, (LabHost, Ipv4Addr)> = BTreeMap::new();
    let servers = internet.add_name_servers();
    let mut number = 0;
    // Hosts at one address have it whatever else they serve.
    let (together, alone): (Vec<&Site>, Vec<&Site>) =
        sites.iter().partition(|site| !site.also.is_empty());
    for site in together.into_iter().chain(alone) {
        let known = site.all_hosts().find_map(|host| hosts.get(host)).cloned();
        let at = known.unwrap_or_else(|| {
            let address = Internet::web_address(number);
            number += 1;
            (internet.add_server(&site.host, Role::WebServer, address.into()), address)
        });
        for host in site.all_hosts() {
            hosts.entry(host.clone()).or_insert_with(|| at.clone());
        }
    }
    for site in sites {
        let (host, address) = hosts[&site.host].clone();
        open(&host, address, authority, site)?;
    }
    let (pinned, named): (Vec<_>, Vec<_>) = hosts
        .into_iter()
        .map(|(name, (_, address))| (name, address))
        .partition(|(name, _)| is_beyond_dns(name));
    name(&servers, &named)?;
    let pin = |(host, address): (String, Ipv4Addr)| Pin {
        host: host.trim_matches(['[', ']']).to_owned(),
        port: None,
        addresses: vec![IpAddr::from(address)],
    };
    Ok(pinned.into_iter().map(pin).collect())
}

/// Whether no name server answers for a host: an address, a name of one label, a special use name.
fn is_beyond_dns(host: &str) -> bool {
    let bare = host.trim_matches(['[', ']']);
    bare.parse::<IpAddr>().is_ok()
        || !bare.contains('.')
        || bare.eq_ignore_ascii_case("localhost")
        || bare.to_ascii_lowercase().ends_with(".localhost")
}

fn open(
    host: &LabHost,
    address: Ipv4Addr,
    authority: &Authority,
    site: Site,
) -> Result<(), SiteError> {
    let names: Vec<_> =
        site.all_hosts().map(|host| host.trim_matches(['[', ']']).to_owned()).collect();
    if let Some(tcp) = site.tcp {
        host.host(|host| host.set_tcp_profile(tcp));
    }
    let at = (address, site.port).into();
    let listener = host.listen(at).map_err(|why| SiteError::Listen {
        host: site.host.clone(),
        port: site.port,
        why,
    })?;
    let handler = (site.handler)(host);
    let version = site.options.version;
    let quic = Quic { streams: site.options.max_streams, ..Quic::default() };
    let most = site.options.max_connections;
    let mut server = Server::new(host.clone(), handler, site.options);
    if site.scheme == Scheme::Https {
        let mut config = authority.server_like(&names, site.validity, site.likeness)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut three = config.clone();
        if version >= Version::HTTP_2 {
            config.alpn_protocols.insert(0, b"h2".to_vec());
        }
        server = server.with_tls(Arc::new(config));
        if version >= Version::HTTP_3 {
            three.alpn_protocols = vec![b"h3".to_vec()];
            let listening = QuicListener::bind(host, at, Arc::new(three), quic, most);
            let listener = listening.map_err(|why| SiteError::Listen {
                host: site.host.clone(),
                port: site.port,
                why,
            })?;
            let server = server.clone();
            let serving =
                async move { server.serve_three(listener, core::future::pending()).await };
            host.spawn(serving).detach();
        }
    }
    let serving = async move { server.serve(listener, core::future::pending()).await };
    host.spawn(serving).detach();
    Ok(())
}

/// Gives the tree of name servers what it needs to know of these hosts.
fn name(servers: &NameServers, hosts: &[(String, Ipv4Addr)]) -> Result<(), SiteError> {
    let zones: BTreeSet<&str> = hosts.iter().map(|(host, _)| zone_of(host)).collect();
    let tops: BTreeSet<&str> = zones.iter().map(|zone| top_of(zone)).collect();

    let mut root = head("a.root-servers.lab. hostmaster.lab.");
    let _ =
        writeln!(root, "@ IN NS a.root-servers.lab.\na.root-servers.lab. IN A {}", Internet::ROOT);
    for top in &tops {
        let _ = writeln!(root, "{top}. IN NS ns.nic.{top}.\nns.nic.{top}. IN A {}", Internet::TLD);
    }
    let mut tld = Vec::new();
    for top in &tops {
        let mut text = head(&format!("ns.nic.{top}. hostmaster.nic.{top}."));
        let _ = writeln!(text, "@ IN NS ns.nic.{top}.\nns.nic.{top}. IN A {}", Internet::TLD);
        for zone in zones.iter().filter(|zone| top_of(zone) == *top) {
            let _ = writeln!(
                text,
                "{zone}. IN NS ns.{zone}.\nns.{zone}. IN A {}",
                Internet::AUTHORITATIVE
            );
        }
        tld.push(Zone::parse(&format!("{top}."), &text)?);
    }
    let mut own = Vec::new();
    for zone in &zones {
        let mut text = head(&format!("ns.{zone}. hostmaster.{zone}."));
        let _ = writeln!(text, "@ IN NS ns.{zone}.\nns IN A {}", Internet::AUTHORITATIVE);
        for (host, address) in hosts.iter().filter(|(host, _)| zone_of(host) == *zone) {
            let _ = writeln!(text, "{host}. IN A {address}");
        }
        own.push(Zone::parse(&format!("{zone}."), &text)?);
    }
    let root = vec![Zone::parse(".", &root)?];
    for (host, zones) in [(&servers.root, root), (&servers.tld, tld), (&servers.authoritative, own)]
    {
        answer(host, NameAuthority::new(zones))?;
    }
    answer(&servers.resolver, Recursive::new(servers.resolver.clone()))
}

/// Has a host answer on port 53 for as long as the lab lasts.
fn answer(host: &LabHost, respond: impl roundtrip_dns::Respond) -> Result<(), SiteError> {
    let at = (Ipv4Addr::UNSPECIFIED, roundtrip_dns::PORT).into();
    let listening = serve(host, at, respond);
    let server = listening.map_err(|why| SiteError::Listen {
        host: "name server".into(),
        port: roundtrip_dns::PORT,
        why,
    })?;
    let keeping = async move {
        core::future::pending::<()>().await;
        drop(server);
    };
    host.spawn(keeping).detach();
    Ok(())
}

/// What every zone begins with: names are kept for five minutes, their absence for one.
fn head(soa: &str) -> String {
    format!("$TTL 300\n@ IN SOA {soa} 1 7200 900 1209600 60\n")
}

/// The zone a host is in: its last two labels. Where registries register deeper (`co.uk`), the
/// simulated tree is one level shorter than the real one.
fn zone_of(host: &str) -> &str {
    let dots: Vec<usize> = host.match_indices('.').map(|(at, _)| at).collect();
    match dots.len().checked_sub(2) {
        Some(second_last) => &host[dots[second_last] + 1..],
        None => host,
    }
}

fn top_of(zone: &str) -> &str {
    zone.rsplit('.').next().unwrap_or(zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_zones() {
        for (host, zone, top) in [
            ("www.postcards.example", "postcards.example", "example"),
            ("postcards.example", "postcards.example", "example"),
            ("a.b.c.d.org", "d.org", "org"),
        ] {
            assert_eq!((zone_of(host), top_of(zone_of(host))), (zone, top));
        }
    }

    #[test]
    fn addresses_and_plain_names_are_not_for_name_servers() {
        for host in ["127.0.0.1", "[::1]", "localhost", "printer", "app.localhost"] {
            assert!(is_beyond_dns(host), "{host}");
        }
        assert!(!is_beyond_dns("www.example.org"));
    }
}
