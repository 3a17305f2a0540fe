//! Slipway's engine: what a deployment is and how one is carried out.
//!
//! Begin with `deploy.rs`: the whole pipeline is on that screen.

mod base_image;
mod containers;
pub mod cutover;
mod cx;
mod deploy;
mod download;
mod drift;
pub mod engine;
pub mod error;
pub mod events;
pub mod file;
pub mod git;
pub mod history;
pub mod model;
pub mod odoo;
pub mod outside;
pub mod plan;
mod planning;
pub mod queue;
pub mod redact;
pub mod render;
pub mod rollback;
mod routing;
pub mod secrets;
pub mod server;
mod source;
mod steps;
pub mod store;
pub mod worker;
