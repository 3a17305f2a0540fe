//! The files of a release that Slipway writes: Odoo's configuration and the recipe of the image.

pub mod admin_password;
pub mod dockerfile;
pub mod odoo_conf;
pub mod packages;
