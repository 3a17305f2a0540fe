//! Exit codes: success is 0 and nothing else is.

use std::process::ExitCode;

use slipway_engine::error::{EngineError, ErrorCode};
use slipway_engine::model::Status;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Success = 0,
    /// An error that has no code of its own here.
    Error = 1,
    /// Refused before anything was touched: bad input, no server, no room, somebody else at work.
    Refused = 3,
    /// A deployment failed; nothing live was touched.
    Failed = 4,
    /// A deployment failed in its cut over and was rolled back.
    RolledBack = 5,
    /// A deployment was cancelled.
    Cancelled = 6,
}

impl Exit {
    /// The code for an error that ended a command.
    pub(crate) fn of(error: &EngineError) -> Self {
        use ErrorCode::*;
        match error.code {
            BadInput | NotFound | Conflict | NoServer | CapacityExceeded | LockHeld | UnknownHostKey
            | ChangedHostKey => Self::Refused,
            Cancelled => Self::Cancelled,
            _ => Self::Error,
        }
    }

    /// The code for a deployment that ended; `error` is what its record says.
    pub(crate) fn of_deployment(status: Status, error: Option<ErrorCode>) -> Self {
        use ErrorCode::*;
        match (status, error) {
            (Status::Success, _) => Self::Success,
            (Status::RolledBack, _) => Self::RolledBack,
            (Status::Cancelled, _) => Self::Cancelled,
            (
                Status::Failed,
                Some(BadInput | NoServer | CapacityExceeded | LockHeld | UnknownHostKey | ChangedHostKey),
            ) => Self::Refused,
            (Status::Failed, _) => Self::Failed,
            (Status::Pending | Status::Queued | Status::Building | Status::Deploying, _) => Self::Error,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_success_is_zero() {
        for status in
            [Status::Failed, Status::RolledBack, Status::Cancelled, Status::Queued, Status::Deploying]
        {
            assert_ne!(Exit::of_deployment(status, None), Exit::Success);
        }
        assert_eq!(Exit::of_deployment(Status::Success, None), Exit::Success);
        assert_eq!(Exit::of_deployment(Status::Failed, Some(ErrorCode::CapacityExceeded)), Exit::Refused);
    }
}
