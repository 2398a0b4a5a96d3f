//! `Own`: what the proxy itself answers, when it is asked for and no server.

use core::cell::Cell;
use std::net::{IpAddr, SocketAddr};

use http::{Method, StatusCode};
use roundtrip_http::server::{Handler, Request, RequestBody, Response};
use roundtrip_wire::LocalFuture;
use rustls::pki_types::CertificateDer;

/// Where the authority's certificate is to be had, in the two forms that devices take.
const PEM: &str = "/roundtrip-ca.pem";
const DER: &str = "/roundtrip-ca.cer";

/// Answers what is asked of the proxy itself.
pub(crate) struct Own {
    authority: Option<CertificateDer<'static>>,
    /// Where it listens.
    place: Cell<Option<SocketAddr>>,
}

impl Own {
    pub(crate) fn new(authority: Option<CertificateDer<'static>>) -> Self {
        Self { authority, place: Cell::new(None) }
    }

    pub(crate) fn set_place(&self, place: SocketAddr) {
        self.place.set(Some(place));
    }

    /// Whether a host and port are those that the proxy listens on, so that what it asked there would come
    /// back to it, for ever.
    pub(crate) fn is_at(&self, host: &str, port: u16) -> bool {
        let Some(place) = self.place.get().filter(|place| place.port() == port) else {
            return false;
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            Ok(address) => {
                address == place.ip() || place.ip().is_unspecified() && address.is_loopback()
            }
            Err(_) => {
                bare.eq_ignore_ascii_case("localhost")
                    && (place.ip().is_loopback() || place.ip().is_unspecified())
            }
        }
    }

    fn answer(&self, request: &Request) -> Response {
        if !matches!(request.head.line.method, Method::GET | Method::HEAD) {
            let why = "This is a proxy: it has to be asked for a whole URL, or for a tunnel.";
            return Response::error(StatusCode::BAD_REQUEST, why);
        }
        match (request.path(), &self.authority) {
            (PEM, Some(der)) => Response::ok("application/x-pem-file", crate::authority::pem(der)),
            (DER, Some(der)) => Response::ok("application/x-x509-ca-cert", der.to_vec()),
            ("/", authority) => Response::html(page(authority.is_some())),
            _ => Response::error(StatusCode::NOT_FOUND, "This is a proxy, and has no such page."),
        }
    }
}

impl Handler for Own {
    fn handle<'a>(&'a self, request: &'a Request, _: RequestBody) -> LocalFuture<'a, Response> {
        Box::pin(core::future::ready(self.answer(request)))
    }
}

fn page(has_authority: bool) -> String {
    let certificate = if has_authority {
        format!(
            "<p>To look into TLS it shows certificates of its own authority. Whoever is to be recorded has to \
             trust that: <a href=\"{PEM}\">certificate (PEM)</a>, <a href=\"{DER}\">certificate (DER, for \
             Android and iOS)</a>. Take it out again when you are done.</p>\n"
        )
    } else {
        String::new()
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>roundtrip proxy</title>\n\
         <h1>This is a recording proxy</h1>\n<p>Set it as the HTTP proxy of a browser or a program, and what \
         that asks for is recorded.</p>\n{certificate}</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_knows_itself() {
        let own = Own::new(None);
        assert!(!own.is_at("localhost", 8080));
        own.set_place("127.0.0.1:8080".parse().unwrap());
        for host in ["127.0.0.1", "localhost", "LOCALHOST"] {
            assert!(own.is_at(host, 8080) && !own.is_at(host, 8081), "{host}");
        }
        assert!(!own.is_at("192.0.2.1", 8080) && !own.is_at("a.test", 8080));
        own.set_place("0.0.0.0:8080".parse().unwrap());
        assert!(own.is_at("127.0.0.1", 8080) && own.is_at("[::1]", 8080));
    }
}
