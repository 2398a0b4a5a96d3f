//! `--ca`: the authority's certificate, and what to do with it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use roundtrip_proxy::Authority;

use crate::outcome::Outcome;
use crate::{keep, terminal};

/// Where the authority is kept.
pub(super) fn folder() -> anyhow::Result<PathBuf> {
    keep::state("proxy")
}

/// Writes the certificate to a file, and says what to do so that clients trust it.
pub(super) fn export(authority: &Authority, to: Option<&Path>) -> Outcome {
    let to = match to {
        Some(to) if to == Path::new("-") => {
            terminal::print(&authority.pem())?;
            return Ok(0);
        }
        Some(to) => to.to_owned(),
        None => folder()?.join("roundtrip-ca.pem"),
    };
    fs::write(&to, authority.pem()).with_context(|| format!("cannot write {}", to.display()))?;
    let to = fs::canonicalize(&to).unwrap_or(to);
    terminal::print(&words(&to, &authority.fingerprint(), &authority.key_digest()))?;
    Ok(0)
}

fn words(file: &Path, fingerprint: &str, digest: &str) -> String {
    let file = file.display();
    format!(
        "{file}  the certificate of this machine's proxy (SHA-256 {fingerprint})\n\
         \n\
         Whoever trusts it can be read by whoever has the key beside it, which is on this machine alone. Use a\n\
         profile or a device that is for this, and take it out again.\n\
         \n  \
         Chromium, Chrome  roundtrip proxy --browser needs nothing of this; by hand:\n                    \
         chromium --user-data-dir=DIR --proxy-server=127.0.0.1:8080 \\\n                    \
         --ignore-certificate-errors-spki-list={digest}\n                    \
         or for good: settings, privacy and security, certificates, import as authority\n                    \
         (Linux: certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n roundtrip -i {file})\n  \
         Firefox           settings, certificates, view certificates, authorities, import: {file}\n                    \
         (certutil -d sql:PROFILE -A -t C,, -n roundtrip -i {file})\n  \
         curl              curl --proxy http://127.0.0.1:8080 --cacert {file} URL\n                    \
         or CURL_CA_BUNDLE={file}\n  \
         Python            REQUESTS_CA_BUNDLE={file} (requests), SSL_CERT_FILE={file} (httpx)\n  \
         Node              NODE_EXTRA_CA_CERTS={file}, NODE_USE_ENV_PROXY=1, HTTPS_PROXY=http://127.0.0.1:8080\n  \
         Java              keytool -importcert -alias roundtrip -file {file} -keystore roundtrip.jks\n                    \
         java -Djavax.net.ssl.trustStore=roundtrip.jks -Dhttps.proxyHost=127.0.0.1 \\\n                    \
         -Dhttps.proxyPort=8080 -Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=8080 …\n  \
         Android           set the proxy of the Wi-Fi network to this machine (roundtrip proxy --listen\n                    \
         ADDR:8080), open http://ADDR:8080/ there and take the certificate (DER); settings,\n                    \
         security, install a certificate, CA. Apps trust it only where their network security\n                    \
         configuration says so (trust-anchors: user, as debug builds may)\n  \
         the system        Debian: cp {file} /usr/local/share/ca-certificates/roundtrip.crt; \
         update-ca-certificates\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_to_do_for_each() {
        let words = words(Path::new("/x/ca.pem"), "AA:BB", "digest=");
        for client in ["Chromium", "Firefox", "curl", "Python", "Node", "Java", "Android"] {
            assert!(words.contains(client), "{client}");
        }
        assert!(words.lines().all(|line| line.chars().count() <= 120), "{words}");
        assert!(words.starts_with("/x/ca.pem  ") && words.contains("AA:BB"));
    }
}
