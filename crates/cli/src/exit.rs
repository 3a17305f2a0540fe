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
            NotFound => Self::Refused,
            code if refuses(code) => Self::Refused,
            Cancelled => Self::Cancelled,
            _ => Self::Error,
        }
    }

    /// The code for a deployment that ended; `error` is what its record says.
    pub(crate) fn of_deployment(status: Status, error: Option<ErrorCode>) -> Self {
        match (status, error) {
            (Status::Success, _) => Self::Success,
            (Status::RolledBack, _) => Self::RolledBack,
            (Status::Cancelled, _) => Self::Cancelled,
            (Status::Failed, Some(code)) if refuses(code) => Self::Refused,
            // Nobody knows whether something live was touched.
            (Status::Failed, Some(ErrorCode::OutcomeUnknown)) => Self::Error,
            (Status::Failed, _) => Self::Failed,
            (Status::Pending | Status::Queued | Status::Building | Status::Deploying, _) => Self::Error,
        }
    }
}

/// What is found before anything is touched.
fn refuses(code: ErrorCode) -> bool {
    use ErrorCode::*;
    matches!(
        code,
        BadInput
            | Conflict
            | WouldGoBack
            | NoServer
            | CapacityExceeded
            | LockHeld
            | UnknownHostKey
            | ChangedHostKey
            | GitRefNotFound
            | ModuleNotFound
            | ManifestInvalid
            | WrongSeries
    )
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
    }

    #[test]
    fn what_is_found_before_anything_is_touched_is_refused() {
        use ErrorCode::*;
        for code in [
            CapacityExceeded,
            Conflict,
            ModuleNotFound,
            ManifestInvalid,
            WrongSeries,
            GitRefNotFound,
            BadInput,
        ] {
            assert_eq!(Exit::of_deployment(Status::Failed, Some(code)), Exit::Refused, "{code}");
            assert_eq!(Exit::of(&EngineError::new(code, "")), Exit::Refused, "{code}");
        }
        assert_eq!(Exit::of_deployment(Status::Failed, Some(BuildFailed)), Exit::Failed);
        assert_eq!(Exit::of_deployment(Status::Failed, Some(OutcomeUnknown)), Exit::Error);
        assert_eq!(Exit::of_deployment(Status::RolledBack, Some(ModuleNotFound)), Exit::RolledBack);
    }
}
