//! HTTP: connections, who may ask, and what is answered.
//!
//! | address | what |
//! | --- | --- |
//! | `GET /` | the page, with `/page.css` and `/page.js` |
//! | `GET /about` | version and limits |
//! | `POST /jobs?name=NAME` | uploads a file, which is the request's body |
//! | `GET /jobs` | all jobs |
//! | `GET /jobs/{id}` | one job |
//! | `GET /jobs/{id}/report`, `…/result` | the report, a page; the result, JSON. With `?save` as a download |
//! | `DELETE /jobs/{id}` | stops a job and forgets it |

mod answers;
mod connections;
mod guard;
mod upload;

use super::account::Account;
use super::folder::PrivateFolder;
use super::jobs::Jobs;
use super::{Config, ServeError};
use crate::progress::Cancel;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use guard::Guard;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked whether the server is to end.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long answers that are under way may take when it ends.
const GRACE: Duration = Duration::from_millis(500);

/// What all answers are made of.
#[derive(Clone)]
pub(super) struct Site {
    jobs: Arc<Jobs>,
    account: Arc<Account>,
    folder: Arc<PrivateFolder>,
    guard: Arc<Guard>,
}

impl Site {
    pub fn new(
        config: &Config,
        address: SocketAddr,
        jobs: Arc<Jobs>,
        account: Arc<Account>,
        folder: Arc<PrivateFolder>,
    ) -> Self {
        let guard = Guard::new(address, config.token.clone(), &config.names);
        Site { jobs, account, folder, guard: Arc::new(guard) }
    }

    fn router(self) -> Router {
        let router = Router::new()
            .route("/", get(answers::page))
            .route("/page.css", get(answers::style))
            .route("/page.js", get(answers::script))
            .route("/about", get(answers::about))
            .route("/jobs", post(upload::take).get(answers::jobs))
            .route("/jobs/{id}", get(answers::job).delete(answers::stop))
            .route("/jobs/{id}/report", get(answers::report))
            .route("/jobs/{id}/result", get(answers::result))
            .fallback(answers::nothing_here)
            .method_not_allowed_fallback(answers::not_so);
        router.layer(from_fn_with_state(self.clone(), guard::check)).with_state(self)
    }
}

/// Answers until `cancel` is requested.
pub(super) fn speak(listener: TcpListener, site: Site, cancel: &Cancel) -> Result<(), ServeError> {
    let failed = |cause| ServeError::System { cause };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let jobs = Arc::clone(&site.jobs);
    let spoken = runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        tokio::select! {
            () = connections::accept(listener, site.router()) => {}
            () = requested(cancel) => {}
        }
        // Uploads see it and break off; lists and reports are sent to their end.
        jobs.close();
        tokio::time::sleep(GRACE).await;
        Ok(())
    });
    runtime.shutdown_timeout(GRACE);
    spoken.map_err(failed)
}

async fn requested(cancel: &Cancel) {
    while !cancel.is_requested() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
