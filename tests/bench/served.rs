use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use confide::host::Host;
use tokio::runtime::Runtime;

use crate::prepared::Prepared;
use crate::processor::Process;

/// The embedded host in a process of its own, so that its processor time is told apart from the client's.
pub(crate) struct Served {
    pub(crate) url: String,
    /// From the start of the process until it listened.
    pub(crate) start_time: Duration,
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Served {
    /// Starts this program again, as the host.
    pub(crate) fn start(prepared: &Prepared) -> Self {
        let begin = Instant::now();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("--serve")
            .arg(prepared.folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the host starts");
        let mut url = String::new();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        answers.read_line(&mut url).unwrap();
        assert!(url.starts_with("http://"), "the host did not start");
        Self {
            url: url.trim().to_owned(),
            start_time: begin.elapsed(),
            child,
            answers,
        }
    }

    /// The largest memory that any instance of a function has had, in bytes.
    pub(crate) fn peak_memory(&mut self, function: &str) -> u32 {
        writeln!(self.child.stdin.as_ref().unwrap(), "{function}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim().parse().expect("a function that is served")
    }

    pub(crate) fn process(&self) -> Process {
        Process::new(self.child.id())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // The end of its input is what the host waits for.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The host's side: serves the folder until its input ends, which it also does when the parent is gone. Each line of it names a
/// function, and is answered with the most memory that it has had.
pub(crate) fn serve(folder: &Path) {
    let runtime = Runtime::new().unwrap();
    let host = Host::builder(folder.join("spin.toml"))
        .home(folder)
        .listen("127.0.0.1:0".parse().unwrap())
        .quiet(true);
    let host = runtime.block_on(host.start()).expect("the host starts");
    println!("{}", host.url());
    for function in std::io::stdin().lines().map_while(Result::ok) {
        println!("{}", host.peak_memory(&function).unwrap_or_default());
    }
    runtime.block_on(host.shutdown());
}
