//! Identities: one type for each thing, so that none is taken for another.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        /// A UUID of version 7: ordered by the time it was made.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        #[cfg_attr(feature = "bindings", derive(specta::Type))]
        pub struct $name(Uuid);

        impl $name {
            /// A new one, later than all made before by this process.
            #[expect(clippy::new_without_default, reason = "two of them are never equal: there is no default one")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The UUID itself.
            pub fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

id! {
    /// Names a server.
    ServerId
}
id! {
    /// Names a project.
    ProjectId
}
id! {
    /// Names an environment.
    EnvironmentId
}
id! {
    /// Names a deployment.
    DeploymentId
}
id! {
    /// Names a snapshot.
    SnapshotId
}

impl DeploymentId {
    /// The last 12 hex digits, which name everything this deployment makes on a server. They are the random part
    /// of the UUID: two deployments of one millisecond differ in them.
    pub fn short(self) -> String {
        let mut hex = self.0.simple().to_string();
        hex.split_off(20)
    }

    /// When it was made, in seconds since 1970.
    pub fn second(self) -> u64 {
        self.0.get_timestamp().map_or(0, |made| made.to_unix().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_id_is_the_last_12_digits() {
        let id: DeploymentId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        assert_eq!(id.short(), "b302099a8057");
    }

    #[test]
    fn ids_are_ordered_by_the_time_they_were_made() {
        let ids: Vec<DeploymentId> = (0..1000).map(|_| DeploymentId::new()).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn ids_survive_text_and_json() {
        let id = ServerId::new();
        assert_eq!(id.to_string().parse::<ServerId>().unwrap(), id);
        assert_eq!(serde_json::from_str::<ServerId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
        assert!("not an id".parse::<ServerId>().is_err());
    }
}
