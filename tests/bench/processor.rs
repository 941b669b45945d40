use std::time::Duration;

/// Clock ticks in a second of `/proc`: fixed by the kernel's interface, whatever the kernel's own tick is.
const TICK: Duration = Duration::from_millis(10);

/// A process whose processor time is measured: all of its threads, in user and kernel.
pub(crate) struct Process(u32);

impl Process {
    pub(crate) fn new(id: u32) -> Self {
        Self(id)
    }

    /// The processor time that it has used so far; `None` where the system has no `/proc`.
    pub(crate) fn time(&self) -> Option<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0)).ok()?;
        // The second field is the program's name, which may hold anything: count from the parenthesis that closes it.
        let (_, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_whitespace().skip(11);
        let user: u32 = fields.next()?.parse().ok()?;
        let kernel: u32 = fields.next()?.parse().ok()?;
        Some(TICK * (user + kernel))
    }
}
