//! Questions to the person at the terminal. Where nobody is there, an error that says how to answer beforehand.

use std::io::{BufRead, IsTerminal, Write};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use slipway_engine::error::EngineError;
use slipway_engine::secrets::{AskPassphrase, PassphraseFor};

use crate::output::shown;

/// Asks yes or no; only `yes` is yes.
pub(crate) fn confirm(question: &str, instead: &str) -> Result<bool, EngineError> {
    Ok(ask(question, instead)?.eq_ignore_ascii_case("yes"))
}

/// Whether a person is at the terminal.
pub(crate) fn is_anybody_there() -> bool {
    std::io::stdin().is_terminal()
}

/// Asks for a line.
pub(crate) fn ask(question: &str, instead: &str) -> Result<String, EngineError> {
    if !is_anybody_there() {
        return Err(EngineError::bad_input("There is nobody to ask.").hint(instead));
    }
    let mut err = std::io::stderr();
    write!(err, "{} ", shown(question))?;
    err.flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// A secret from the environment variable, or asked for without showing it.
pub(crate) fn secret(question: &str, variable: &str) -> Result<SecretString, EngineError> {
    if let Ok(value) = std::env::var(variable) {
        return Ok(value.into());
    }
    if !is_anybody_there() {
        return Err(EngineError::bad_input("There is nobody to ask.").hint(format!("Set {variable}.")));
    }
    Ok(rpassword::prompt_password(format!("{}: ", shown(question)))?.into())
}

/// Asks for the passphrase of the encrypted file; a new one twice.
pub(crate) fn ask_passphrase() -> AskPassphrase {
    Arc::new(|purpose| {
        let variable = slipway_engine::secrets::PASSPHRASE_VARIABLE;
        let first = secret("Passphrase for Slipway's secrets", variable)?;
        if purpose == PassphraseFor::Creating && std::env::var(variable).is_err() {
            let second = secret("The same once more", variable)?;
            if first.expose_secret() != second.expose_secret() {
                return Err(EngineError::bad_input("The two passphrases differ."));
            }
        }
        Ok(first)
    })
}
