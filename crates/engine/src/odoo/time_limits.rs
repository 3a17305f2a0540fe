//! How long Odoo may work: the one source of the limits in `odoo.conf` and of the proxy's patience.
//!
//! From `odoo/service/server.py`, 14.0 to 19.0: a worker process is killed with its request some seconds after
//! `limit_time_real`. A single process looks at its threads once a minute, and then begins anew with all of them. CPU time
//! (`limit_time_cpu`) is counted in worker processes only, and ends the worker as well: it is the same here, so that a request
//! may compute for as long as it may take.

use std::collections::BTreeMap;
use std::time::Duration;

use super::options::OptionError;

/// `limit_time_real` where an environment sets none, in seconds.
pub(crate) const REAL_S: u32 = 1200;
/// `limit_time_real_cron`, unless requests may take longer.
const CRON_S: u32 = 3600;
/// How much later than the limit Odoo may look.
const LATE: Duration = Duration::from_secs(60);
const OPTION: &str = "limit_time_real";

/// An environment's limits. What it sets for CPU time and scheduled actions itself isn't among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimits {
    /// For one request, in seconds; 0: none.
    pub real_s: u32,
    /// For the CPU time of one request, in seconds.
    pub cpu_s: u32,
    /// For one scheduled action, in seconds.
    pub cron_s: u32,
}

impl TimeLimits {
    /// The limits with these options of the environment's own, in so many worker processes.
    ///
    /// # Errors
    /// When `limit_time_real` is something that Odoo couldn't work with.
    pub fn of(options: &BTreeMap<String, String>, workers: u32) -> Result<Self, OptionError> {
        let real_s = options.get(OPTION).map_or(Ok(REAL_S), |value| {
            let bad =
                |why| OptionError::BadTimeLimit { option: OPTION.to_owned(), value: value.clone(), why };
            // Odoo takes a leading 0 for an octal number.
            let is_plain = value == "0" || !value.starts_with(['0', '+']);
            let limit =
                value.parse().ok().filter(|_| is_plain).ok_or_else(|| bad("it is no number of seconds"))?;
            if limit == 0 && workers > 0 {
                return Err(bad("Odoo would end each worker process at once"));
            }
            Ok(limit)
        })?;
        Ok(Self { real_s, cpu_s: if real_s == 0 { REAL_S } else { real_s }, cron_s: CRON_S.max(real_s) })
    }

    /// For one request; zero: none.
    pub fn real(self) -> Duration {
        Duration::from_secs(self.real_s.into())
    }
}

/// How long to wait for the first byte of an answer from an Odoo with this limit. `None`: without a limit.
pub fn patience(real: Duration) -> Option<Duration> {
    (!real.is_zero()).then(|| real + LATE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(limit: &str, workers: u32) -> Result<TimeLimits, OptionError> {
        TimeLimits::of(&[(OPTION.to_owned(), limit.to_owned())].into(), workers)
    }

    #[test]
    fn all_follows_from_one_limit() {
        let usual = TimeLimits::of(&BTreeMap::new(), 2).unwrap();
        assert_eq!((usual.real_s, usual.cpu_s, usual.cron_s), (1200, 1200, 3600));
        assert!(patience(usual.real()).unwrap() > Duration::from_secs(1200));
        let long = with("7200", 2).unwrap();
        assert_eq!((long.real_s, long.cpu_s, long.cron_s), (7200, 7200, 7200));
        assert!(patience(long.real()).unwrap() > Duration::from_secs(7200));
    }

    #[test]
    fn no_limit_is_for_threads_alone() {
        let none = with("0", 0).unwrap();
        assert_eq!((none.real(), patience(none.real())), (Duration::ZERO, None));
        assert!(none.cpu_s > 0, "Odoo would take 0 for a limit");
        assert!(with("0", 2).is_err());
    }

    #[test]
    fn what_is_no_number_of_seconds_is_refused() {
        for bad in ["", "-1", "+5", "1.5", "1h", "0600", "0x10", "1_000", "99999999999"] {
            let error = with(bad, 0).unwrap_err();
            assert!(error.to_string().contains(OPTION) && error.hint().contains("seconds"), "{bad}: {error}");
        }
    }
}
