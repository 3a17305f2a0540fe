//! Slipway's HTTP interface: with it, programs on this computer ask for deployments and follow them.
//!
//! It is off until the user turns it on, listens on 127.0.0.1 alone, and answers only who knows its token. All it does
//! stands in [`routes`], one file for each thing; what the answers look like stands in [`views`].

mod api;
mod guard;
mod kept;
mod problem;
mod routes;
mod serve;
mod token;
mod views;

pub use api::{Api, ApiStatus};
pub use token::Token;

/// The port that it listens on unless the user chooses another one.
pub const USUAL_PORT: u16 = 7867;
