//! Who may ask: checked before anything else, with every request.
//!
//! * `Host` must name this server. A foreign name that was made to point here (DNS rebinding) is refused, whatever page
//!   sends it.
//! * `Origin`, which browsers send with everything that changes something, must be the server itself; and a request that a
//!   browser says comes from another site (`Sec-Fetch-Site`) is refused unless it opens the page. So no other web site in
//!   the same browser starts, stops or reads a job. Programs send neither.
//! * Where there is a token, it must come as a cookie, which the page sets, or as `Authorization: Bearer TOKEN`.

use super::super::Token;
use super::Site;
use super::answers::{self, Refusal};
use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue,
    LOCATION, ORIGIN, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, SocketAddr};

/// What pages of this server may do: use its own style and script, and ask it. Nothing else, and nobody may frame them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// What every answer says, unless it says otherwise itself.
const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// What is asked of visitors.
pub(super) struct Guard {
    loopback: bool,
    names: Vec<String>,
    token: Option<Token>,
    /// Cookies do not tell ports apart, so the name does.
    cookie: String,
}

impl Guard {
    /// `names`: by which the server may be called besides `localhost` and addresses.
    pub fn new(address: SocketAddr, token: Option<Token>, names: &[String]) -> Self {
        let loopback = address.ip().is_loopback();
        let mut names: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        names.push("localhost".to_owned());
        if !loopback {
            let own = rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase();
            names.extend([format!("{own}.local"), own]);
        }
        Guard { loopback, names, token, cookie: format!("sbi-{}", address.port()) }
    }

    /// Whether a request is for this server and from no other site.
    fn admits(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = single(headers, &HOST).and_then(|host| host.parse::<Authority>().ok());
        let host = host.filter(|host| uri.authority().is_none() && self.is_own(host));
        let Some(host) = host else {
            return Err(Refusal(StatusCode::MISDIRECTED_REQUEST, "this server has another name"));
        };
        let foreign = Refusal(
            StatusCode::FORBIDDEN,
            "this server answers its own page and programs, not other web sites",
        );
        if headers.contains_key(ORIGIN) {
            let origin = single(headers, &ORIGIN).unwrap_or_default();
            let site = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            if !site.is_some_and(|site| site.eq_ignore_ascii_case(host.as_str())) {
                return Err(foreign);
            }
        }
        let said = |name: &'static str| single(headers, &HeaderName::from_static(name));
        let from = said("sec-fetch-site").unwrap_or("none");
        // A link to the page may stand anywhere; what it opens cannot be read from there.
        let opens = method == Method::GET && uri.path() == "/" && said("sec-fetch-mode") == Some("navigate");
        if matches!(from, "none" | "same-origin") || (opens && said("sec-fetch-dest") == Some("document")) {
            Ok(())
        } else {
            Err(foreign)
        }
    }

    fn is_own(&self, authority: &Authority) -> bool {
        if authority.as_str().contains('@') {
            return false;
        }
        let host = authority.host().trim_end_matches('.').to_ascii_lowercase();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            // No name server can point an address elsewhere. On loopback, tunnels bring other ports, but no other hosts.
            Ok(address) => address.is_loopback() || !self.loopback,
            Err(_) => self.names.contains(&host),
        }
    }

    fn knows_token(&self, token: &Token, headers: &HeaderMap) -> bool {
        let bearer = single(headers, &AUTHORIZATION).and_then(|said| said.strip_prefix("Bearer "));
        let cookies = headers.get_all(COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
        let pairs =
            cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut own = pairs.filter(|(name, _)| *name == self.cookie).map(|(_, word)| word).chain(bearer);
        own.any(|word| token.is(word))
    }
}

/// A header that is there once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let value = all.next()?.to_str().ok();
    value.filter(|_| all.next().is_none())
}

/// Lets a request pass or answers it, and says with every answer what a browser may do with it.
pub(super) async fn check(State(site): State<Site>, request: Request, next: Next) -> Response {
    let guard = &site.guard;
    let mut response = match guard.admits(request.method(), request.uri(), request.headers()) {
        Err(refusal) => refusal.into_response(),
        Ok(()) => match guard.token.as_ref().filter(|token| !guard.knows_token(token, request.headers())) {
            Some(token) => unknown(guard, token, &request),
            None => next.run(request).await,
        },
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Answers a visitor who has not shown the token: the address that was printed carries it and is exchanged for a cookie.
fn unknown(guard: &Guard, token: &Token, request: &Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => {
            let said = query.split('&').find_map(|pair| pair.strip_prefix("token="));
            if said.is_some_and(|said| token.is(said)) {
                let cookie = format!("{}={}; Path=/; HttpOnly; SameSite=Strict", guard.cookie, token.word());
                return (StatusCode::SEE_OTHER, [(LOCATION, "/".to_owned()), (SET_COOKIE, cookie)])
                    .into_response();
            }
            answers::sign_in(said.is_some())
        }
        // The form looks like the page.
        (&Method::GET, "/page.css") => answers::page_style(),
        _ => Refusal(StatusCode::UNAUTHORIZED, "a token is needed, which sbi printed when it started")
            .into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        let mut headers = HeaderMap::new();
        for (name, value) in pairs.iter().map(pair) {
            headers.append(name, value);
        }
        headers
    }

    fn guard(address: &str) -> Guard {
        Guard::new(address.parse().unwrap(), None, &["Lab.Example".to_owned()])
    }

    fn status(guard: &Guard, method: Method, path: &'static str, of: &[(&'static str, &'static str)]) -> u16 {
        match guard.admits(&method, &Uri::from_static(path), &headers(of)) {
            Ok(()) => 200,
            Err(Refusal(status, _)) => status.as_u16(),
        }
    }

    #[test]
    fn only_own_names_are_answered() {
        let local = guard("127.0.0.1:8517");
        let asked = |guard: &Guard, host| status(guard, Method::GET, "/jobs", &[("host", host)]);
        for own in [
            "127.0.0.1:8517",
            "localhost:8517",
            "LOCALHOST:9000",
            "[::1]:8517",
            "localhost",
            "lab.example:8517",
        ] {
            assert_eq!(asked(&local, own), 200, "{own}");
        }
        for foreign in [
            "evil.example:8517",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "x@localhost",
            "192.168.1.5:8517",
            "",
        ] {
            assert_eq!(asked(&local, foreign), 421, "{foreign}");
        }
        assert_eq!(status(&local, Method::GET, "/jobs", &[]), 421);
        let twice = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(status(&local, Method::GET, "/jobs", &twice), 421);
        assert_eq!(status(&local, Method::GET, "http://localhost/jobs", &[("host", "localhost")]), 421);
        let open = guard("0.0.0.0:8517");
        for (host, expected) in [("192.168.1.5:8517", 200), ("lab.example", 200), ("evil.example", 421)] {
            assert_eq!(asked(&open, host), expected, "{host}");
        }
    }

    #[test]
    fn other_web_sites_start_stop_and_read_nothing() {
        let local = guard("127.0.0.1:8517");
        let host = ("host", "127.0.0.1:8517");
        let post = |of: &[(&'static str, &'static str)]| status(&local, Method::POST, "/jobs", of);
        assert_eq!(post(&[host]), 200, "programs send no origin");
        assert_eq!(
            post(&[host, ("origin", "http://127.0.0.1:8517"), ("sec-fetch-site", "same-origin")]),
            200
        );
        for origin in
            ["http://evil.example", "http://127.0.0.1:3000", "http://localhost:8517", "null", "", "file://"]
        {
            assert_eq!(post(&[host, ("origin", origin)]), 403, "{origin}");
        }
        assert_eq!(post(&[host, ("sec-fetch-site", "cross-site")]), 403);
        let get = |path, mode, dest| {
            let fetch =
                [host, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)];
            status(&local, Method::GET, path, &fetch)
        };
        assert_eq!(get("/", "navigate", "document"), 200, "a link may lead to the page");
        assert_eq!(get("/", "navigate", "iframe"), 403);
        assert_eq!(get("/jobs", "no-cors", "script"), 403);
        assert_eq!(get("/jobs/1/report", "navigate", "document"), 403);
    }

    #[test]
    fn the_token_comes_as_a_cookie_or_a_header() {
        let token = Token::chosen("correct-horse-battery").unwrap();
        let guard = Guard::new("0.0.0.0:8517".parse().unwrap(), Some(token.clone()), &[]);
        let knows = |name, value| guard.knows_token(&token, &headers(&[(name, value)]));
        assert!(knows("cookie", "theme=dark; sbi-8517=correct-horse-battery"));
        assert!(knows("authorization", "Bearer correct-horse-battery"));
        assert!(!knows("cookie", "sbi-8518=correct-horse-battery"));
        assert!(!knows("cookie", "sbi-8517=wrong"));
        assert!(!knows("authorization", "Basic correct-horse-battery"));
        assert!(!guard.knows_token(&token, &HeaderMap::new()));
    }
}
