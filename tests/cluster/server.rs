//! One throw-away server: made, started, killed, started again, and gone.
//!
//! A shell keeps it: it holds the reading end of a pipe, starts the server at each line that comes
//! through it, and at its end stops the server at once and removes the folder. The pipe ends with
//! the test's process, however that ends, so that nothing is left behind.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

use super::{VARIABLE, apart};

const PORT: u16 = 5432;
const OLDEST: u32 = 15;
const PATIENCE: Duration = Duration::from_secs(30);

/// A kernel refuses the path of a socket of more than 104 to 108 bytes.
const LONGEST_SOCKET: usize = 100;

/// `$1` is the server's folder, the rest is how it is started. A killed server leaves a piece of
/// shared memory, which its lock file names.
const KEEPER: &str = r#"
folder=$1; shift
server=
while read -r _; do
    [ -z "$server" ] || wait "$server"
    "$@" </dev/null >>"$folder/log" 2>&1 &
    server=$!
done
memory=$(sed -n 7p "$folder/data/postmaster.pid" 2>/dev/null | sed 's/.* //')
if [ -n "$server" ]; then
    kill -QUIT "$server" 2>/dev/null
    wait "$server"
    [ -z "$memory" ] || ipcrm -m "$memory" 2>/dev/null
fi
rm -rf "$folder"
"#;

/// Whether what was acknowledged survives a loss of power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durable {
    Yes,
    /// Nothing waits for a disk.
    No,
}

impl Durable {
    fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Yes => &[("fsync", "on"), ("full_page_writes", "on")],
            Self::No => {
                &[("fsync", "off"), ("full_page_writes", "off"), ("synchronous_commit", "off")]
            }
        }
    }
}

/// A server that is gone when this is dropped.
pub(crate) struct Server {
    folder: PathBuf,
    keeper: Mutex<Child>,
}

impl Server {
    /// A new, empty server with these settings beside ours.
    pub(crate) fn start(durable: Durable, settings: &[(&str, &str)]) -> Self {
        let (folder, user) = (folder(), user());
        own(folder.path(), user);
        init(folder.path(), user);
        Self::run(folder, user, durable, settings)
    }

    /// A server over a copy of this one's data, as `pg_basebackup` makes it to follow this one.
    pub(crate) fn follow(&self, durable: Durable, settings: &[(&str, &str)]) -> Self {
        let (folder, user) = (folder(), user());
        own(folder.path(), user);
        let mut copy = program("pg_basebackup", folder.path(), user);
        copy.arg("-D").arg(folder.path().join("data")).arg("-h").arg(&self.folder);
        copy.args(["-p", &PORT.to_string(), "-U", "postgres", "-R", "-X", "stream", "-c", "fast"]);
        finish(copy.arg("--no-sync"));
        Self::run(folder, user, durable, settings)
    }

    fn run(
        folder: TempDir,
        user: Option<(u32, u32)>,
        durable: Durable,
        settings: &[(&str, &str)],
    ) -> Self {
        let mut keeper = as_user("sh", folder.path(), user);
        keeper.args(["-c", KEEPER, "sh"]).arg(folder.path()).arg(binaries().join("postgres"));
        keeper.arg("-D").arg(folder.path().join("data"));
        let (socket, port) = (folder.path().to_str().unwrap(), PORT.to_string());
        let ours = [
            ("listen_addresses", ""),
            ("unix_socket_directories", socket),
            ("port", &port),
            ("max_connections", "300"),
            ("shared_buffers", "64MB"),
            // What a killed server leaves is then in its folder.
            ("dynamic_shared_memory_type", "mmap"),
        ];
        for (name, value) in ours.iter().chain(durable.settings()).chain(settings) {
            keeper.arg("-c").arg(format!("{name}={value}"));
        }
        // A group of its own: an interrupt from the keyboard is for the test, not for the server.
        keeper.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let keeper = Mutex::new(keeper.spawn().unwrap());
        // From here on the keeper removes it.
        let server = Self { folder: folder.keep(), keeper };
        server.start_again();
        server
    }

    /// Starts a server that was killed, and waits until it answers.
    pub(crate) fn start_again(&self) {
        self.keeper.lock().unwrap().stdin.as_mut().unwrap().write_all(b"start\n").unwrap();
        let (begun, options) = (Instant::now(), self.options());
        while let Err(error) = apart(answers(options.clone())) {
            if begun.elapsed() > PATIENCE {
                let log = self.log();
                panic!("no PostgreSQL server after {PATIENCE:?}: {error}; its log:\n{log}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills the server and everything that works for it with SIGKILL.
    pub(crate) fn kill(&self) {
        let server = self.pid();
        let processes = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output().unwrap();
        let server = server.to_string();
        let mut doomed = vec![server.clone()];
        for line in String::from_utf8_lossy(&processes.stdout).lines() {
            let mut words = line.split_whitespace();
            if let (Some(pid), Some(parent)) = (words.next(), words.next())
                && parent == server
            {
                doomed.push(pid.to_owned());
            }
        }
        // Some may be gone by then.
        _ = Command::new("sh")
            .args(["-c", "kill -9 \"$@\"", "sh"])
            .args(doomed)
            .stderr(Stdio::null())
            .status();
    }

    /// The process that starts all others, by the lock file.
    pub(crate) fn pid(&self) -> u32 {
        let lock = fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        lock.lines().next().unwrap().trim().parse().unwrap()
    }

    /// Everything of the server is in there, its socket too.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        let options = PgConnectOptions::new_without_pgpass().socket(&self.folder).port(PORT);
        options.username("postgres").database("postgres")
    }

    pub(crate) fn url(&self) -> String {
        let folder = self.folder.to_str().unwrap();
        format!("postgres://postgres@localhost:{PORT}/postgres?host={folder}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(mut keeper) = self.keeper.lock() {
            drop(keeper.stdin.take());
            _ = keeper.wait();
        }
    }
}

async fn answers(options: PgConnectOptions) -> Result<(), sqlx::Error> {
    PgConnection::connect_with(&options).await?.close().await
}

/// Under the usual folder for such things, unless the path of a socket there would be too long.
fn folder() -> TempDir {
    let usual = std::env::temp_dir();
    let longest = usual.join("tenure-pg-000000").join(format!(".s.PGSQL.{PORT}.lock"));
    let fits = longest.as_os_str().len() <= LONGEST_SOCKET;
    let parent = if fits { usual } else { PathBuf::from("/tmp") };
    tempfile::Builder::new().prefix("tenure-pg-").tempdir_in(parent).unwrap()
}

/// PostgreSQL refuses to run as root; root runs it as somebody else.
fn user() -> Option<(u32, u32)> {
    let probe = tempfile::tempfile().unwrap();
    if probe.metadata().unwrap().uid() != 0 {
        return None;
    }
    let people = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = ["postgres", "nobody"].into_iter().find_map(|name| {
        let mut lines = people.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let line = lines.find(|words| words.first() == Some(&name))?;
        Some((line.get(2)?.parse().ok()?, line.get(3)?.parse().ok()?))
    });
    Some(found.unwrap_or_else(|| {
        panic!("PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody`")
    }))
}

fn own(folder: &Path, user: Option<(u32, u32)>) {
    if let Some((user, group)) = user {
        chown(folder, Some(user), Some(group)).unwrap();
    }
}

fn as_user(name: impl AsRef<std::ffi::OsStr>, at: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(at).stdin(Stdio::null());
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    command
}

fn program(name: &str, at: &Path, user: Option<(u32, u32)>) -> Command {
    as_user(binaries().join(name), at, user)
}

/// Sorts text as no program expects where the server can, so that a forgotten `COLLATE` shows.
fn init(folder: &Path, user: Option<(u32, u32)>) {
    let init = |more: &[&str]| {
        let mut init = program("initdb", folder, user);
        init.arg("-D").arg(folder.join("data"));
        init.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
        init.args(more);
        init
    };
    let linguistic = init(&["--locale-provider=icu", "--icu-locale=en-US"]).output();
    if !linguistic.is_ok_and(|it| it.status.success()) {
        finish(&mut init(&[]));
    }
}

fn finish(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
}

/// Where the programs are: those in `PATH`, otherwise the newest that is installed.
fn binaries() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut seen: Vec<_> = std::env::split_paths(&path).filter_map(versioned).collect();
        let mut installed: Vec<_> = installed().into_iter().filter_map(versioned).collect();
        installed.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
        seen.extend(installed);
        if let Some((_, folder)) = seen.iter().find(|(version, _)| *version >= OLDEST) {
            return folder.clone();
        }
        let seen = match seen.first() {
            Some((version, folder)) => format!("{} holds version {version}", folder.display()),
            None => "its `initdb` and `postgres` are nowhere to be found".to_owned(),
        };
        panic!(
            "these tests need PostgreSQL {OLDEST} or later, and {seen}. Either install its server \
             (on Debian and Ubuntu `apt install postgresql`), or set {VARIABLE} to the URL of a \
             server where tests may make schemas, such as postgres://user:password@host/database"
        );
    })
}

/// Where packages put the programs.
fn installed() -> Vec<PathBuf> {
    let mut folders = ["/usr/local/pgsql/bin", "/usr/local/bin", "/opt/homebrew/bin", "/usr/bin"]
        .map(PathBuf::from)
        .to_vec();
    for parent in
        ["/usr/lib/postgresql", "/usr/local/opt", "/opt/homebrew/opt", "/Library/PostgreSQL"]
    {
        let below = fs::read_dir(parent).into_iter().flatten().flatten();
        folders.extend(below.map(|it| it.path().join("bin")));
    }
    // As Red Hat's family has them.
    folders.extend((OLDEST..OLDEST + 15).map(|it| format!("/usr/pgsql-{it}/bin").into()));
    folders
}

/// The version in this folder, and the folder itself: the programs may be linked to from there.
fn versioned(folder: PathBuf) -> Option<(u32, PathBuf)> {
    let linked = fs::canonicalize(folder.join("postgres")).ok()?.parent()?.to_owned();
    let folders = [linked, folder];
    folders.into_iter().find_map(|it| Some((version(&it)?, it)))
}

/// The version in this folder, where both programs are there: "postgres (PostgreSQL) 15.14 (…)".
fn version(folder: &Path) -> Option<u32> {
    if !folder.join("initdb").is_file() {
        return None;
    }
    let said = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let number = said.split(") ").nth(1)?;
    let digits = number.find(|it: char| !it.is_ascii_digit()).unwrap_or(number.len());
    number.get(..digits)?.parse().ok()
}
