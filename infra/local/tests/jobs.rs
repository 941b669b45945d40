//! Scheduled jobs against a deployment that does as it is told, and the commands around them as they are typed.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test's helpers fail by panicking, and live in real time"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use confide::client::Client;
use confide::home::Home;
use confide::jobs::{self, Job, JobSecret, Runner, Schedule, Source};
use tempfile::TempDir;
use testkit::Said;

const TOKENS: &str = "/v1/auth/service-tokens";
const SECOND: Duration = Duration::from_secs(1);

/// What the deployment was asked.
#[derive(Debug, Clone)]
struct Asked {
    path: String,
    bearer: Option<String>,
    body: String,
    began: Instant,
    ended: Option<Instant>,
}

/// Status, headers and body.
type Says = (u16, &'static str, &'static str);

const SESSION: Says = (201, "", r#"{"token": "cfs_token", "roles": ["job"]}"#);
const REFUSED: Says = (401, "", r#"{"type": "urn:problem-type:confide:invalid-secret"}"#);
const DONE: Says = (200, "", r#"{"more": false}"#);

/// A deployment that answers what it is told to.
struct Deployment {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Deployment {
    /// `answers` gets the path, and how often it has been asked for before.
    fn start(answers: impl Fn(&str, usize) -> Says + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::default();
        let (keeps, answers) = (Arc::clone(&asked), Arc::new(answers));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (keeps, answers) = (Arc::clone(&keeps), Arc::clone(&answers));
                std::thread::spawn(move || answer(stream.unwrap(), &keeps, &*answers));
            }
        });
        Self { url, asked }
    }

    fn asked(&self, path: &str) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.path == path).cloned().collect()
    }
}

fn answer(mut stream: TcpStream, keeps: &Mutex<Vec<Asked>>, answers: &dyn Fn(&str, usize) -> Says) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let path = lines[0].split(' ').nth(1).unwrap().to_owned();
    let header = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    let mut body = vec![0; header("content-length: ").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let (before, place) = {
        let mut asked = keeps.lock().unwrap();
        let before = asked.iter().filter(|asked| asked.path == path).count();
        asked.push(Asked {
            path: path.clone(),
            bearer: header("authorization: "),
            body: String::from_utf8(body).unwrap(),
            began: Instant::now(),
            ended: None,
        });
        (before, asked.len() - 1)
    };
    let (status, headers, body) = answers(&path, before);
    // Before the answer: whoever has it may begin the next call at once.
    keeps.lock().unwrap()[place].ended = Some(Instant::now());
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status} x\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
}

fn job(name: &str) -> Job {
    Job {
        name: name.to_owned(),
        path: format!("/v1/jobs/{name}"),
        every: SECOND,
        description: String::new(),
    }
}

/// A secret that `auth` might have given; which one it is, is the letter.
fn secret(letter: &str) -> String {
    format!("cfx_{}A", letter.repeat(85))
}

fn secrets(letters: &[&str]) -> Source {
    Source::Given(
        letters
            .iter()
            .map(|letter| JobSecret::parse(&secret(letter)).unwrap())
            .collect(),
    )
}

fn schedule(url: &str, names: &[&str], secrets: Source) -> (Schedule, Arc<Said>) {
    let said = Arc::new(Said::default());
    let schedule = Schedule {
        client: Client::new(url),
        jobs: names.iter().map(|name| job(name)).collect(),
        secrets,
        log: Arc::clone(&said) as _,
    };
    (schedule, said)
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(10), "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn one_token_serves_many_runs_and_more_is_done_at_once() {
    let deployment = Deployment::start(|path, before| match (path, before) {
        (TOKENS, _) => SESSION,
        (_, 0..5) => (200, "", r#"{"more": true}"#),
        _ => DONE,
    });
    let (schedule, said) = schedule(&deployment.url, &["one"], secrets(&["A"]));
    let runner = Runner::start(schedule);
    until("seven runs", || deployment.asked("/v1/jobs/one").len() >= 7).await;
    runner.ended().await;
    let runs = deployment.asked("/v1/jobs/one");
    assert!(
        runs.iter()
            .all(|run| run.bearer.as_deref() == Some("Bearer cfs_token") && run.body == "{}")
    );
    let gap = |n: usize| runs[n + 1].began - runs[n].began;
    assert!(
        (0..5).all(|n| gap(n) < SECOND / 2),
        "what says that there is more is repeated at once"
    );
    assert!(gap(5) > SECOND / 2, "what does not is due at its interval");
    let tokens = deployment.asked(TOKENS);
    assert_eq!(tokens.len(), 1);
    assert_eq!(tokens[0].bearer, None);
    assert!(tokens[0].body.contains(&secret("A")));
    assert_eq!(said.lines(), ["scheduled jobs: identities 1"]);
}

#[tokio::test]
async fn a_token_that_ended_is_renewed_and_a_refusal_of_the_job_is_not() {
    let deployment = Deployment::start(|path, before| match (path, before) {
        (TOKENS, _) => SESSION,
        // The first token ends after one run; what the next one gets is the job's own refusal.
        ("/v1/jobs/one", 0 | 2) => DONE,
        _ => (401, "", ""),
    });
    let (schedule, said) = schedule(&deployment.url, &["one"], secrets(&["A"]));
    let runner = Runner::start(schedule);
    until("a failure", || said.has("answered 401")).await;
    runner.ended().await;
    // Given and good; refused, given again and good; refused, given again and refused.
    assert_eq!(deployment.asked("/v1/jobs/one").len(), 5);
    assert_eq!(deployment.asked(TOKENS).len(), 3);
    let lines = said.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[1].starts_with("job one, identity 1: answered 401; again in "),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_secret_that_opens_nothing_is_asked_about_once() {
    let deployment = Deployment::start(|_, _| REFUSED);
    let (schedule, said) = schedule(&deployment.url, &["one", "two"], secrets(&["A"]));
    let runner = Runner::start(schedule);
    until("that it is said", || said.has("identity 1: its secret opens nothing")).await;
    // Whoever looks for identities again finds the same one, and leaves it.
    tokio::time::sleep(SECOND + SECOND / 2).await;
    runner.ended().await;
    assert_eq!(deployment.asked(TOKENS).len(), 1);
    assert_eq!(said.lines().len(), 2, "{:?}", said.lines());
}

#[tokio::test]
async fn failures_wait_as_long_as_they_should_and_their_end_is_said() {
    let deployment = Deployment::start(|path, before| match (path, before) {
        // No `auth` says this; a proxy in front may.
        (TOKENS, 0) => (401, "", "<html>"),
        (TOKENS, _) => SESSION,
        (_, 0) => (503, "retry-after: 2\r\n", r#"{"detail": "of a body"}"#),
        _ => DONE,
    });
    let (schedule, said) = schedule(&deployment.url, &["one"], secrets(&["A"]));
    let runner = Runner::start(schedule);
    until("the end of failures", || said.has("runs again")).await;
    runner.ended().await;
    let lines = said.lines();
    assert!(
        lines[1].starts_with("job one, identity 1: no token: 401; again in "),
        "{lines:?}"
    );
    assert!(
        lines[2].starts_with("job one, identity 1: answered 503; again in "),
        "{lines:?}"
    );
    assert_eq!(lines[3], "job one, identity 1: runs again");
    assert!(
        !lines.concat().contains("body") && !lines.concat().contains("cf"),
        "{lines:?}"
    );
    let (tokens, runs) = (deployment.asked(TOKENS), deployment.asked("/v1/jobs/one"));
    assert!(tokens[1].began - tokens[0].began >= SECOND - SECOND / 10);
    assert!(runs[1].began - runs[0].began >= 2 * SECOND - SECOND / 10);
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let elsewhere = Deployment::start(|_, _| SESSION);
    let location: &'static str = format!("location: {}{TOKENS}\r\n", elsewhere.url).leak();
    let deployment = Deployment::start(move |_, _| (307, location, ""));
    let (schedule, said) = schedule(&deployment.url, &["one"], secrets(&["A"]));
    assert!(jobs::once(schedule).await.is_err());
    assert_eq!(
        said.lines(),
        ["job one, identity 1: no token: 307 (redirects are not followed)"]
    );
    assert!(elsewhere.asked(TOKENS).is_empty());
}

#[tokio::test]
async fn runs_of_one_identity_never_overlap() {
    let deployment = Deployment::start(|path, _| match path {
        TOKENS => SESSION,
        _ => {
            std::thread::sleep(SECOND / 5);
            DONE
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let home = Home::new(folder.path());
    let one = JobSecret::parse(&secret("A")).unwrap();
    jobs::add(&home, &one).unwrap();
    let (schedule, _) = schedule(&deployment.url, &["one", "two", "three"], Source::Home(home.clone()));
    let runner = Runner::start(schedule);
    until("a run", || !deployment.asked("/v1/jobs/one").is_empty()).await;
    // Taken away and back, while it is at work.
    std::fs::write(home.job_secrets_file(), "").unwrap();
    tokio::time::sleep(SECOND + SECOND / 5).await;
    jobs::add(&home, &one).unwrap();
    let before = deployment.asked.lock().unwrap().len();
    until("more runs", || deployment.asked.lock().unwrap().len() >= before + 6).await;
    runner.ended().await;
    let mut runs = deployment.asked.lock().unwrap().clone();
    runs.sort_by_key(|run| run.began);
    assert!(
        runs.windows(2).all(|two| two[0].ended.unwrap() <= two[1].began),
        "{runs:?}"
    );
}

#[tokio::test]
async fn whoever_is_added_runs_and_whoever_is_taken_away_does_not() {
    let deployment = Deployment::start(|path, _| if path == TOKENS { SESSION } else { DONE });
    let folder = tempfile::tempdir().unwrap();
    let home = Home::new(folder.path());
    let (schedule, said) = schedule(&deployment.url, &["one"], Source::Home(home.clone()));
    let runner = Runner::start(schedule);
    tokio::time::sleep(SECOND / 5).await;
    assert!(deployment.asked(TOKENS).is_empty());
    jobs::add(&home, &JobSecret::parse(&secret("A")).unwrap()).unwrap();
    until("a run", || !deployment.asked("/v1/jobs/one").is_empty()).await;

    // What can't be read is said one time, and whoever is at work stays.
    let text = std::fs::read_to_string(home.job_secrets_file()).unwrap();
    std::fs::write(home.job_secrets_file(), format!("{text}cfx_broken\n")).unwrap();
    until("the complaint", || said.has("job-secrets: line 3 is no secret")).await;
    let runs = deployment.asked("/v1/jobs/one").len();
    until("more runs", || deployment.asked("/v1/jobs/one").len() >= runs + 2).await;

    std::fs::write(home.job_secrets_file(), "").unwrap();
    until("that nobody is left", || said.has("identities 0")).await;
    let runs = deployment.asked("/v1/jobs/one").len();
    tokio::time::sleep(SECOND + SECOND / 5).await;
    assert!(
        deployment.asked("/v1/jobs/one").len() <= runs + 1,
        "the run that was on its way was the last"
    );
    runner.ended().await;
    let lines = said.lines();
    assert_eq!(
        lines.iter().filter(|line| line.contains("line 3")).count(),
        1,
        "{lines:?}"
    );
    assert!(!lines.concat().contains("broken"), "{lines:?}");
}

#[tokio::test]
async fn a_runner_that_stops_lets_the_running_call_end() {
    let deployment = Deployment::start(|path, _| match path {
        TOKENS => SESSION,
        _ => {
            std::thread::sleep(SECOND / 2);
            (503, "", "")
        }
    });
    let (schedule, said) = schedule(&deployment.url, &["one"], secrets(&["A", "B"]));
    let runner = Runner::start(schedule);
    until("two runs", || deployment.asked("/v1/jobs/one").len() == 2).await;
    runner.ended().await;
    let runs = deployment.asked("/v1/jobs/one");
    assert!(
        runs.len() == 2 && runs.iter().all(|run| run.ended.is_some()),
        "{runs:?}"
    );
    assert_eq!(
        said.lines(),
        ["scheduled jobs: identities 2"],
        "what the end broke off is no failure"
    );
}

/// The command, in a folder with a list and a home.
struct Typed {
    folder: TempDir,
    outputs: Mutex<String>,
}

impl Typed {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("infra")).unwrap();
        std::fs::create_dir_all(folder.path().join(".confide")).unwrap();
        let list = "[[job]]\nname = 'one'\npath = '/v1/jobs/one'\nevery = '1m'\ndescription = 'Does one thing'\n";
        std::fs::write(folder.path().join("infra/jobs.toml"), list).unwrap();
        Self {
            folder,
            outputs: Mutex::default(),
        }
    }

    fn type_in(&self, arguments: &[&str], input: &str, environment: Option<&str>) -> (bool, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_confide"));
        command.args(arguments).current_dir(self.folder.path());
        command.env_remove("CONFIDE_HOME").env_remove(jobs::VARIABLE);
        if let Some(secrets) = environment {
            command.env(jobs::VARIABLE, secrets);
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let output = String::from_utf8([stdout, stderr].concat()).unwrap();
        self.outputs.lock().unwrap().push_str(&output);
        (status.success(), output)
    }

    fn home(&self) -> Home {
        Home::new(self.folder.path().join(".confide"))
    }
}

#[track_caller]
fn assert_says((succeeded, output): (bool, String), success: bool, text: &str) {
    assert!(succeeded == success && output.contains(text), "{succeeded} {output}");
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn secrets_come_in_by_standard_input_and_never_out() {
    let typed = Typed::new();
    let (one, two) = (secret("A"), secret("B"));
    assert_says(
        typed.type_in(&["jobs", "list"], "", None),
        true,
        "one  every 1m  POST /v1/jobs/one  Does one thing",
    );
    assert_says(
        typed.type_in(&["jobs", "list"], "", None),
        true,
        "identities: 0, from .confide/job-secrets",
    );
    assert_says(
        typed.type_in(&["jobs", "add"], &format!("{one}\n"), None),
        true,
        "identity 1 is kept in",
    );
    assert_says(
        typed.type_in(&["jobs", "add"], &one, None),
        true,
        "is in .confide/job-secrets already",
    );
    assert_says(
        typed.type_in(&["jobs", "add"], &two, None),
        true,
        "identity 2 is kept in",
    );
    assert_says(
        typed.type_in(&["jobs", "list"], "", None),
        true,
        "identities: 2, from .confide/job-secrets",
    );
    assert_eq!(mode(&typed.home().job_secrets_file()), 0o600);
    for wrong in [
        "",
        "\n",
        &one[..89],
        &format!("{one}{two}"),
        &format!("{one}\n{two}"),
        &one.replace("cfx", "cfb"),
    ] {
        assert_says(
            typed.type_in(&["jobs", "add"], wrong, None),
            false,
            "standard input is no secret of a service identity",
        );
    }
    // An argument is refused, whatever it is, and not repeated.
    let (succeeded, output) = typed.type_in(&["jobs", "add", "anything"], "", None);
    assert!(!succeeded && output.contains("unexpected argument"), "{output}");
    assert_says(
        typed.type_in(&["jobs", "list"], "", Some(&one)),
        true,
        "identities: 1, from CONFIDE_JOB_SECRETS",
    );
    assert_says(
        typed.type_in(&["jobs", "list"], "", Some("cfx_wrong")),
        false,
        "secret 1 is no secret",
    );
    assert!(!typed.outputs.lock().unwrap().contains("cfx_A") && !typed.outputs.lock().unwrap().contains("cfx_B"));
}

#[test]
fn a_timer_runs_the_jobs_that_it_names() {
    let typed = Typed::new();
    let list = typed.folder.path().join("infra/jobs.toml");
    let text = std::fs::read_to_string(&list).unwrap();
    std::fs::write(&list, format!("{text}{}", text.replace("one", "two"))).unwrap();
    let deployment = Deployment::start(|path, _| if path == TOKENS { SESSION } else { DONE });
    let run = |names: &[&str]| {
        let arguments = [&["jobs", "run", "--once", "--url", &deployment.url], names].concat();
        typed.type_in(&arguments, "", Some(&secret("A")))
    };
    let asked = |name: &str| deployment.asked(&format!("/v1/jobs/{name}")).len();
    assert_says(run(&["two"]), true, "job two, identity 1: done");
    assert_eq!((asked("one"), asked("two")), (0, 1));
    assert_says(run(&[]), true, "job one, identity 1: done");
    assert_eq!((asked("one"), asked("two")), (1, 2));
    assert_says(
        run(&["two", "three"]),
        false,
        "there is no job three in the list; there are: one, two",
    );
    assert_eq!((asked("one"), asked("two")), (1, 2));
}

#[test]
fn a_timer_learns_by_the_exit_code() {
    let typed = Typed::new();
    let deployment = Deployment::start(|path, before| match (path, before) {
        (TOKENS, _) => SESSION,
        ("/v1/jobs/one", 0) => (200, "", r#"{"more": true}"#),
        ("/v1/jobs/one", 1 | 3) => DONE,
        _ => (503, "", "the body"),
    });
    let once = ["jobs", "run", "--once", "--url", &deployment.url];
    assert_says(typed.type_in(&once, "", None), false, "there is no service identity");
    let one = secret("A");
    assert_says(typed.type_in(&["jobs", "add"], &one, None), true, "identity 1");
    assert_says(typed.type_in(&once, "", None), true, "job one, identity 1: done");
    assert_eq!(
        deployment.asked("/v1/jobs/one").len(),
        2,
        "what says that there is more is repeated"
    );
    assert_says(
        typed.type_in(&once, "", None),
        false,
        "job one, identity 1: answered 503",
    );
    // One of two fails: the other runs all the same.
    let two = format!("{one}\n{}", secret("B"));
    let (succeeded, output) = typed.type_in(&once, "", Some(&two));
    assert!(
        !succeeded && output.contains(": done") && output.contains("error: 1 of 2 runs failed"),
        "{output}"
    );

    let refusing = Deployment::start(|_, _| REFUSED);
    let refused = typed.type_in(&["jobs", "run", "--once", "--url", &refusing.url], "", None);
    assert_says(refused, false, "identity 1: its secret opens nothing");
    assert_eq!(refusing.asked(TOKENS).len(), 1);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = typed.type_in(
        &["jobs", "run", "--once", "--url", &format!("http://{closed}")],
        "",
        None,
    );
    assert_says(silent, false, "no answer from http://127.0.0.1:");
    let clear = typed.type_in(
        &["jobs", "run", "--once", "--url", "http://confide.example.org"],
        "",
        None,
    );
    assert_says(clear, false, "put a TLS proxy on this machine");
    assert_says(
        typed.type_in(&["jobs", "run", "--once", "--jobs", "no.toml"], "", None),
        false,
        "no.toml can't be read",
    );
    let outputs = typed.outputs.lock().unwrap();
    assert!(
        !outputs.contains("cfx_A") && !outputs.contains("cfs_") && !outputs.contains("body"),
        "{outputs}"
    );
}
