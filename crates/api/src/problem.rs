//! What is answered when something can't be done: a status, and the code, message and hint as everywhere in Slipway.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use slipway_engine::error::{EngineError, ErrorCode};

/// Why a request was not carried out.
#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    #[serde(skip)]
    status: StatusCode,
    code: String,
    message: String,
    hint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl Problem {
    /// One of HTTP itself, which the engine doesn't know.
    pub(crate) fn new(status: StatusCode, code: &str, message: &str, hint: &str) -> Self {
        Self { status, code: code.into(), message: message.into(), hint: hint.into(), detail: None }
    }

    /// In place of an answer of the framework's own, which is a text at best.
    pub(crate) fn in_place_of(answer: Response) -> Response {
        let status = answer.status();
        let is_ours = answer.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
        if is_ours || !(status.is_client_error() || status.is_server_error()) {
            return answer;
        }
        let (code, hint) = match status {
            StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", "Look at the method: GET or POST."),
            StatusCode::PAYLOAD_TOO_LARGE => ("too_large", "A request needs a few lines at most."),
            _ => ("bad_input", "Look at the address and the body of the request."),
        };
        let reason = status.canonical_reason().unwrap_or("This request can't be carried out");
        let mut new = Self::new(status, code, &format!("{reason}."), hint).into_response();
        // Such as those that say which methods are allowed.
        for (name, value) in answer.headers() {
            if !new.headers().contains_key(name) && name != "content-length" {
                new.headers_mut().insert(name, value.clone());
            }
        }
        new
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        let status = match error.code {
            ErrorCode::BadInput => StatusCode::BAD_REQUEST,
            ErrorCode::NotFound => StatusCode::NOT_FOUND,
            ErrorCode::Conflict | ErrorCode::IllegalTransition | ErrorCode::NoServer => StatusCode::CONFLICT,
            ErrorCode::StoreBusy => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let EngineError { code, message, hint, detail } = error;
        Self { status, code: code.to_string(), message, hint, detail }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status;
        let mut answer = (status, Json(self)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            answer
                .headers_mut()
                .insert(WWW_AUTHENTICATE, axum::http::HeaderValue::from_static("Bearer realm=\"Slipway\""));
        }
        answer
    }
}
