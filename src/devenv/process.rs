//! Child processes that never outlive us.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// How much of a log is quoted in an error.
const TAIL: u64 = 4096;

/// A group of processes that dies with us, and a folder that goes with it.
///
/// Destructors do not run when a test aborts or is killed, and asking the kernel to kill a child with its parent
/// needs code between fork and exec, which is unsafe. So two small shells wait on pipes of which we hold the only
/// other ends: the kernel closes those however we end. The first shell leads the process group, so that the group
/// exists before anything valuable is in it. The second stays outside, kills the whole group and removes the
/// folder. Both are in groups of their own, out of reach of a Ctrl-C that ends us.
#[derive(Debug)]
pub struct ProcessGroup {
    leader: Child,
    undertaker: Child,
    id: Pid,
}

impl ProcessGroup {
    /// A new, empty group. When this process ends without dropping it, `folder` is removed after the members died.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let mut leader = waiting_shell("read -r _", &[])?;
        let group = leader.id().to_string();
        // Killed processes write nothing more, but the signal takes a moment to reach every processor.
        let script = r#"read -r _; kill -s KILL -- "-$1"; sleep 1; rm -rf -- "$2""#;
        let undertaker = waiting_shell(script, &[group.as_ref(), folder.as_os_str()]).inspect_err(|_| {
            let _ = leader.kill();
            let _ = leader.wait();
        })?;
        let id = Pid::from_child(&leader);
        Ok(Self { leader, undertaker, id })
    }

    /// Starts a member. Its output goes to `log`, which is appended to; its standard input is empty.
    pub fn spawn(&self, name: &str, command: &mut Command, log: &Path) -> io::Result<Process> {
        let file = File::options().create(true).append(true).open(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .process_group(self.id.as_raw_nonzero().get())
            .spawn()?;
        Ok(Process {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
        })
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        // Errors mean that there is nothing left to kill.
        let _ = self.undertaker.kill();
        let _ = kill_process_group(self.id, Signal::KILL);
        let _ = self.undertaker.wait();
        let _ = self.leader.wait();
    }
}

fn waiting_shell(script: &str, args: &[&std::ffi::OsStr]) -> io::Result<Child> {
    Command::new("sh")
        .args(["-c", script, "sh"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}

/// A running process. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// The name it was started under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file its output goes to.
    #[must_use]
    pub fn log_file(&self) -> &Path {
        &self.log
    }

    /// How it ended, or `None` while it runs.
    pub fn exited(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Sends a signal. Does nothing once the process has ended.
    pub fn signal(&mut self, signal: Signal) -> io::Result<()> {
        // The pid may belong to somebody else once it was waited for.
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        kill_process(Pid::from_child(&self.child), signal).map_err(io::Error::from)
    }

    /// Kills it, as a crash would, and waits for its end.
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        self.child.kill()?;
        self.child.wait()
    }

    /// The end of its log.
    #[must_use]
    pub fn tail(&self) -> String {
        tail(&self.log).unwrap_or_else(|error| format!("(no log: {error})"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn tail(log: &Path) -> io::Result<String> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn until(what: &str, mut condition: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !condition() {
            assert!(Instant::now() < deadline, "{what} did not happen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A killed orphan stays a zombie where nobody reaps; its state letter says so.
    fn runs(pid: i32) -> bool {
        rustix::process::test_kill_process(Pid::from_raw(pid).unwrap()).is_ok()
            && !std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
    }

    #[test]
    fn dropping_the_group_kills_every_member_and_their_children() {
        let folder = tempfile::tempdir().unwrap();
        let group = ProcessGroup::new(folder.path()).unwrap();
        let log = folder.path().join("log");
        let mut member = group
            .spawn(
                "member",
                Command::new("sh").args(["-c", "sleep 600 & echo $!; wait"]),
                &log,
            )
            .unwrap();
        until("the grandchild", || tail(&log).is_ok_and(|t| t.ends_with('\n')));
        let grandchild: i32 = tail(&log).unwrap().trim().parse().unwrap();
        assert!(member.exited().unwrap().is_none());
        drop(group);
        until("the end of the grandchild", || !runs(grandchild));
        assert!(!member.child.wait().unwrap().success());
    }

    /// What a SIGKILL of our process would do to the pipes, without killing the test.
    #[test]
    fn closing_the_pipes_kills_the_members_and_removes_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let mut group = ProcessGroup::new(folder.path()).unwrap();
        let mut member = group
            .spawn("member", Command::new("sleep").arg("600"), &folder.path().join("log"))
            .unwrap();
        drop(group.leader.stdin.take());
        drop(group.undertaker.stdin.take());
        until("the end of the member", || member.exited().unwrap().is_some());
        until("the removal of the folder", || !folder.path().exists());
    }

    #[test]
    fn a_signal_to_an_ended_process_is_not_sent() {
        let folder = tempfile::tempdir().unwrap();
        let group = ProcessGroup::new(folder.path()).unwrap();
        let mut member = group
            .spawn("true", &mut Command::new("true"), &folder.path().join("log"))
            .unwrap();
        member.child.wait().unwrap();
        member.signal(Signal::TERM).unwrap();
        assert!(member.exited().unwrap().unwrap().success());
    }
}
