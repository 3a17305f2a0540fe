//! The engine.

pub mod git;
pub mod odoo;
pub mod render;
