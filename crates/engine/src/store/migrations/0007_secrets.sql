-- Options of odoo.conf and the password of a build proxy whose values are in the keychain.

ALTER TABLE environment ADD COLUMN secret_options TEXT NOT NULL DEFAULT '{}' CHECK (json_type(secret_options) = 'object');
ALTER TABLE server ADD COLUMN build_proxy_password TEXT NOT NULL DEFAULT 'null' CHECK (json_valid(build_proxy_password));
