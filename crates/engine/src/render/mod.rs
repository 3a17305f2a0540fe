//! Files that Slipway writes for other programs: Odoo's configuration, the recipe of the image, the proxy's sites.

pub mod admin_password;
pub mod caddy;
pub mod dockerfile;
pub mod odoo_conf;
pub mod packages;
pub mod sizing;
