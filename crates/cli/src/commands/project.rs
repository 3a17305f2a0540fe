//! `slipway project`.

use slipway_engine::engine::Engine;
use slipway_engine::error::EngineError;
use slipway_engine::model::{GitCredential, Project, Repository};

use crate::args::{Project as Args, ProjectAdd};
use crate::exit::Exit;
use crate::output::{Output, table};
use crate::prompt;

/// Carries it out.
pub(crate) async fn run(engine: &Engine, out: Output, args: Args) -> Result<Exit, EngineError> {
    match args {
        Args::Add(args) => add(engine, out, args).await,
        Args::List => list(engine, out).await,
    }
}

async fn add(engine: &Engine, out: Output, args: ProjectAdd) -> Result<Exit, EngineError> {
    let credential = credential(engine, &args).await?;
    let mut repositories =
        vec![Repository { paths: args.paths, ..Repository::new("main", absolute(&args.url)) }];
    for text in &args.repositories {
        repositories.push(extra(text)?);
    }
    for repository in &mut repositories {
        repository.credential = credential.clone();
        repository.submodules = !args.no_submodules;
    }
    let project = Project::new(args.name, args.series, repositories);
    engine.add_project(project.clone()).await?;
    out.value(&project, |p| {
        format!("Added {}. Next: slipway env add {}/production --server NAME --branch BRANCH", p.name, p.name)
    });
    Ok(Exit::Success)
}

async fn credential(engine: &Engine, args: &ProjectAdd) -> Result<GitCredential, EngineError> {
    Ok(match (&args.git_key, args.git_token) {
        (Some(_), true) => {
            return Err(EngineError::bad_input(
                "A repository is opened by a key or by a token, not by both.",
            ));
        }
        (Some(file), false) => GitCredential::SshKey { file: file.clone(), passphrase: None },
        (None, true) => {
            let token = engine.keep_secret(prompt::secret("Access token", "SLIPWAY_GIT_TOKEN")?).await?;
            GitCredential::Token { user: args.git_user.clone(), token }
        }
        (None, false) => GitCredential::Auto,
    })
}

/// A path is remembered as an absolute one: the next command may run elsewhere.
fn absolute(url: &str) -> String {
    let path = std::path::Path::new(url);
    match path.canonicalize() {
        Ok(found) if !url.contains("://") => found.to_string_lossy().into_owned(),
        _ => url.to_owned(),
    }
}

/// `NAME=URL#BRANCH`.
fn extra(text: &str) -> Result<Repository, EngineError> {
    let Some((name, rest)) = text.split_once('=') else {
        return Err(EngineError::bad_input(format!("{text:?} names no repository."))
            .hint("Write it as NAME=URL#BRANCH, such as web=https://example.com/web.git#19.0."));
    };
    let (url, branch) = match rest.rsplit_once('#') {
        Some((url, branch)) => (url, Some(branch.to_owned())),
        None => (rest, None),
    };
    Ok(Repository { branch, ..Repository::new(name, absolute(url)) })
}

async fn list(engine: &Engine, out: Output) -> Result<Exit, EngineError> {
    let projects = engine.projects().await?;
    out.value(&projects, |projects| {
        if projects.is_empty() {
            return "No projects yet. Add one with `slipway project add NAME --url URL --series 19.0`."
                .into();
        }
        let rows: Vec<Vec<String>> = projects
            .iter()
            .map(|p| {
                let urls: Vec<&str> = p.repositories.iter().map(|r| r.url.as_str()).collect();
                vec![p.name.clone(), p.series.clone(), urls.join(", ")]
            })
            .collect();
        table(&["NAME", "SERIES", "REPOSITORIES"], &rows)
    });
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use super::extra;

    #[test]
    fn further_repositories_have_a_name_and_may_have_a_branch() {
        let r = extra("web=https://example.com/web.git#19.0").unwrap();
        assert_eq!(
            (r.name.as_str(), r.url.as_str(), r.branch.as_deref()),
            ("web", "https://example.com/web.git", Some("19.0"))
        );
        assert_eq!(extra("x=ssh://h/y").unwrap().branch, None);
        assert!(extra("https://example.com").is_err());
    }
}
