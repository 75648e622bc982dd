//! Who may talk to the server. A loopback address is no protection: any page in the same browser can send requests to
//! it, and a name that an attacker controls can be made to point at it. So the `Host` must be one of ours, and a request
//! that changes state must come from a page of our own.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};

use crate::problem::Problem;

/// The names that the server goes by, with ports.
#[derive(Clone, Debug)]
pub struct Hosts(Arc<[String]>);

impl Hosts {
    /// The loopback names at the port listened on, and those configured (`name` or `name:port`).
    pub fn new(listen: SocketAddr, configured: &[String]) -> Self {
        let port = listen.port();
        let mut hosts = vec![
            format!("127.0.0.1:{port}"),
            format!("localhost:{port}"),
            format!("[::1]:{port}"),
        ];
        hosts.push(listen.to_string());
        // Browsers leave out the port that is the scheme's own.
        let portless: Vec<_> = hosts
            .iter()
            .filter_map(|host| host.strip_suffix(":80"))
            .map(str::to_owned)
            .collect();
        hosts.extend(portless);
        hosts.extend(configured.iter().map(|host| host.to_ascii_lowercase()));
        Self(hosts.into())
    }

    fn knows(&self, host: &str) -> bool {
        self.0.iter().any(|known| known.eq_ignore_ascii_case(host))
    }
}

/// Longest address, bytes. The longest of ours have three codes in them.
const MAX_PATH: usize = 1024;

/// Refuses unknown hosts (421), writes from other sites (403), and addresses that no route of ours could have.
pub fn check_request(hosts: &Hosts, request: &Request) -> Result<(), Problem> {
    let uri = request.uri();
    check(
        hosts,
        request.method(),
        uri.authority().map(|authority| authority.as_str()),
        request.headers(),
    )?;
    if uri.path().len() > MAX_PATH {
        return Err(Problem::address_too_long());
    }
    // No name holds one, and what reads names may end at it.
    if uri.path().contains("%00") {
        return Err(Problem::invalid("An address holds no NUL."));
    }
    Ok(())
}

fn check(
    hosts: &Hosts,
    method: &Method,
    authority: Option<&str>,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let header_host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok());
    let host = authority.or(header_host).unwrap_or_default();
    if !hosts.knows(host) {
        return Err(Problem::misdirected(
            "This server does not go by that name. Start it with --allow-host NAME[:PORT] to add one.",
        ));
    }
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let from_ourselves = match headers.get(header::ORIGIN) {
        Some(origin) => origin
            .to_str()
            .ok()
            .and_then(|origin| {
                origin
                    .strip_prefix("http://")
                    .or_else(|| origin.strip_prefix("https://"))
            })
            .is_some_and(|origin| origin.eq_ignore_ascii_case(host)),
        None => headers
            .get("sec-fetch-site")
            .is_some_and(|site| site == "same-origin"),
    };
    if from_ourselves {
        Ok(())
    } else {
        Err(Problem::refused(
            "Changes are only taken from pages of this server itself (same origin).",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;

    fn status(method: Method, headers: &[(&'static str, &str)]) -> Option<StatusCode> {
        let hosts = Hosts::new(
            "127.0.0.1:3000".parse().unwrap(),
            &["slides.example".into()],
        );
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        check(&hosts, &method, None, &map)
            .err()
            .map(|problem| problem.status())
    }

    #[test]
    fn only_our_own_names_are_answered() {
        for host in [
            "127.0.0.1:3000",
            "localhost:3000",
            "LOCALHOST:3000",
            "[::1]:3000",
            "slides.example",
        ] {
            assert_eq!(status(Method::GET, &[("host", host)]), None, "{host}");
        }
        for host in [
            "127.0.0.1:3001",
            "evil.example",
            "evil.example:3000",
            "localhost",
            "",
        ] {
            assert_eq!(
                status(Method::GET, &[("host", host)]),
                Some(StatusCode::MISDIRECTED_REQUEST),
                "{host}"
            );
        }
    }

    #[test]
    fn on_the_port_of_the_scheme_the_names_go_without_it() {
        let on = |listen: &str| Hosts::new(listen.parse().unwrap(), &[]);
        for host in [
            "localhost",
            "127.0.0.1",
            "[::1]",
            "127.0.0.2",
            "localhost:80",
        ] {
            assert!(on("127.0.0.2:80").knows(host), "{host}");
        }
        assert!(!on("127.0.0.2:80").knows("evil.example"));
        assert!(!on("127.0.0.1:8080").knows("localhost"));
        assert!(!on("127.0.0.1:8080").knows("localhost:80"));
    }

    #[test]
    fn writes_come_from_our_own_pages_only() {
        let host = ("host", "localhost:3000");
        assert_eq!(
            status(Method::POST, &[host, ("origin", "http://localhost:3000")]),
            None
        );
        assert_eq!(
            status(Method::POST, &[host, ("sec-fetch-site", "same-origin")]),
            None
        );
        for headers in [
            &[host][..],
            &[host, ("origin", "http://evil.example")],
            &[host, ("origin", "http://127.0.0.1:3000")],
            &[host, ("origin", "null")],
            &[host, ("sec-fetch-site", "cross-site")],
            &[
                host,
                ("origin", "http://evil.example"),
                ("sec-fetch-site", "same-origin"),
            ],
        ] {
            assert_eq!(
                status(Method::POST, headers),
                Some(StatusCode::FORBIDDEN),
                "{headers:?}"
            );
        }
    }
}
