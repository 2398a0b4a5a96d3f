//! What a chain tells servers and proxies of who asks, and what they said about it.

use http::StatusCode;
use roundtrip_http::client::{Login, Origin, Prover, Request, Schemes};
use roundtrip_http::message::Fields;
use roundtrip_http::url::{clear_userinfo, set_userinfo, userinfo};

use crate::netrc::NetrcMode;
use crate::rules::Rules;

/// Who asks, and how that is told.
#[derive(Debug, Default)]
pub(crate) struct Proofs {
    server: Option<Prover>,
    proxy: Option<Prover>,
    /// The last request went without its body, since it was sure to be refused.
    only_asked: bool,
    /// The server takes requests without a proof.
    unwanted: bool,
}

impl Proofs {
    /// Finds out who asks, by the URL and what else is known, and takes that out of the URL where it is
    /// not to be told at once. Answers whether the request, which `carries` a body or none, only asks for
    /// a challenge: it goes without the body then. A proxy hears of it where it carries the request out
    /// (`proxied`).
    pub(crate) fn prepare(
        &mut self,
        request: &mut Request,
        rules: &Rules,
        trusted: bool,
        (carries, proxied): (bool, bool),
    ) -> bool {
        add_from_netrc(request, rules);
        self.server = if rules.logins == Schemes::BASIC {
            None
        } else {
            let login = userinfo(&request.url);
            clear_userinfo(&mut request.url);
            login.map(|(user, password)| {
                let login = Login { user, password, schemes: rules.logins };
                kept(self.server.take(), &login)
            })
        };
        if let Some(token) = rules.bearer.as_ref().filter(|_| trusted) {
            request.derived.set("Authorization", format!("Bearer {token}"));
        }
        let origin = Origin::of(&request.url).filter(|_| proxied);
        let proxy = origin.and_then(|origin| rules.proxies.carrier(&origin));
        let login = proxy.and_then(|proxy| proxy.login.as_ref());
        self.proxy = login
            .filter(|login| login.schemes != Schemes::BASIC)
            .map(|login| kept(self.proxy.take(), login));
        let asks = |prover: &Option<Prover>| prover.as_ref().is_some_and(Prover::only_asks);
        self.only_asked = carries && !self.unwanted && (asks(&self.server) || asks(&self.proxy));
        self.only_asked
    }

    /// Adds what is to be told to a request that is complete but for that.
    pub(crate) fn prove(&mut self, request: &mut Request, rules: &Rules, random: [u8; 16]) {
        let (method, target) = (request.method.to_string(), request.target());
        let own = request.fields.contains("Authorization") || rules.bearer.is_some();
        if let Some(prover) = self.server.as_mut().filter(|_| !own)
            && let Some(value) = prover.value(&method, &target, random)
        {
            request.derived.set("Authorization", value);
        }
        if let Some(prover) = &mut self.proxy {
            request.proxy_authorization = prover.value(&method, &target, random);
        }
    }

    /// Whether an answer says what is wanted, so that asking again is worth it.
    pub(crate) fn are_worth_another_try(&mut self, status: StatusCode, fields: &Fields) -> bool {
        let challenged = |prover: &mut Option<Prover>, name| {
            prover.as_mut().is_some_and(|prover| prover.is_challenged(fields.get_all(name)))
        };
        match status {
            StatusCode::UNAUTHORIZED => challenged(&mut self.server, "WWW-Authenticate"),
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                challenged(&mut self.proxy, "Proxy-Authenticate")
            }
            // Nobody wanted to know: now the body goes along.
            status if self.only_asked && status.is_success() => {
                self.unwanted = true;
                true
            }
            _ => false,
        }
    }
}

/// The prover there is, where it tells of the same person, or a new one.
fn kept(old: Option<Prover>, login: &Login) -> Prover {
    match old {
        Some(old) if old.login() == login => old,
        _ => Prover::new(login.clone()),
    }
}

/// Puts a name and a password into a URL that has none, where they are known.
fn add_from_netrc(request: &mut Request, rules: &Rules) {
    let host = request.url.host_str().unwrap_or_default();
    let (name, whole) = (request.url.username(), request.url.password().is_some());
    let wanted = match rules.netrc.mode {
        NetrcMode::Optional => !whole,
        NetrcMode::Required => true,
    };
    let name = (!name.is_empty()).then(|| name.to_owned());
    if let Some((user, password)) = rules.netrc.find(host, name.as_deref()).filter(|_| wanted) {
        // There is a host, so it cannot fail.
        let _ = set_userinfo(&mut request.url, &user, &password);
    }
}

#[cfg(test)]
mod tests {
    use roundtrip_http::client::{Proxies, Proxy};

    use super::*;

    /// A body waits only for a proxy that is sent it: one that makes a tunnel was told who asks before.
    #[test]
    fn a_body_does_not_wait_for_a_proxy_that_makes_a_tunnel() {
        let mut proxy = Proxy::parse("http://proxy.test:3128", Some("u:p")).expect("a proxy");
        let login = proxy.login.as_mut().expect("a login");
        login.schemes = Schemes::DIGEST;
        let proxies = Proxies { http: Some(proxy), ..Proxies::default() };
        let rules = Rules { proxies, ..Rules::browser() };
        let asks = |proxied| {
            let url = "http://site.test/".parse().expect("a URL");
            let mut request = Request::new(http::Method::POST, url);
            Proofs::default().prepare(&mut request, &rules, true, (true, proxied))
        };
        assert_eq!((asks(true), asks(false)), (true, false));
    }
}
