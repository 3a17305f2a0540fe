//! What is kept of the interface, in `api.json` of the home.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use slipway_engine::error::EngineError;
use slipway_engine::file;

use crate::USUAL_PORT;
use crate::token::Digest;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kept {
    pub(crate) on: bool,
    pub(crate) port: u16,
    /// The token's; nothing as long as none was made.
    pub(crate) token_sha256: Option<Digest>,
}

impl Default for Kept {
    fn default() -> Self {
        Self { on: false, port: USUAL_PORT, token_sha256: None }
    }
}

impl Kept {
    /// Reads the file; the usual if there is none.
    ///
    /// # Errors
    /// When it can't be read: then nothing may be taken for what the user chose.
    pub(crate) fn read(file: &Path) -> Result<Self, EngineError> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error.into()),
        };
        serde_json::from_str(&text).map_err(|error| {
            EngineError::bad_input(format!("{} can't be understood.", file.display()))
                .hint("Turn the API on and make a new token: that writes the file anew.")
                .detail(error)
        })
    }

    /// Writes the file, for the user alone.
    ///
    /// # Errors
    /// When it can't be written; then it is as it was.
    pub(crate) fn write(&self, file: &Path) -> Result<(), EngineError> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|e| EngineError::internal("The API's settings are not JSON.").detail(e))?;
        file::replace(file, text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Token;

    #[test]
    fn comes_back_as_it_was_and_a_broken_file_is_no_choice() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("api.json");
        assert_eq!(Kept::read(&file).unwrap(), Kept::default());
        let token = Token::new();
        let kept = Kept { on: true, port: 4000, token_sha256: Some(token.digest()) };
        kept.write(&file).unwrap();
        assert_eq!(Kept::read(&file).unwrap(), kept);
        assert!(
            !std::fs::read_to_string(&file).unwrap().contains(token.expose()),
            "the token is kept nowhere"
        );
        std::fs::write(&file, "{\"on\": true, \"port\": 99999}").unwrap();
        assert!(Kept::read(&file).is_err());
    }
}
