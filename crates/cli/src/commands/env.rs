//! `slipway env`.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;
use serde::Serialize;
use slipway_engine::engine::{Engine, EnvironmentView};
use slipway_engine::error::EngineError;
use slipway_engine::model::{Deployment, Environment, SecretRef, Tls};
use slipway_engine::odoo::options;
use slipway_engine::store::Watched;

use crate::args::{Env as Args, EnvSettings};
use crate::exit::Exit;
use crate::output::{Output, table};
use crate::prompt;
use crate::run::start_background;

/// Carries it out.
pub(crate) async fn run(engine: &Engine, out: Output, args: Args) -> Result<Exit, EngineError> {
    match args {
        Args::Add(args) => {
            let Some((project, name)) = args.env.split_once('/') else {
                return Err(EngineError::bad_input(format!("{:?} is not project/name.", args.env))
                    .hint("Such as acme/production."));
            };
            let project = engine.project(project).await?;
            let mut environment = Environment::new(project.id, name, "main");
            apply(engine, &mut environment, args.settings).await?;
            engine.add_environment(environment).await?;
            let view = engine.environment(&args.env).await?;
            out.value(&view, |v| {
                format!(
                    "Added {}. Next: slipway plan {}, then slipway deploy {}",
                    v.name(),
                    v.name(),
                    v.name()
                )
            });
        }
        Args::List => list(engine, out).await?,
        Args::Show { env } => {
            let view = engine.environment(&env).await?;
            let watched = engine.store().watched(view.environment.id).await?;
            out.value(&Shown { view, watched }, show);
        }
        Args::Set(args) => {
            let mut view = engine.environment(&args.env).await?;
            let before = view.environment.clone();
            apply(engine, &mut view.environment, args.settings).await?;
            let deployment = engine.save_environment(view.environment).await?;
            let saved = Saved { view: engine.environment(&args.env).await?, deployment };
            engine.forget_secrets_of(&before, Some(&saved.view.environment)).await?;
            // From here on what is pushed is new, also while no app runs.
            let pushed = match saved.view.environment.deploy_on_push {
                true => engine.look_for_commits().await?,
                false => vec![],
            };
            if saved.deployment.is_some() || !pushed.is_empty() {
                start_background(engine)?;
            }
            out.value(&saved, Saved::text);
        }
        Args::Destroy { env, confirm, keep_server } => {
            destroy(engine, out, &env, confirm, keep_server).await?
        }
    }
    Ok(Exit::Success)
}

/// Changed settings, and the deployment of them if they are deployed by themselves.
#[derive(Serialize)]
struct Saved {
    #[serde(flatten)]
    view: EnvironmentView,
    deployment: Option<Deployment>,
}

impl Saved {
    fn text(&self) -> String {
        match &self.deployment {
            None => format!("Saved. It takes effect with the next deployment of {}.", self.view.name()),
            Some(d) => {
                let id = d.id.short();
                format!("Saved. Deployment {id} brings it by itself. Watch it with `slipway logs {id} -f`.")
            }
        }
    }
}

async fn list(engine: &Engine, out: Output) -> Result<(), EngineError> {
    let views = engine.environments().await?;
    out.value(&views, |views| {
        if views.is_empty() {
            return "No environments yet. Add one with `slipway env add PROJECT/NAME`.".into();
        }
        let rows: Vec<Vec<String>> = views
            .iter()
            .map(|v| {
                let server = v.server.as_ref().map_or("–", |s| s.name.as_str());
                vec![
                    v.name(),
                    server.to_owned(),
                    v.environment.branch.clone(),
                    v.address().unwrap_or_default(),
                ]
            })
            .collect();
        table(&["NAME", "SERVER", "BRANCH", "ADDRESS"], &rows)
    });
    Ok(())
}

/// An environment, and what is known of its branches if new commits are deployed by themselves.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    view: EnvironmentView,
    watched: Option<Watched>,
}

fn show(shown: &Shown) -> String {
    let Shown { view, watched } = shown;
    let e = &view.environment;
    let pairs = |map: &BTreeMap<String, String>| {
        map.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ")
    };
    let names =
        |map: &BTreeMap<String, SecretRef>| map.keys().map(String::as_str).collect::<Vec<_>>().join(" ");
    let rows = [
        ("Name", view.name()),
        ("Kind", e.kind.to_string()),
        ("Odoo", view.project.series.clone()),
        ("Server", view.server.as_ref().map_or_else(|| "none".into(), |s| s.name.clone())),
        ("Branch", e.branch.clone()),
        ("Address", view.address().unwrap_or_default()),
        ("Resources", format!("{} CPU, {} MB of memory, {} MB of disk", e.cpus, e.memory_mb, e.disk_mb)),
        (
            "Limits",
            format!(
                "hold {} s, health {} s, update {} s",
                e.hold_limit_s, e.health_limit_s, e.update_limit_s
            ),
        ),
        ("Modules", e.modules.join(", ")),
        ("Options", pairs(&e.options)),
        ("Secret options", names(&e.secret_options)),
        ("Variables", pairs(&e.variables)),
        ("Secret variables", names(&e.secret_variables)),
        ("Triggers", triggers(e, watched.as_ref())),
        (
            "Retention",
            format!(
                "{} releases; {} snapshots, {} days",
                e.retention.keep_releases, e.retention.keep_snapshots, e.retention.snapshot_days
            ),
        ),
    ];
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(k, v)| vec![k.to_owned(), v]).collect();
    table(&["", ""], &rows).trim_start().to_owned()
}

/// What deploys it by itself, and how that stands.
fn triggers(e: &Environment, watched: Option<&Watched>) -> String {
    let mut triggers = vec![];
    if e.deploy_on_push {
        triggers.push(match watched {
            None => "new commits (not looked for yet: the app does it while it runs)".to_owned(),
            Some(Watched { problem: Some(problem), since, .. }) => {
                format!("new commits (not seen since {since:.0}: {} {})", problem.message, problem.hint)
            }
            Some(Watched { heads, .. }) => {
                let heads = heads
                    .values()
                    .map(|h| format!("{} at {}", h.reference, &h.commit[..h.commit.len().min(7)]));
                format!("new commits ({})", heads.collect::<Vec<_>>().join(", "))
            }
        });
    }
    if e.auto_deploy {
        triggers.push("changed settings".to_owned());
    }
    if triggers.is_empty() { "none: deployed by hand".to_owned() } else { triggers.join("; ") }
}

async fn destroy(
    engine: &Engine,
    out: Output,
    env: &str,
    confirm: Option<String>,
    keep_server: bool,
) -> Result<(), EngineError> {
    let view = engine.environment(env).await?;
    let name = view.name();
    let typed = match confirm {
        Some(typed) => typed,
        None => {
            out.note(&format!(
                "This removes {name}: its database, files, snapshots and releases. There is no way back."
            ));
            prompt::ask(&format!("Type {name} to confirm:"), &format!("Repeat with --confirm {name}."))?
        }
    };
    if typed != name {
        return Err(EngineError::bad_input(format!("{typed:?} is not {name}; nothing was removed.")));
    }
    let removed = engine.destroy_environment(&view, keep_server).await?;
    out.value(&removed, |removed| {
        let mut lines = removed.clone();
        lines.push(format!("Destroyed {name}."));
        lines.join("\n")
    });
    Ok(())
}

async fn apply(engine: &Engine, e: &mut Environment, s: EnvSettings) -> Result<(), EngineError> {
    if let Some(kind) = s.kind {
        e.kind = kind.parse().map_err(|_| {
            EngineError::bad_input(format!("{kind:?} is no kind of environment."))
                .hint("Choose production, staging or development.")
        })?;
    }
    if let Some(server) = s.server {
        e.server_id = if server.is_empty() { None } else { Some(engine.server(&server).await?.id) };
    }
    set(&mut e.branch, s.branch);
    if let Some(domain) = s.domain {
        e.domain = Some(domain).filter(|d| !d.is_empty());
    }
    e.tls = tls(&e.tls, s.tls.as_deref(), (s.cert, s.cert_key), s.acme_email)?;
    set(&mut e.cpus, s.cpus);
    set(&mut e.memory_mb, s.memory);
    set(&mut e.disk_mb, s.disk);
    set(&mut e.modules, s.modules.map(|m| m.into_iter().filter(|m| !m.is_empty()).collect()));
    if let Some(image) = s.image {
        e.image = Some(image).filter(|i| !i.is_empty());
    }
    pairs(&mut e.options, &s.options)?;
    pairs(&mut e.variables, &s.variables)?;
    secrets(engine, "option", &s.secret_options, &mut e.options, &mut e.secret_options).await?;
    secrets(engine, "variable", &s.secret_variables, &mut e.variables, &mut e.secret_variables).await?;
    set(&mut e.hold_limit_s, s.hold_limit);
    set(&mut e.health_limit_s, s.health_limit);
    set(&mut e.update_limit_s, s.update_limit);
    set(&mut e.retention.keep_releases, s.keep_releases);
    set(&mut e.retention.keep_snapshots, s.keep_snapshots);
    set(&mut e.retention.snapshot_days, s.snapshot_days);
    set(&mut e.deploy_on_push, s.deploy_on_push);
    set(&mut e.auto_deploy, s.auto_deploy);
    set(&mut e.demo_data, s.demo_data);
    Ok(())
}

/// Options or variables whose values are secrets: each is asked for, and no longer kept openly.
async fn secrets(
    engine: &Engine,
    kind: &str,
    names: &[String],
    open: &mut BTreeMap<String, String>,
    secret: &mut BTreeMap<String, SecretRef>,
) -> Result<(), EngineError> {
    for name in names {
        let given_by = |name: &str| match kind {
            "option" => format!("SLIPWAY_OPTION_{}", name.to_ascii_uppercase()),
            _ => format!("SLIPWAY_VARIABLE_{name}"),
        };
        match name.split_once('=') {
            None => {
                let value = prompt::secret(&format!("Value of {name}"), &given_by(name))?;
                if kind == "option" {
                    options::check(name, value.expose_secret())?;
                }
                open.remove(name);
                secret.insert(name.clone(), engine.keep_secret(value).await?);
            }
            Some((name, "")) => {
                secret.remove(name);
            }
            Some((name, _)) => {
                return Err(EngineError::bad_input(format!(
                    "The value of {name} would stand in the list of processes."
                ))
                .hint(format!(
                    "Give --secret-{kind} {name} alone: it is asked for, or read from {}.",
                    given_by(name)
                )));
            }
        }
    }
    Ok(())
}

/// How it is encrypted from now on. What isn't named stays as it is.
fn tls(
    now: &Tls,
    kind: Option<&str>,
    (cert, key): (Option<String>, Option<String>),
    email: Option<String>,
) -> Result<Tls, EngineError> {
    let kind = kind.unwrap_or(match now {
        Tls::Acme { .. } => "acme",
        Tls::Internal => "internal",
        Tls::Own { .. } => "own",
        Tls::Plain => "plain",
    });
    if kind != "own" && (cert.is_some() || key.is_some()) {
        return Err(EngineError::bad_input("--cert and --cert-key go with --tls own only."));
    }
    if kind != "acme" && email.is_some() {
        return Err(EngineError::bad_input("--acme-email goes with --tls acme only."));
    }
    let (cert_now, key_now, email_now) = match now.clone() {
        Tls::Own { cert_file, key_file } => (Some(cert_file), Some(key_file), None),
        Tls::Acme { email } => (None, None, email),
        Tls::Internal | Tls::Plain => (None, None, None),
    };
    match (kind, cert.or(cert_now), key.or(key_now)) {
        ("acme", ..) => Ok(Tls::Acme { email: email.or(email_now) }),
        ("internal", ..) => Ok(Tls::Internal),
        ("plain", ..) => Ok(Tls::Plain),
        ("own", Some(cert_file), Some(key_file)) => Ok(Tls::Own { cert_file, key_file }),
        ("own", ..) => Err(EngineError::bad_input("An own certificate needs its two files.")
            .hint("Give --cert and --cert-key, paths on the server.")),
        _ => Err(EngineError::bad_input(format!("{kind:?} is no kind of HTTPS."))
            .hint("Choose acme, internal, own or plain.")),
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

fn pairs(map: &mut BTreeMap<String, String>, given: &[String]) -> Result<(), EngineError> {
    for pair in given {
        match pair.split_once('=') {
            Some((key, "")) => drop(map.remove(key)),
            Some((key, value)) => drop(map.insert(key.to_owned(), value.to_owned())),
            None => {
                return Err(EngineError::bad_input(format!("{pair:?} is not KEY=VALUE.")));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_https_only_what_is_named_changes() {
        let some = |text: &str| Some(text.to_owned());
        let own = tls(&Tls::Plain, Some("own"), (some("a.crt"), some("a.key")), None).unwrap();
        let Tls::Own { cert_file, key_file } = tls(&own, None, (None, some("b.key")), None).unwrap() else {
            panic!("it is still the user's own")
        };
        assert_eq!((cert_file.as_str(), key_file.as_str()), ("a.crt", "b.key"));
        assert_eq!(tls(&own, None, (None, None), None).unwrap(), own);
        assert_eq!(tls(&own, Some("internal"), (None, None), None).unwrap(), Tls::Internal);
        let acme = tls(&own, Some("acme"), (None, None), some("me@example.com")).unwrap();
        assert_eq!(tls(&acme, Some("acme"), (None, None), None).unwrap(), acme, "the address stays");
        assert!(tls(&Tls::Plain, None, (None, some("b.key")), None).is_err(), "nothing is left out silently");
        assert!(tls(&own, None, (None, None), some("me@example.com")).is_err());
        assert!(tls(&Tls::Plain, Some("own"), (some("a.crt"), None), None).is_err());
        assert!(tls(&Tls::Plain, Some("magic"), (None, None), None).is_err());
    }
}
