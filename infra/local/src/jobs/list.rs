//! The list of scheduled jobs, `infra/jobs.toml`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use http::Uri;
use jiff::SignedDuration;
use serde::Deserialize;

/// Nothing that serves people is due more often, and each run is in the audit trail.
const SHORTEST: Duration = Duration::from_secs(1);

/// What is due less often than in a month belongs into a calendar: no process counts that long without being started again.
const LONGEST: Duration = Duration::from_hours(31 * 24);

/// A name is part of a line of the log, and the name of a CronJob: a DNS label less the 11 characters that Kubernetes adds.
const LONGEST_NAME: usize = 52;

/// A scheduled job: a `POST` without content that a session of role `job` may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What the log calls it.
    pub name: String,
    /// Where it is called.
    pub path: String,
    /// How long from the beginning of one run to that of the next, at most.
    pub every: Duration,
    /// What it does, for people.
    pub description: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    job: Vec<ListedJob>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListedJob {
    name: String,
    path: String,
    every: String,
    description: String,
}

/// Reads the list.
///
/// # Errors
/// A file that can't be read, and the first thing that is wrong with it.
pub fn read(file: &Path) -> Result<Vec<Job>> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("{} can't be read: --jobs names the list of jobs", file.display()))?;
    parse(&text).with_context(|| format!("{}", file.display()))
}

fn parse(text: &str) -> Result<Vec<Job>> {
    let Listed { job: listed } = toml::from_str(text)?;
    let mut names = BTreeSet::new();
    let mut jobs = Vec::with_capacity(listed.len());
    for (position, job) in listed.into_iter().enumerate() {
        check_name(&job.name).with_context(|| format!("[[job]] number {}: name", position + 1))?;
        if !names.insert(job.name.clone()) {
            bail!("job {}: the name is there twice", job.name);
        }
        check_path(&job.path).with_context(|| format!("job {}: path", job.name))?;
        let every = interval(&job.every).with_context(|| format!("job {}: every", job.name))?;
        jobs.push(Job {
            name: job.name,
            path: job.path,
            every,
            description: job.description,
        });
    }
    Ok(jobs)
}

fn check_name(name: &str) -> Result<()> {
    let is_plain = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_plain) {
        bail!("must be 1 to {LONGEST_NAME} of a to z, 0 to 9 and -");
    }
    if !name.starts_with(|first: char| first.is_ascii_lowercase()) || name.ends_with('-') {
        bail!("must begin with a letter and must not end with -");
    }
    Ok(())
}

fn check_path(path: &str) -> Result<()> {
    // `//host/…` is another host to some servers, and a job takes no parameters: who calls says for whom it runs.
    let is_path =
        path.starts_with('/') && !path.starts_with("//") && path.parse::<Uri>().is_ok_and(|uri| uri.path() == path);
    if !is_path || path.contains(['?', '#']) {
        bail!("must be an absolute path without a query, such as /v1/notify/jobs/drain");
    }
    Ok(())
}

fn interval(text: &str) -> Result<Duration> {
    let every: SignedDuration = text
        .parse()
        .map_err(|_| anyhow!("must be a length of time in hours, minutes and seconds, such as 1m or 1h 30m"))?;
    let every = Duration::try_from(every).unwrap_or_default();
    if !(SHORTEST..=LONGEST).contains(&every) {
        bail!("must be from 1 second to 744 hours");
    }
    Ok(every)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAIN: &str =
        "[[job]]\nname = 'notify-drain'\npath = '/v1/notify/jobs/drain'\nevery = '1m'\ndescription = 'Sends'\n";

    #[test]
    fn the_list_of_the_house_is_one() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../jobs.toml");
        let jobs = read(&file).unwrap();
        assert_eq!(jobs[0].name, "notify-drain");
        assert_eq!(jobs[0].every, Duration::from_mins(1));
        let told = std::fs::read_to_string(file.with_file_name("README.md")).unwrap();
        for job in jobs {
            assert!(told.contains(&format!("`{}`", job.name)), "{} is not told of", job.name);
        }
    }

    #[test]
    fn intervals_are_lengths_of_time() {
        for (text, every) in [
            ("1s", Some(Duration::from_secs(1))),
            ("1m", Some(Duration::from_mins(1))),
            ("90 seconds", Some(Duration::from_secs(90))),
            ("1h 30m", Some(Duration::from_mins(90))),
            ("PT15M", Some(Duration::from_mins(15))),
            ("1500ms", Some(Duration::from_millis(1500))),
            ("744h", Some(LONGEST)),
            ("744h 1s", None),
            ("999ms", None),
            ("0s", None),
            ("-1m", None),
            ("1m ago", None),
            ("1", None),
            ("60", None),
            ("", None),
            ("1mo", None),
            ("often", None),
            ("99999999999999999999h", None),
        ] {
            assert_eq!(interval(text).ok(), every, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let with = |from: &str, to: &str| DRAIN.replace(from, to);
        for (text, said) in [
            (String::new(), "missing field `job`"),
            (with("'1m'", "'1m'\ntimeout = 3"), "unknown field `timeout`"),
            (format!("zone = 'UTC'\n{DRAIN}"), "unknown field `zone`"),
            (with("every = '1m'\n", ""), "missing field `every`"),
            (with("'1m'", "60"), "invalid type: integer `60`, expected a string"),
            (format!("{DRAIN}{DRAIN}"), "job notify-drain: the name is there twice"),
            (with("notify-drain", ""), "[[job]] number 1: name: must be 1 to 52"),
            (with("notify-drain", "Notify drain"), "name: must be 1 to 52"),
            (with("notify-drain", &"a".repeat(53)), "name: must be 1 to 52"),
            (with("notify-drain", "1st"), "name: must begin with a letter"),
            (with("notify-drain", "a-"), "must not end with -"),
            (with("/v1", "v1"), "job notify-drain: path: must be an absolute path"),
            (with("/v1", "//v1"), "must be an absolute path"),
            (with("/v1", "http://example.org/v1"), "must be an absolute path"),
            (with("/v1", "/v 1"), "must be an absolute path"),
            (with("/drain", "/drain?now"), "must be an absolute path"),
            (with("/drain", "/drain#now"), "must be an absolute path"),
            (
                with("'1m'", "'1 month'"),
                "job notify-drain: every: must be a length of time",
            ),
            (
                with("'1m'", "'500ms'"),
                "job notify-drain: every: must be from 1 second",
            ),
        ] {
            let error = format!("{:#}", parse(&text).unwrap_err());
            assert!(error.contains(said), "{text}\n{error}");
        }
        assert_eq!(parse(DRAIN).unwrap().len(), 1);
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = read(Path::new("nowhere/jobs.toml")).unwrap_err();
        assert!(error.to_string().contains("nowhere/jobs.toml") && error.to_string().contains("--jobs"));
    }
}
