//! A node on a network of its own, and cables between it and ours on which packets vanish on demand: no end hears of it,
//! as when a switch has died. A proxy cannot do that, for it takes what is sent and says so.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

/// The address of a network card that no machine has.
const NOBODY: &str = "02:00:00:00:00:01";

/// A network namespace. It goes with its test, however that ends: the process that holds it ends with its input, and the
/// cables end with it.
pub struct Island {
    holder: Child,
}

/// A cable from here to an island. Addresses are of the range for tests of networks (RFC 2544), which nobody routes.
pub struct Cable {
    namespace: PathBuf,
    name: String,
    /// Our end.
    pub here: String,
    /// The island's end.
    pub there: String,
}

impl Island {
    /// Makes one; `None` where this machine does not allow it, or has no `ip`.
    pub fn make() -> Option<Self> {
        let mut command = Command::new("unshare");
        command.args(["--net", "cat"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut island = Self { holder: command.spawn().ok()? };
        // What it gives back it gives back from its own network.
        island.holder.stdin.as_mut()?.write_all(b"there\n").ok()?;
        let mut word = String::new();
        BufReader::new(island.holder.stdout.as_mut()?).read_line(&mut word).ok()?;
        // A cable from the island to itself shows whether this kernel has any.
        let commands = ["link set lo up", "link add try0 type veth peer name try1", "link delete try0"];
        let namespace = island.namespace();
        let is_made = word == "there\n" && commands.iter().all(|command| ip(Some(&namespace), command));
        is_made.then_some(island)
    }

    /// Where the kernel shows it.
    pub fn namespace(&self) -> PathBuf {
        format!("/proc/{}/ns/net", self.holder.id()).into()
    }

    /// Lays one more cable to it.
    pub fn cable(&self) -> Cable {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        // The process's number keeps two runs of the tests on one machine apart.
        let (test, n) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let network = format!("198.{}.{}", 18 + test / 256 % 2, test % 256);
        let cable = Cable {
            namespace: self.namespace(),
            name: format!("nrsh{test}-{n}"),
            here: format!("{network}.{}", 4 * n + 1),
            there: format!("{network}.{}", 4 * n + 2),
        };
        let Cable { namespace, name, here, there } = &cable;
        let made =
            ip(None, &format!("link add {name} type veth peer name {name} netns {}", self.holder.id()))
                && [(None, here), (Some(namespace.as_path()), there)].into_iter().all(|(end, address)| {
                    ip(end, &format!("address add {address}/30 dev {name}"))
                        && ip(end, &format!("link set {name} up"))
                });
        assert!(made, "the cable {name} to an island");
        cable
    }
}

impl Drop for Island {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

impl Cable {
    /// From now on packets of both directions vanish: they are addressed to a card that nobody has.
    pub fn cut(&self) {
        let done = self.ends().into_iter().all(|(end, address)| {
            ip(end, &format!("neighbour replace {address} lladdr {NOBODY} nud permanent dev {}", self.name))
        });
        assert!(done, "the cable {} is cut", self.name);
    }

    /// Packets arrive again.
    pub fn mend(&self) {
        let done = self
            .ends()
            .into_iter()
            .all(|(end, address)| ip(end, &format!("neighbour delete {address} dev {}", self.name)));
        assert!(done, "the cable {} is mended", self.name);
    }

    /// Each end, and the address that it knows the other by.
    fn ends(&self) -> [(Option<&Path>, &String); 2] {
        [(None, &self.there), (Some(&self.namespace), &self.here)]
    }
}

/// The program, run on an island.
pub fn inside(namespace: &Path, program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net={}", namespace.display())).arg(program);
    command
}

/// Runs `ip` here, or on an island; gives whether it did what was asked.
fn ip(island: Option<&Path>, arguments: &str) -> bool {
    let mut command = island.map_or_else(|| Command::new("ip"), |island| inside(island, "ip"));
    command.args(arguments.split(' ')).status().is_ok_and(|status| status.success())
}
