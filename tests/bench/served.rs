use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
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
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut url)
            .unwrap();
        assert!(url.starts_with("http://"), "the host did not start");
        Self {
            url: url.trim().to_owned(),
            start_time: begin.elapsed(),
            child,
        }
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

/// The host's side: serves the folder until its input ends, which it also does when the parent is gone.
pub(crate) fn serve(folder: &Path) {
    let runtime = Runtime::new().unwrap();
    let host = Host::builder(folder.join("spin.toml"))
        .home(folder)
        .listen("127.0.0.1:0".parse().unwrap())
        .quiet(true);
    let host = runtime.block_on(host.start()).expect("the host starts");
    println!("{}", host.url());
    std::io::stdout().flush().unwrap();
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    runtime.block_on(host.shutdown());
}
