//! What is answered, but for uploads.

use super::super::jobs::{Document, JobView, Missing};
use super::Site;
use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use std::os::unix::fs::FileExt;

const PAGE: &str = include_str!("../page/page.html");
const STYLE: &str = include_str!("../page/page.css");
const SCRIPT: &str = include_str!("../page/page.js");
const SIGN_IN: &str = include_str!("../page/sign_in.html");

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const JSON: &str = "application/json";

/// A report carries its style and script in itself. It is opened as a page of nobody (`sandbox`): whatever stood in it
/// could ask this server for nothing.
const REPORT_POLICY: &str = "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; \
                             script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; \
                             frame-ancestors 'none'";

/// Why a request is not answered: the status, and a sentence, which is told as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal(pub StatusCode, pub &'static str);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Refusal(status, error) = self;
        (status, Json(json!({ "error": error }))).into_response()
    }
}

impl From<Missing> for Refusal {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Job => Refusal(StatusCode::NOT_FOUND, "there is no such job, or no longer"),
            Missing::Result("failed") => Refusal(StatusCode::CONFLICT, "this job failed: there is no result"),
            Missing::Result(_) => Refusal(StatusCode::CONFLICT, "this job is not done yet"),
        }
    }
}

pub(super) async fn page() -> Response {
    text(HTML, PAGE)
}

pub(super) async fn style() -> Response {
    page_style()
}

pub(super) fn page_style() -> Response {
    text(CSS, STYLE)
}

pub(super) async fn script() -> Response {
    text(JAVASCRIPT, SCRIPT)
}

/// Asks for the token.
pub(super) fn sign_in(was_wrong: bool) -> Response {
    let hint = if was_wrong { "That was not the token." } else { "" };
    let page = SIGN_IN.replace("{hint}", hint);
    (StatusCode::UNAUTHORIZED, [(CONTENT_TYPE, HTML)], page).into_response()
}

/// What a page or program has to know before it uploads.
#[derive(Serialize)]
pub(super) struct About {
    version: &'static str,
    /// Bytes of a file.
    max_bytes: u64,
    /// Files that are uploaded, wait or are scored at the same time.
    max_waiting: usize,
    /// Results that are kept.
    kept: usize,
}

pub(super) async fn about(State(site): State<Site>) -> Json<About> {
    let limits = site.account.limits();
    Json(About {
        version: env!("CARGO_PKG_VERSION"),
        max_bytes: limits.file,
        max_waiting: limits.waiting,
        kept: limits.kept,
    })
}

#[derive(Serialize)]
pub(super) struct AllJobs {
    jobs: Vec<JobView>,
}

pub(super) async fn jobs(State(site): State<Site>) -> Json<AllJobs> {
    Json(AllJobs { jobs: site.jobs.all() })
}

pub(super) async fn job(State(site): State<Site>, Path(id): Path<String>) -> Result<Json<JobView>, Refusal> {
    site.jobs.view(&id).map(Json).ok_or(Missing::Job.into())
}

pub(super) async fn stop(State(site): State<Site>, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    match site.jobs.remove(&id) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Missing::Job.into()),
    }
}

pub(super) async fn report(
    State(site): State<Site>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let (name, scored) = site.jobs.scored(&id)?;
    let report = scored.report.as_ref();
    let report = report.ok_or(Refusal(StatusCode::NOT_FOUND, "this report could not be written"))?;
    let mut response = document(report, HTML)?;
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(REPORT_POLICY));
    Ok(saved(response, query, &format!("{name}.report.html")))
}

pub(super) async fn result(
    State(site): State<Site>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let (name, scored) = site.jobs.scored(&id)?;
    Ok(saved(document(&scored.result, JSON)?, query, &format!("{name}.json")))
}

pub(super) async fn nothing_here() -> Refusal {
    Refusal(StatusCode::NOT_FOUND, "there is nothing at this address")
}

pub(super) async fn not_so() -> Refusal {
    Refusal(StatusCode::METHOD_NOT_ALLOWED, "this address is not used in this way")
}

fn text(kind: &'static str, content: &'static str) -> Response {
    ([(CONTENT_TYPE, kind)], content).into_response()
}

/// A kept document. It is a few megabytes at most, and in the system's cache.
fn document(document: &Document, kind: &'static str) -> Result<Response, Refusal> {
    let mut content = vec![0; document.bytes as usize];
    match document.file.read_exact_at(&mut content, 0) {
        Ok(()) => Ok(([(CONTENT_TYPE, kind)], content).into_response()),
        Err(_) => Err(Refusal(StatusCode::INTERNAL_SERVER_ERROR, "this document can no longer be read")),
    }
}

/// With `?save` a browser keeps the answer as a file of this name instead of showing it.
fn saved(mut response: Response, query: Option<String>, name: &str) -> Response {
    if query.as_deref().is_some_and(|query| query.split('&').any(|word| word == "save" || word == "save=")) {
        attach(response.headers_mut(), name);
    }
    response
}

/// RFC 6266 with the encoding of RFC 8187: every byte that could mean something else is written as its number.
fn attach(headers: &mut HeaderMap, name: &str) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let encoded: String = name
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename*=UTF-8''{encoded}")) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_downloads_cannot_end_their_header() {
        let mut headers = HeaderMap::new();
        attach(&mut headers, "a\"; x=\r\nSet-Cookie: é.mp4");
        let expected = "attachment; filename*=UTF-8''a%22%3B%20x%3D%0D%0ASet-Cookie%3A%20%C3%A9.mp4";
        assert_eq!(headers[CONTENT_DISPOSITION], expected);
    }
}
