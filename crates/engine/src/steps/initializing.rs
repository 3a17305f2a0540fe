//! Step 1: what was asked for is complete and makes sense, before anybody is asked anything.

use std::time::Duration;

use super::PrepareStep;
use crate::cx::Cx;
use crate::error::EngineError;
use crate::model::Step;

/// Checks the frozen settings.
pub(crate) struct Initializing;

impl PrepareStep for Initializing {
    const STEP: Step = Step::Initializing;
    const LIMIT: Duration = Duration::from_secs(10);
    type Output = ();

    async fn run(&self, cx: &Cx) -> Result<(), EngineError> {
        let settings = &cx.settings;
        settings.server.validate()?;
        settings.project.validate()?;
        settings.environment.validate()?;
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
        Ok(())
    }
}
