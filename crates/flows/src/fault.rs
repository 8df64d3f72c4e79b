//! Whose fault an error is, and what the outside is told of it.

use serde::{Deserialize, Serialize};

/// Whose fault an error is. The gateway derives the status from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// The request is wrong, and would be wrong again.
    Caller,
    /// The caller is not allowed to do this, or did not prove who it is.
    Forbidden,
    /// Nobody knows who the caller is: to say so may help.
    Anonymous,
    /// The caller asks too often.
    Impatient,
    /// What the request refers to is over: start again.
    Stale,
    /// The settings of this deployment are wrong.
    Operator,
    /// Zoom answered badly.
    Zoom,
    /// Zoom asks for patience.
    ZoomBusy,
    /// Zoom does not answer in time.
    ZoomSlow,
    /// Our own store does not answer.
    Store,
}

/// What every error of a flow says to the outside. The cause chain stays inside, for the log.
pub trait Classified: std::error::Error {
    /// Whose fault it is.
    fn fault(&self) -> Fault;

    /// The stable public code, in `snake_case`.
    fn code(&self) -> &'static str;

    /// One plain sentence for a person: what happened.
    fn sentence(&self) -> String;

    /// One plain sentence for a person: what to do next.
    fn advice(&self) -> &'static str;
}
