//! Pods of podman: the nearest thing to a kubelet that runs here. It plays manifests as they are, with systemd's cgroups.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use highwater_tests::{call, disk, program};

/// podman takes seconds for each command in an emulated machine, and tens of them for a pod.
const PATIENCE: Duration = Duration::from_mins(5);

/// User of the pods, as the examples have it.
pub const USER: u32 = 65532;

/// Podman with a store of its own on the disk of the VM, and both images of the examples in it.
#[derive(Debug)]
pub struct Podman {
    place: PathBuf,
}

impl Podman {
    /// The one of this run.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Podman> = OnceLock::new();
        SHARED.get_or_init(|| {
            let podman = Self { place: disk().join("podman") };
            podman.configure();
            podman.build_highwater();
            podman.import_service();
            podman
        })
    }

    /// Runs podman to its end, which must be a success.
    #[track_caller]
    pub fn run(&self, line: &[&str]) -> String {
        call(self.line(line))
    }

    /// Runs podman to its end, whatever that is: status and output.
    #[track_caller]
    pub fn try_run(&self, line: &[&str]) -> (Option<i32>, String) {
        let line = self.line(line);
        let output = Command::new(&line[0]).args(&line[1..]).output().expect("env runs");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    /// A file of this machine that containers may write to.
    #[track_caller]
    pub fn writable_file(&self, name: &str) -> PathBuf {
        let path = self.place.join(name);
        fs::write(&path, "").expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("a mode");
        path
    }

    /// A directory of this machine that belongs to the user of the pods, and that a root without rights may use, too.
    #[track_caller]
    pub fn directory(&self, name: &str) -> PathBuf {
        let path = self.place.join(name);
        fs::create_dir_all(&path).expect("a directory");
        chown(&path, Some(USER), Some(USER)).expect("an owner");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("a mode");
        path
    }

    /// A directory with highwater in it, put there by its own image.
    #[track_caller]
    pub fn program(&self) -> PathBuf {
        let place = self.directory("program");
        if !place.join("highwater").exists() {
            let volume = format!("--volume={}:/opt/highwater", place.display());
            let how = ["run", "--rm", "--network=host", "--cap-drop=all", &volume];
            self.run(&[&how[..], &["localhost/highwater:0.1.0", "install", "/opt/highwater/highwater"]].concat());
        }
        place
    }

    /// Where podman keeps the volume that a pod calls by that name.
    pub fn volume(&self, name: &str) -> PathBuf {
        self.place.join("root/volumes").join(name).join("_data")
    }

    /// Plays a manifest. What is in it goes away with the value.
    #[track_caller]
    pub fn play(&'static self, manifest: &str) -> Pod {
        let file = self.place.join("pod.yaml");
        fs::write(&file, manifest).expect("a manifest");
        let file = file.display().to_string();
        self.run(&["kube", "play", "--build=false", "--network=host", &file]);
        Pod { podman: self, file }
    }

    fn line(&self, line: &[&str]) -> Vec<String> {
        let setting = |name: &str, file: &str| format!("{name}={}", self.place.join(file).display());
        let mut whole = vec!["env".into(), "HOME=/root".into(), setting("CONTAINERS_CONF", "containers.conf")];
        whole.extend([setting("CONTAINERS_STORAGE_CONF", "storage.conf"), "podman".into()]);
        whole.extend(line.iter().map(|word| (*word).to_owned()));
        whole
    }

    fn configure(&self) {
        fs::create_dir_all(self.place.join("run")).expect("a directory");
        let place = self.place.display();
        let storage = format!("[storage]\ndriver = \"vfs\"\ngraphroot = \"{place}/root\"\nrunroot = \"{place}/run\"\n");
        // With cgroupfs, no pod gets its devices.
        let engine = "[engine]\ncgroup_manager = \"systemd\"\nevents_logger = \"file\"\n\
                      [network]\nnetwork_backend = \"netavark\"\n";
        fs::write(self.place.join("storage.conf"), storage).expect("a file");
        fs::write(self.place.join("containers.conf"), engine).expect("a file");
    }

    /// By the Dockerfile, with what it expects where it expects it.
    fn build_highwater(&self) {
        let context = self.place.join("context");
        let binary = context.join("target/x86_64-unknown-linux-gnu/release/highwater");
        fs::create_dir_all(binary.parent().expect("a parent")).expect("a directory");
        stripped("highwater", &binary);
        for file in ["Dockerfile", ".dockerignore"] {
            fs::copy(repository().join(file), context.join(file)).expect(file);
        }
        fs::write(context.join("not-for-the-image"), "").expect("a file");
        let context = context.display().to_string();
        // Nothing is fetched and nothing is run.
        let how = ["build", "--network=host", "--isolation=chroot", "-t", "localhost/highwater:0.1.0"];
        self.run(&[&how[..], &[&context]].concat());
    }

    /// An image of the services that leak.
    fn import_service(&self) {
        let root = self.place.join("service");
        fs::create_dir_all(&root).expect("a directory");
        fs::copy(program("go-sessions-static"), root.join("go-sessions")).expect("a service");
        stripped("leaker", &root.join("leaker"));
        let archive = self.place.join("service.tar").display().to_string();
        call(["tar", "-C", &root.display().to_string(), "-cf", &archive, "."]);
        self.run(&["import", "--change", "ENTRYPOINT=[\"/go-sessions\"]", &archive, "localhost/go-sessions:1.0"]);
    }
}

/// A pod, or several, that was made from a manifest.
#[derive(Debug)]
pub struct Pod {
    podman: &'static Podman,
    file: String,
}

impl Drop for Pod {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.podman.try_run(&["ps", "--all"]).1);
            for container in self.podman.try_run(&["ps", "--all", "--quiet"]).1.lines() {
                println!("---- {container}\n{}", self.podman.try_run(&["logs", container]).1);
            }
            println!("{}", self.podman.try_run(&["volume", "ls"]).1);
        }
        self.podman.try_run(&["kube", "down", &self.file]);
        self.podman.try_run(&["volume", "prune", "--force"]);
    }
}

/// Asks until there is an answer, for as long as podman may take.
#[track_caller]
pub fn patiently<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The repository, which the VM sees where it is.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Without what debuggers need: each layer of an image is a whole copy here.
fn stripped(name: &str, to: &Path) {
    call(["strip".as_ref(), "-o".as_ref(), to.as_os_str(), program(name).as_os_str()]);
}
