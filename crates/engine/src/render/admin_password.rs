//! Odoo's master password (`admin_passwd`), stored as a hash.
//!
//! Odoo reads it with passlib's `CryptContext(["pbkdf2_sha512", "plaintext"])`, in every series from 14.0 to 19.0. With
//! `list_db = False` nothing asks for it, so nobody needs to know it: a fresh one per release is hashed and forgotten.

use base64::Engine;
use base64::alphabet::Alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use rand::RngCore;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha512;

/// As many as Odoo's own default since 17.0; older series take any number.
const ROUNDS: u32 = 600_000;

/// The hash of a random password that nobody is told.
pub fn unknown() -> Option<String> {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    hash(&SecretString::from(hex::encode(bytes)))
}

/// Hashes as passlib's `pbkdf2_sha512` does: `$pbkdf2-sha512$rounds$salt$checksum`. Takes about half a second, by
/// intention. `None` only if the system has no such alphabet, which it has.
pub fn hash(password: &SecretString) -> Option<String> {
    let mut salt = [0; 16];
    rand::rng().fill_bytes(&mut salt);
    hash_with(password, &salt, ROUNDS)
}

fn hash_with(password: &SecretString, salt: &[u8], rounds: u32) -> Option<String> {
    let checksum = pbkdf2::pbkdf2_hmac_array::<Sha512, 64>(password.expose_secret().as_bytes(), salt, rounds);
    // passlib's "adapted base64": a dot instead of the plus, no padding.
    let alphabet = Alphabet::new("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./").ok()?;
    let ab64 = GeneralPurpose::new(&alphabet, NO_PAD);
    Some(format!("$pbkdf2-sha512${rounds}${}${}", ab64.encode(salt), ab64.encode(checksum)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_passlib_makes() {
        // passlib.hash.pbkdf2_sha512.using(rounds=1000, salt=b"0123456789abcdef").hash("s3cret")
        let expected = include_str!("admin_password.expected").trim();
        let secret = SecretString::from("s3cret".to_owned());
        assert_eq!(hash_with(&secret, b"0123456789abcdef", 1000).as_deref(), Some(expected));
    }

    #[test]
    fn no_two_are_the_same() {
        let secret = SecretString::from("x".to_owned());
        assert_ne!(hash_with(&secret, &[1], 1), hash_with(&secret, &[2], 1));
    }
}
