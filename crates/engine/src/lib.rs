//! Slipway's engine: what a deployment is and how one is carried out.

pub mod cutover;
pub mod error;
pub mod events;
pub mod git;
pub mod model;
pub mod odoo;
pub mod queue;
pub mod redact;
pub mod render;
pub mod secrets;
pub mod store;
