//! What Slipway knows about Odoo: its series, a project's modules, what a change of their files asks for, and what a
//! failed start was about. Works on file contents alone; nothing here runs Python or talks to anyone.

pub mod changes;
mod content;
pub mod files;
mod imports;
mod kind;
pub mod lane;
pub mod literal;
mod loads;
pub mod manifest;
mod markup;
pub mod modules;
pub mod options;
pub mod schema;
pub mod series;
pub mod statics;
pub mod time_limits;
pub mod traceback;
mod uses;
