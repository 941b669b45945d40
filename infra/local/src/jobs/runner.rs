//! Runs the jobs of every identity, each at its interval, until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use ports::{EntropyExt as _, OperatorLog};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::client::Client;
use crate::home::SystemEntropy;
use crate::jobs::identity::{Failure, Identity};
use crate::jobs::list::Job;
use crate::jobs::schedule::{self, MOST_REPEATS, Outcome, Streak};
use crate::jobs::secrets::{JobSecret, Source};

/// How soon an identity is noticed that was added or taken away.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// How many runs are on their way at once: the jobs of many clinics must not take the places of people.
const AT_ONCE: usize = 8;

/// What runs where, as whom, and who is told.
#[derive(Clone)]
pub struct Schedule {
    /// The deployment.
    pub client: Client,
    /// What is run, for each identity.
    pub jobs: Vec<Job>,
    /// Whose secrets it is run with.
    pub secrets: Source,
    /// Who is told what went wrong.
    pub log: Arc<dyn OperatorLog + Send + Sync>,
}

/// A schedule that is being kept, until it is dropped.
#[must_use]
pub struct Runner {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Runner {
    /// Begins. Must be called in a Tokio runtime.
    pub fn start(schedule: Schedule) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self {
            stop,
            task: tokio::spawn(keep(Arc::new(schedule), stopped)),
        }
    }

    /// Begins nothing new from here on. What is on its way goes on; [`Runner::ended`] waits for it.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Stops, and waits until the runs that are on their way have ended. A call ends after a minute at most.
    pub async fn ended(self) {
        self.stop();
        let _ = self.task.await;
    }
}

/// Somebody whose jobs run. The place is her number in the order of the secrets; `None` tells her to leave.
struct Member {
    secret: JobSecret,
    place: watch::Sender<Option<usize>>,
    task: JoinHandle<()>,
}

async fn keep(schedule: Arc<Schedule>, mut stopped: watch::Receiver<bool>) {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut team: Vec<Member> = Vec::new();
    let (mut known, mut complaint) = (0, None);
    loop {
        match read(&schedule.secrets).await {
            Ok(secrets) => {
                complaint = None;
                if known != secrets.len() {
                    known = secrets.len();
                    schedule.log.write(&format!("scheduled jobs: identities {known}"));
                }
                call_up(&mut team, secrets, &schedule, &turns);
            }
            // Whoever is at work stays. The same complaint is said one time.
            Err(error) => {
                let text = format!("scheduled jobs: {error:#}");
                if complaint.as_ref() != Some(&text) {
                    schedule.log.write(&text);
                    complaint = Some(text);
                }
            }
        }
        tokio::select! {
            // An error is a runner that was dropped.
            _ = stopped.wait_for(|stopped| *stopped) => break,
            () = tokio::time::sleep(LOOKS_EVERY) => {}
        }
    }
    for member in &team {
        member.place.send_replace(None);
    }
    for member in team {
        let _ = member.task.await;
    }
}

async fn read(secrets: &Source) -> Result<Vec<JobSecret>> {
    let secrets = secrets.clone();
    tokio::task::spawn_blocking(move || secrets.read()).await?
}

/// Makes the team that of these secrets. Whoever has gone comes back only when her last run has ended: an identity's runs never overlap.
/// A member whose secret was refused stays in the team without doing anything, until her secret is taken away.
fn call_up(team: &mut Vec<Member>, secrets: Vec<JobSecret>, schedule: &Arc<Schedule>, turns: &Arc<Semaphore>) {
    team.retain(|member| member.place.borrow().is_some() || !member.task.is_finished());
    for member in &*team {
        let position = secrets.iter().position(|secret| *secret == member.secret);
        let place = position.map(|position| position + 1);
        member
            .place
            .send_if_modified(|current| current.is_some() && std::mem::replace(current, place) != place);
    }
    for (position, secret) in secrets.into_iter().enumerate() {
        if !team.iter().any(|member| member.secret == secret) {
            let (place, number) = watch::channel(Some(position + 1));
            let identity = Identity::new(schedule.client.clone(), secret.clone());
            let task = tokio::spawn(work(Arc::clone(schedule), identity, number, Arc::clone(turns)));
            team.push(Member { secret, place, task });
        }
    }
}

/// Runs the jobs of one identity, one after the other, whichever is due first.
async fn work(
    schedule: Arc<Schedule>,
    mut identity: Identity,
    mut place: watch::Receiver<Option<usize>>,
    turns: Arc<Semaphore>,
) {
    struct Planned<'j> {
        job: &'j Job,
        due: Instant,
        streak: Streak,
    }
    let now = Instant::now();
    let mut planned: Vec<Planned<'_>> = schedule
        .jobs
        .iter()
        .map(|job| Planned {
            job,
            due: now + schedule::first(job.every, random()),
            streak: Streak::default(),
        })
        .collect();
    while let Some(next) = planned.iter_mut().min_by_key(|planned| planned.due) {
        let turn = async {
            tokio::time::sleep_until(next.due).await;
            turns.acquire().await
        };
        let turn = tokio::select! {
            biased;
            _ = place.wait_for(Option::is_none) => return,
            turn = turn => turn,
        };
        let started = Instant::now();
        let ran = identity.run(next.job).await;
        drop(turn);
        // A run that the end of all broke off is no failure.
        let Some(number) = *place.borrow() else { return };
        let job = &next.job.name;
        let outcome = match &ran {
            Ok(outcome) => *outcome,
            Err(Failure::SecretRefused) => {
                let line = format!(
                    "scheduled jobs, identity {number}: {}; it is not used any more",
                    Failure::SecretRefused
                );
                schedule.log.write(&line);
                return;
            }
            Err(failure) => failure.outcome(),
        };
        let ended = Instant::now();
        let after = schedule::after(next.job.every, next.streak, outcome, ended - started, random());
        if let Err(failure) = &ran {
            let seconds = after.delay.as_secs_f32();
            let line = format!("job {job}, identity {number}: {failure}; again in {seconds:.0} s");
            schedule.log.write(&line);
        } else if next.streak.failures > 0 {
            schedule.log.write(&format!("job {job}, identity {number}: runs again"));
        }
        next.due = ended + after.delay;
        next.streak = after.streak;
    }
}

/// Runs every job of every identity one time, or as often as it says that there is more, and returns when all have run.
///
/// # Errors
/// Where there is no identity, and the number of runs that failed: each has been told.
pub async fn once(schedule: Schedule) -> Result<()> {
    let secrets = read(&schedule.secrets).await?;
    if secrets.is_empty() {
        bail!("there is no service identity to run jobs as: `confide jobs add` adds one");
    }
    let runs = secrets.len() * schedule.jobs.len();
    let (schedule, turns) = (Arc::new(schedule), Arc::new(Semaphore::new(AT_ONCE)));
    let mut tasks = JoinSet::new();
    for (position, secret) in secrets.into_iter().enumerate() {
        let (schedule, turns) = (Arc::clone(&schedule), Arc::clone(&turns));
        let mut identity = Identity::new(schedule.client.clone(), secret);
        tasks.spawn(async move {
            let _turn = turns.acquire().await;
            let mut done = 0;
            for job in &schedule.jobs {
                let ran = run_down(&mut identity, job).await;
                let line = match &ran {
                    Ok(()) => "done".to_owned(),
                    Err(failure) => failure.to_string(),
                };
                let number = position + 1;
                schedule
                    .log
                    .write(&format!("job {}, identity {number}: {line}", job.name));
                match ran {
                    Ok(()) => done += 1,
                    // What is refused counts against the network that asks: its other jobs would only be refused too.
                    Err(Failure::SecretRefused) => break,
                    Err(_) => {}
                }
            }
            done
        });
    }
    let done: usize = tasks.join_all().await.into_iter().sum();
    if done < runs {
        bail!("{} of {runs} runs failed", runs - done);
    }
    Ok(())
}

/// Runs a job until it says that there is nothing more.
async fn run_down(identity: &mut Identity, job: &Job) -> Result<(), Failure> {
    for _ in 0..=MOST_REPEATS {
        if identity.run(job).await? != Outcome::More {
            break;
        }
    }
    Ok(())
}

fn random() -> u32 {
    u32::from_be_bytes(SystemEntropy.bytes())
}
