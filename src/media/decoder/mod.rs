//! The process in which files are decoded.
//!
//! | process | what it does | what it may do |
//! | --- | --- | --- |
//! | this one | opens files, gives orders ([`client`]) | all that the user may |
//! | the server | loads libraries, forks a worker for each order ([`server`]) | the same, but it looks at no file |
//! | a worker | decodes one file ([`worker`]) | compute, and use the handles that it was given |

mod client;
mod protocol;
mod server;
#[cfg(test)]
mod tests;
mod worker;

pub(super) use client::{SERVER, Session, SessionError};
pub use client::{probe_walls, start_early};
pub use server::serve_if_asked;

crate::before_constructors!(serve_if_asked);
