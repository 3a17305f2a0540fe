//! Step 1: what was asked for is complete and makes sense, before anything is touched. The repositories are fetched to this
//! computer for that: whether a module exists, fits the series and can be read is known only from their content.

use std::time::Duration;

use super::PrepareStep;
use super::config::{odoo_conf, secret_options};
use crate::cx::Cx;
use crate::error::EngineError;
use crate::model::Step;
use crate::planning;
use crate::render::odoo_conf::OdooConf;

/// Checks the frozen settings and the content.
pub(crate) struct Initializing;

impl PrepareStep for Initializing {
    const STEP: Step = Step::Initializing;
    const LIMIT: Duration = Duration::from_secs(3600);
    type Output = ();

    async fn run(&self, cx: &Cx) -> Result<(), EngineError> {
        let settings = &cx.settings;
        settings.validate()?;
        let series = cx.series()?;
        cx.info(format!(
            "{} / {}: Odoo {} on {}, {} CPU, {} MB of memory, {} MB of disk",
            settings.project.name,
            settings.environment.name,
            series,
            settings.server.name,
            settings.environment.cpus,
            settings.environment.memory_mb,
            settings.environment.disk_mb,
        ));
        // An option that can't be written is refused here; where the addons stand is not known yet.
        let conf = odoo_conf(cx, series, vec![], None);
        OdooConf { secret_options: secret_options(cx).await?, ..conf }.render()?;
        let fetched = cx.fetched().await?;
        if let Some(error) = planning::stopping(&fetched.problems) {
            return Err(cx.of_going_back(error));
        }
        planning::packages(fetched)?;
        Ok(())
    }
}
