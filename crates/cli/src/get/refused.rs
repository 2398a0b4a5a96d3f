//! Options that curl has and `get` has not: each is refused by name, with what stands in its stead.

/// An option that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) name: &'static str,
    pub(super) short: Option<char>,
    why: &'static str,
}

impl Refused {
    /// What is told.
    pub(super) fn words(&self) -> String {
        let Self { name, short, why } = self;
        match short {
            Some(short) => {
                format!("-{short} (--{name}) is an option of curl's that get has not: {why}")
            }
            None => format!("--{name} is an option of curl's that get has not: {why}"),
        }
    }
}

const fn no(name: &'static str, why: &'static str) -> Refused {
    Refused { name, short: None, why }
}

const fn short(short: char, name: &'static str, why: &'static str) -> Refused {
    Refused { name, short: Some(short), why }
}

const FTP: &str = "it is for FTP, and get speaks HTTP alone";
const MAIL: &str = "it is for mail, and get speaks HTTP alone";
const SSH: &str = "it is for SSH, and get speaks HTTP alone";
const OTHER: &str = "it is for another protocol than HTTP, which is all that get speaks";
const NTLM: &str =
    "NTLM rests on broken ciphers (DES, MD4) and is left out; --digest, or --basic over https";
const SPNEGO: &str = "Kerberos is not spoken; --digest, --oauth2-bearer, or --basic over https";
const RUSTLS: &str = "rustls has no such switch: it never does what this option is about";
const STORE: &str = "rustls reads PEM files: write certificate and key with `openssl pkcs12 -in FILE -out FILE.pem -nodes`";
const PASS: &str =
    "keys with a pass phrase are not read; `openssl pkey -in FILE -out PLAIN` takes it off";
const CRL: &str = "revocation lists are not read";
const CA_NATIVE: &str =
    "the platform's authorities are trusted anyway; --proxy-cacert names others";
const CA_FOLDER: &str = "folders of authorities are not read; --proxy-cacert FILE, made with `cat`";
const SRP: &str = "TLS-SRP is no part of TLS 1.3, and rustls has none; --cert";
const RESOLVER: &str = "get has a resolver of its own; --dns ADDR:PORT names the server it asks";
const SLOW: &str = "what is slow is not given up, what is late is: -m";
const PROBES: &str = "connections live for one command; -m ends what hangs";
const GSSAPI: &str = "Kerberos is not spoken to SOCKS proxies; USER:PASSWORD@ in the proxy's URL";

/// All of them, by name.
pub(super) const REFUSED: &[Refused] = &[
    short('a', "append", FTP),
    no("aws-sigv4", "requests are not signed; sign them and give the fields with -H"),
    no("ca-native", "the platform's authorities are trusted anyway, unless --cacert names others"),
    no("capath", "folders of authorities are not read; --cacert FILE, made with `cat`"),
    no("cert-status", "rustls does not ask for OCSP staples"),
    no("cert-type", STORE),
    no("compressed-ssh", SSH),
    no("crlf", "what is sent is sent as it is; `unix2dos` before"),
    no("crlfile", CRL),
    no("delegation", SPNEGO),
    no("disable-epsv", FTP),
    no("disable-eprt", FTP),
    no("dns-interface", RESOLVER),
    no("dns-ipv4-addr", RESOLVER),
    no("dns-ipv6-addr", RESOLVER),
    no("dns-servers", RESOLVER),
    no("doh-url", RESOLVER),
    no("doh-insecure", RESOLVER),
    no("doh-cert-status", RESOLVER),
    no("dump-ca-embed", "no authorities are built in: they are the platform's"),
    no("ech", "encrypted hellos are not sent"),
    no("egd-file", "randomness is the kernel's"),
    no("engine", RUSTLS),
    no("eprt", FTP),
    no("epsv", FTP),
    no("false-start", RUSTLS),
    no("follow", "-L, with --post301, --post302 and --post303, says which methods stay"),
    no("ftp-account", FTP),
    no("ftp-alternative-to-user", FTP),
    no("ftp-create-dirs", FTP),
    no("ftp-method", FTP),
    no("ftp-pasv", FTP),
    short('P', "ftp-port", FTP),
    no("ftp-pret", FTP),
    no("ftp-skip-pasv-ip", FTP),
    no("ftp-ssl-ccc", FTP),
    no("ftp-ssl-ccc-mode", FTP),
    no("ftp-ssl-control", FTP),
    no("haproxy-client-ip", "PROXY heads are not written"),
    no("haproxy-protocol", "PROXY heads are not written"),
    no("hostpubmd5", SSH),
    no("hostpubsha256", SSH),
    no("ip-tos", "the kernel marks packets; `tc` or nftables direct it"),
    no("ipfs-gateway", "ipfs:// is not spoken; ask the gateway itself, https://GATEWAY/ipfs/CID"),
    no("keepalive-cnt", PROBES),
    no("keepalive-time", PROBES),
    no("key-type", STORE),
    no("knownhosts", SSH),
    no("krb", FTP),
    no("libcurl", "there is no libcurl in it"),
    short('l', "list-only", FTP),
    no("login-options", MAIL),
    no("mail-auth", MAIL),
    no("mail-from", MAIL),
    no("mail-rcpt", MAIL),
    no("mail-rcpt-allowfails", MAIL),
    short(
        'M',
        "manual",
        "`roundtrip get --help` has the options, `roundtrip man DIR` writes the manual",
    ),
    no("mptcp", "the kernel's TCP is asked for, with one path"),
    no("negotiate", SPNEGO),
    no(
        "no-alpn",
        "which HTTP is spoken is always agreed on in the handshake; --http1.1 offers that alone",
    ),
    no("no-npn", "NPN was never spoken here: it is what there was before ALPN"),
    no("no-sessionid", "sessions of TLS are not kept from one command to the next"),
    no("ntlm", NTLM),
    no("ntlm-wb", NTLM),
    no("out-null", "-o /dev/null"),
    no("parallel-max-host", "--parallel-max counts the transfers to all hosts"),
    no("pass", PASS),
    no("preproxy", "there is one proxy at a time; -x"),
    no("proxy-ca-native", CA_NATIVE),
    no("proxy-capath", CA_FOLDER),
    no("proxy-cert-type", STORE),
    no("proxy-crlfile", CRL),
    no("proxy-http2", "proxies are spoken to in HTTP/1.1, through TLS too"),
    no("proxy-key-type", STORE),
    no("proxy-negotiate", SPNEGO),
    no("proxy-ntlm", NTLM),
    no("proxy-pass", PASS),
    no("proxy-service-name", SPNEGO),
    no("proxy-ssl-allow-beast", RUSTLS),
    no("proxy-ssl-auto-client-cert", RUSTLS),
    no("proxy-tlsauthtype", SRP),
    no("proxy-tlspassword", SRP),
    no("proxy-tlsuser", SRP),
    no("pubkey", SSH),
    short('Q', "quote", FTP),
    no("random-file", "randomness is the kernel's"),
    no("sasl-authzid", MAIL),
    no("sasl-ir", MAIL),
    no("service-name", SPNEGO),
    no("sigalgs", "signatures are those that rustls takes, and no choice among them is offered"),
    no("skip-existing", "--no-clobber leaves a file that exists, and writes beside it"),
    no("socks5-gssapi", GSSAPI),
    no("socks5-gssapi-nec", GSSAPI),
    no("socks5-gssapi-service", GSSAPI),
    short('Y', "speed-limit", SLOW),
    short('y', "speed-time", SLOW),
    no("ssl", FTP),
    no("ssl-allow-beast", RUSTLS),
    no("ssl-auto-client-cert", RUSTLS),
    no("ssl-no-revoke", RUSTLS),
    no("ssl-reqd", FTP),
    no("ssl-revoke-best-effort", RUSTLS),
    short('2', "sslv2", RUSTLS),
    short('3', "sslv3", RUSTLS),
    short('t', "telnet-option", OTHER),
    no("tftp-blksize", OTHER),
    no("tftp-no-options", OTHER),
    no("tls-earlydata", "nothing is sent ahead of the handshake"),
    no("tlsauthtype", SRP),
    no("tlspassword", SRP),
    no("tlsuser", SRP),
    no("trace-config", "there are no parts of a trace to choose from; --trace, -v"),
    no("trace-ids", "-v tells connections apart; --out DIR keeps the whole record"),
    no("upload-flags", MAIL),
    short('B', "use-ascii", FTP),
    short('V', "version", "`roundtrip --version` has it"),
    no("vlan-priority", "the kernel marks packets; `tc` directs it"),
    no("xattr", "where a file came from is not written into its attributes; -w '%{url_effective}'"),
];
