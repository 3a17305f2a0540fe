//! Links of the form `slipway://…`. Anybody can make one, so they only ever open a place.

use serde::Serialize;
use slipway_engine::model::{DeploymentId, EnvironmentId};

const SCHEME: &str = "slipway://";

/// A place in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, specta::Type)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Place {
    /// The list of environments.
    Environments,
    /// One environment.
    Environment {
        /// Which.
        environment: EnvironmentId,
    },
    /// The plan of what would be deployed to an environment, to be confirmed. No link leads here.
    Deploy {
        /// Which.
        environment: EnvironmentId,
    },
    /// One deployment.
    Deployment {
        /// Which.
        deployment: DeploymentId,
    },
    /// The servers.
    Servers,
    /// All deployments.
    Activity,
    /// The settings.
    Settings,
}

/// The place that a link means: `slipway://environments`, `slipway://environments/<id>`, `slipway://deployments/<id>`,
/// `slipway://servers`, `slipway://activity`, `slipway://settings`.
pub(crate) fn parse(link: &str) -> Option<Place> {
    let path =
        link.get(..SCHEME.len()).filter(|s| s.eq_ignore_ascii_case(SCHEME)).map(|s| &link[s.len()..])?;
    let mut words = path.trim_end_matches('/').splitn(2, '/');
    let place = match (words.next()?, words.next()) {
        ("environments", None) => Place::Environments,
        ("environments", Some(id)) => Place::Environment { environment: id.parse().ok()? },
        ("deployments", Some(id)) => Place::Deployment { deployment: id.parse().ok()? },
        ("servers", None) => Place::Servers,
        ("activity", None) => Place::Activity,
        ("settings", None) => Place::Settings,
        _ => return None,
    };
    Some(place)
}

/// The place that a start with these arguments asks for.
pub(crate) fn in_arguments<S: AsRef<str>>(arguments: &[S]) -> Option<Place> {
    arguments.iter().find_map(|argument| parse(argument.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    #[test]
    fn links_open_places() {
        assert_eq!(parse("slipway://servers"), Some(Place::Servers));
        assert_eq!(parse("SLIPWAY://activity/"), Some(Place::Activity));
        let environment = ID.parse().unwrap();
        assert_eq!(parse(&format!("slipway://environments/{ID}")), Some(Place::Environment { environment }));
        let deployment = ID.parse().unwrap();
        assert_eq!(parse(&format!("slipway://deployments/{ID}/")), Some(Place::Deployment { deployment }));
    }

    #[test]
    fn nothing_else_is_a_link() {
        let deploy = format!("slipway://deploy/{ID}");
        let more = format!("slipway://environments/{ID}/destroy");
        let further = format!("slipway://environments/{ID}/deploy");
        for text in ["", "slipway:", "slipway://", "https://servers", "slipwäy://x", &deploy, &more, &further]
        {
            assert_eq!(parse(text), None, "{text}");
        }
        for text in ["slipway://environments/../servers", "slipway://deployments/1", "slipway://servers?x=1"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_start_with_a_link_goes_there() {
        assert_eq!(
            in_arguments(&["slipway-app", "--home", "/x", "slipway://settings"]),
            Some(Place::Settings)
        );
        assert_eq!(in_arguments(&["slipway-app"]), None);
    }
}
