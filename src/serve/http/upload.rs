//! Uploads: from the network to a file without a name, bounded in size, number and time.

use super::super::account::{Full, Share};
use super::super::jobs::{JobView, Upload};
use super::super::name;
use super::super::token::random_hex;
use super::Site;
use super::answers::Refusal;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT, LOCATION};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use http_body_util::BodyExt;
use serde::Deserialize;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout_at};

/// How long an upload may stand still.
const SILENCE: Duration = Duration::from_secs(30);
/// Bytes a second that an upload must reach on average, after its first half minute.
const PACE: u64 = 16 << 10;
/// What stays free on the disk, for everybody else.
const SPARED: u64 = 256 << 20;
/// How much of a refused upload is taken all the same, so that the visitor sees why: browsers first send, then listen.
const DRAINED: u64 = 64 << 20;
const DRAINING: Duration = Duration::from_secs(2);

const TOO_LARGE: Refusal =
    Refusal(StatusCode::PAYLOAD_TOO_LARGE, "this file is larger than the server takes");
const NO_ROOM: Refusal =
    Refusal(StatusCode::INSUFFICIENT_STORAGE, "there is no room for this file on the server's disk");
const TOO_MANY: Refusal =
    Refusal(StatusCode::SERVICE_UNAVAILABLE, "too many files are waiting: try again later");
const ENDING: Refusal = Refusal(StatusCode::SERVICE_UNAVAILABLE, "the server is about to end");
const TOO_SLOW: Refusal = Refusal(StatusCode::REQUEST_TIMEOUT, "the upload was too slow");
const CUT_OFF: Refusal = Refusal(StatusCode::BAD_REQUEST, "the upload was cut off");
const EMPTY: Refusal = Refusal(StatusCode::BAD_REQUEST, "this file is empty");
const FORM: Refusal = Refusal(
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    "send the file itself as the request's body, not a form: curl -T FILE -X POST ADDRESS/jobs?name=NAME",
);
const UNWRITTEN: Refusal =
    Refusal(StatusCode::INTERNAL_SERVER_ERROR, "the upload could not be written to disk");

#[derive(Deserialize)]
pub(super) struct Named {
    #[serde(default)]
    name: String,
}

/// `POST /jobs?name=NAME`: the body is the file.
pub(super) async fn take(
    State(site): State<Site>,
    Query(Named { name }): Query<Named>,
    headers: HeaderMap,
    mut body: Body,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<JobView>), Refusal> {
    match receive(&site, &headers, &mut body).await {
        Ok(upload) => {
            let id = random_hex().map_err(|_| UNWRITTEN)?;
            let job = site.jobs.add(id, name::shown(&name), upload).ok_or(ENDING)?;
            Ok((StatusCode::CREATED, [(LOCATION, format!("/jobs/{}", job.id))], Json(job)))
        }
        Err(refusal) => {
            // Who waits to be asked for the body has not sent it.
            if !headers.contains_key(EXPECT) && refusal != TOO_SLOW {
                drain(&mut body).await;
            }
            Err(refusal)
        }
    }
}

async fn receive(site: &Site, headers: &HeaderMap, body: &mut Body) -> Result<Upload, Refusal> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.to_ascii_lowercase().starts_with("multipart/") {
        return Err(FORM);
    }
    let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let mut share = site.account.share(declared.unwrap_or(0)).map_err(Refusal::from)?;
    if site.folder.free().map_err(|_| UNWRITTEN)? < declared.unwrap_or(0).saturating_add(SPARED) {
        return Err(NO_ROOM);
    }
    let mut file = tokio::fs::File::from_std(site.folder.file().map_err(|_| UNWRITTEN)?);
    let started = Instant::now();
    let over = started + Duration::from_secs(site.account.limits().seconds);
    let mut bytes = 0;
    loop {
        let in_pace = started + SILENCE + Duration::from_secs(bytes / PACE);
        let until = over.min(in_pace).min(Instant::now() + SILENCE);
        let next = timeout_at(until, next_piece(body)).await.map_err(|_| TOO_SLOW)??;
        let Some(piece) = next else { break };
        if site.jobs.is_closed() {
            return Err(ENDING);
        }
        bytes += piece.len() as u64;
        keep(&mut file, &mut share, &piece, bytes).await?;
        if bytes % SPARED < piece.len() as u64 && site.folder.free().map_err(|_| UNWRITTEN)? < SPARED {
            return Err(NO_ROOM);
        }
    }
    file.flush().await.map_err(|error| unwritten(&error))?;
    if bytes == 0 {
        return Err(EMPTY);
    }
    Ok(Upload { file: file.into_std().await, bytes, share })
}

/// The next bytes; `None` at the end.
async fn next_piece(body: &mut Body) -> Result<Option<Bytes>, Refusal> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Err(_)) => return Err(CUT_OFF),
            Some(Ok(frame)) => {
                // What is no data are trailing headers.
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

async fn keep(
    file: &mut tokio::fs::File,
    share: &mut Share,
    piece: &[u8],
    bytes: u64,
) -> Result<(), Refusal> {
    share.grow(bytes).map_err(Refusal::from)?;
    file.write_all(piece).await.map_err(|error| unwritten(&error))
}

fn unwritten(error: &std::io::Error) -> Refusal {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => NO_ROOM,
        _ => UNWRITTEN,
    }
}

impl From<Full> for Refusal {
    fn from(full: Full) -> Self {
        match full {
            Full::File => TOO_LARGE,
            Full::Files => TOO_MANY,
            Full::Disk => NO_ROOM,
        }
    }
}

/// Takes what still comes of a refused upload, for a while, and throws it away.
async fn drain(body: &mut Body) {
    let until = Instant::now() + DRAINING;
    let mut bytes = 0;
    while let Ok(Ok(Some(piece))) = timeout_at(until, next_piece(body)).await {
        bytes += piece.len() as u64;
        if bytes > DRAINED {
            break;
        }
    }
}
