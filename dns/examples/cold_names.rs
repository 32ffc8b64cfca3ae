//! CPU time per name, cold and warm, over loopback sockets: ours, and unbound's beside it.
//!
//!     cargo run --release -p turbo2ds-dns --example cold_names -- [NAMES] [--unbound PATH]
//!
//! The lab of fake authorities runs in this process, on threads that are not counted: ours is the CPU
//! time of the thread "dns", unbound's that of its process. Unbound also reads each question from a
//! socket and writes the answer to one, as it would in use. The comparison needs port 53 on 127.0.0.0/8
//! (root); without it the lab takes any port.

// What only the simulation uses of the lab is not used here.
#[allow(dead_code)]
#[path = "../../tests/src/dnslab/mod.rs"]
mod dnslab;

use std::fs;
use std::io;
use std::net::{IpAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use dnslab::sockets::Served;
use dnslab::{Authority, Expected, Fault, Population};
use hickory_proto::op::{Message, Query};
use hickory_proto::rr::{Name, RecordType};
use turbo2ds_dns::Service;
use turbo2ds_dns::recursive::{Clocks, ServerLimits, Settings, Setup, random_seed};

const AT_ONCE: usize = 400;
/// Questions a client over UDP has open: more overflow buffers.
const CLIENT_AT_ONCE: usize = 100;
const UNBOUND_PORT: u16 = 5399;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut count = 20_000;
    let mut unbound = None;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        if arg == "--unbound" {
            unbound = args.next();
        } else {
            count = arg.parse()?;
        }
    }
    let authority = Authority::new(Population::new(5, 8));
    let served = if unbound.is_some() {
        Served::start_on(authority, 53)?
    } else {
        Served::start(authority)?
    };
    let names: Vec<String> = (0..count)
        .map(|n| authority.population.host(Fault::None, n))
        .collect();
    measure_ours(&authority, &served, &names)?;
    if let Some(path) = unbound {
        measure_unbound(&path, &authority, &served, &names)?;
    }
    Ok(())
}

/// Prints one line: what a pass over all names cost.
fn report(what: &str, names: usize, right: usize, cpu: Duration, wall: Duration, queries: u64) {
    let each = cpu.as_secs_f64() * 1e6 / names as f64;
    println!(
        "{what}: {each:.1} us of CPU per name, {:.2} queries per name, {right} of {names} right, {:.0} names/s",
        queries as f64 / names as f64,
        names as f64 / wall.as_secs_f64()
    );
}

fn is_right(population: &Population, name: &str, addr: Option<IpAddr>) -> bool {
    match population.expected(name) {
        Some(Expected::Address(expected)) => addr == Some(expected.into()),
        _ => false,
    }
}

fn measure_ours(authority: &Authority, served: &Served, names: &[String]) -> Result<(), Failure> {
    let settings = Settings {
        port: served.port,
        roots: authority.roots(),
        private_servers: true,
        names_active_max: AT_ONCE,
        server: ServerLimits {
            outstanding_max: 10_000,
            rate_per_s: 1e6,
            burst: 1e6,
        },
        ..Settings::default()
    };
    let service = Service::spawn_recursive(Setup {
        settings,
        seed: random_seed()?,
        clocks: Clocks {
            now: Instant::now,
            unix_s: || 0,
        },
        cache_file: None,
    })?;
    for pass in ["ours, cold", "ours, warm"] {
        let cpu = cpu_of(Path::new("/proc/self/task"), Some("dns"))?;
        let asked = served.questions.load(Ordering::Relaxed);
        let start = Instant::now();
        let right = ask_service(&service, &authority.population, names);
        let wall = start.elapsed();
        let cpu = cpu_of(Path::new("/proc/self/task"), Some("dns"))? - cpu;
        let asked = served.questions.load(Ordering::Relaxed) - asked;
        report(pass, names.len(), right, cpu, wall, asked);
    }
    Ok(())
}

/// Asks for all names, a bounded number at a time, as cores do; returns how many came out right.
fn ask_service(service: &Service, population: &Population, names: &[String]) -> usize {
    let handle = service.handle();
    let (sender, results) = channel();
    let mut right = 0;
    let mut open = 0;
    let mut take = |open: &mut usize| {
        if let Ok((name, addr)) = results.recv() {
            let name: std::sync::Arc<str> = name;
            right += usize::from(is_right(population, &name, addr));
            *open -= 1;
        }
    };
    for name in names {
        while open >= AT_ONCE {
            take(&mut open);
        }
        let name: std::sync::Arc<str> = name.as_str().into();
        let (sender, echo) = (sender.clone(), name.clone());
        open += 1;
        handle.request(
            name,
            Box::new(move |result| {
                let addr = result.ok().and_then(|answer| answer.addrs.first().copied());
                drop(sender.send((echo, addr)));
            }),
        );
    }
    while open > 0 {
        take(&mut open);
    }
    right
}

/// CPU time of the threads under `tasks`, of all or of those with a name.
fn cpu_of(tasks: &Path, name: Option<&str>) -> io::Result<Duration> {
    let mut total = 0;
    for task in fs::read_dir(tasks)? {
        let task = task?.path();
        let comm = fs::read_to_string(task.join("comm")).unwrap_or_default();
        if name.is_some_and(|name| comm.trim() != name) {
            continue;
        }
        let times = fs::read_to_string(task.join("schedstat")).unwrap_or_default();
        let ran = times.split(' ').next().unwrap_or_default();
        total += ran.parse::<u64>().unwrap_or_default();
    }
    Ok(Duration::from_nanos(total))
}

/// A process that is ended with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn measure_unbound(
    path: &str,
    authority: &Authority,
    served: &Served,
    names: &[String],
) -> Result<(), Failure> {
    let directory = std::env::temp_dir().join(format!("cold_names.{}", std::process::id()));
    fs::create_dir_all(&directory)?;
    let hints: String = (authority.roots().iter().enumerate())
        .map(|(n, addr)| format!(". 86400 NS {n}.root.\n{n}.root. 86400 A {addr}\n"))
        .collect();
    fs::write(directory.join("hints"), hints)?;
    let directory_text = directory.display();
    let config = format!(
        "server:\n interface: 127.0.0.1\n port: {UNBOUND_PORT}\n directory: \"{directory_text}\"\n \
         username: \"\"\n chroot: \"\"\n pidfile: \"\"\n use-syslog: no\n num-threads: 1\n \
         do-ip6: no\n do-not-query-localhost: no\n module-config: \"iterator\"\n \
         root-hints: \"{directory_text}/hints\"\n qname-minimisation: no\n \
         outgoing-range: 900\n num-queries-per-thread: 450\n msg-cache-size: 128m\n \
         rrset-cache-size: 128m\n key-cache-size: 4m\nremote-control:\n control-enable: no\n"
    );
    let config_path = directory.join("unbound.conf");
    fs::write(&config_path, config)?;
    let child = Command::new(path)
        .args(["-d", "-c"])
        .arg(&config_path)
        .stderr(Stdio::null())
        .spawn()?;
    let child = Running(child);
    wait_for_answer()?;
    let tasks = format!("/proc/{}/task", child.0.id());
    for pass in ["unbound, cold", "unbound, warm"] {
        let cpu = cpu_of(Path::new(&tasks), None)?;
        let asked = served.questions.load(Ordering::Relaxed);
        let start = Instant::now();
        let right = ask_over_udp(&authority.population, names)?;
        let wall = start.elapsed();
        let cpu = cpu_of(Path::new(&tasks), None)? - cpu;
        let asked = served.questions.load(Ordering::Relaxed) - asked;
        report(pass, names.len(), right, cpu, wall, asked);
    }
    drop(child);
    fs::remove_dir_all(&directory)?;
    Ok(())
}

/// Asks again until the resolver, which has just been started, answers at all.
fn wait_for_answer() -> io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(("127.0.0.1", UNBOUND_PORT))?;
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    let patience = Instant::now() + Duration::from_secs(10);
    while Instant::now() < patience {
        // Refused at once as long as nobody listens.
        let sent = socket.send(&question(0, "start.invalid")?);
        if sent.is_ok() && socket.recv(&mut [0; 4096]).is_ok() {
            return Ok(());
        }
        thread::yield_now();
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// Asks a resolver for all names; what is not answered within two seconds is asked once more.
fn ask_over_udp(population: &Population, names: &[String]) -> io::Result<usize> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(("127.0.0.1", UNBOUND_PORT))?;
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut right = 0;
    for chunk in names.chunks(CLIENT_AT_ONCE) {
        let mut open: Vec<Option<&String>> = chunk.iter().map(Some).collect();
        for _ in 0..2 {
            for (id, name) in open.iter().enumerate() {
                if let Some(name) = name {
                    socket.send(&question(id, name)?)?;
                }
            }
            while open.iter().any(Option::is_some) {
                let mut bytes = [0; 4096];
                let Ok(len) = socket.recv(&mut bytes) else {
                    break;
                };
                let Ok(reply) = Message::from_vec(&bytes[..len]) else {
                    continue;
                };
                let slot = open.get_mut(usize::from(reply.metadata.id));
                if let Some(name) = slot.and_then(Option::take) {
                    let mut addrs = reply.answers.iter().filter_map(|one| one.data.ip_addr());
                    right += usize::from(is_right(population, name, addrs.next_back()));
                }
            }
        }
    }
    Ok(right)
}

fn question(id: usize, name: &str) -> io::Result<Vec<u8>> {
    let mut message = Message::query();
    message.metadata.id = u16::try_from(id).map_err(io::Error::other)?;
    message.metadata.recursion_desired = true;
    let name = Name::from_ascii(format!("{name}.")).map_err(io::Error::other)?;
    message.add_query(Query::query(name, RecordType::A));
    message.to_vec().map_err(io::Error::other)
}
