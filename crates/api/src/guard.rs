//! What every request passes before anything looks at it.

use std::sync::PoisonError;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use crate::api::Allowed;
use crate::problem::Problem;
use crate::token::Digest;

/// How long an answer may take. All that is asked for is read from the store or queued in it.
const LIMIT: Duration = Duration::from_secs(30);

/// The names of this computer that a request may be addressed to. A page on the web whose own name was made to lead
/// here (DNS rebinding) has another one.
const HOSTS: [&str; 2] = ["127.0.0.1", "localhost"];

/// Lets through who may ask, and gives each error the same form.
pub(crate) async fn check(State(token): State<Allowed>, request: Request, next: Next) -> Response {
    if let Err(problem) = may_ask(&token, request.headers()) {
        return problem.into_response();
    }
    match timeout(LIMIT, next.run(request)).await {
        Ok(answer) => Problem::in_place_of(answer),
        Err(_) => Problem::new(
            StatusCode::GATEWAY_TIMEOUT,
            "timed_out",
            "Slipway's store took too long.",
            "Ask again, with the same Idempotency-Key: nothing is done twice.",
        )
        .into_response(),
    }
}

fn may_ask(token: &Allowed, headers: &HeaderMap) -> Result<(), Problem> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = header(HOST).map(|host| host.rsplit_once(':').map_or(host, |(name, _port)| name));
    if !host.is_some_and(|host| HOSTS.contains(&host)) {
        return Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "wrong_host",
            "This address doesn't belong to Slipway's API.",
            "Call it as http://127.0.0.1 with its port.",
        ));
    }
    let given = header(AUTHORIZATION)
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| Digest::of(token.trim()));
    let good = token.read().unwrap_or_else(PoisonError::into_inner);
    if given.is_some() && given == *good {
        return Ok(());
    }
    let (message, hint) = match (&*good, given) {
        (None, _) => ("No token was made yet.", "Make one in Slipway: Settings → API."),
        (_, None) => ("The token is missing.", "Send the header Authorization: Bearer and the token."),
        (_, Some(_)) => ("This token is not good.", "Make a new one in Slipway: Settings → API."),
    };
    Err(Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", message, hint))
}
