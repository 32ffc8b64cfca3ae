//! The simulated web as a program: draws its images, writes its lists, and is its servers. Owns the
//! command line; the web itself is `turbo2ds_benches::web`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use turbo2ds_benches::web::list::{self, Expected, Origin};
use turbo2ds_benches::web::serve::{self, Served, Site};
use turbo2ds_benches::web::{Error, Pool, Shares, World, dns};
use turbo2ds_tests::certs::Certificates;

/// The largest list, rows.
const LARGEST_ROWS: f64 = 18e6;

/// A simulated web on loopback: hosts, images, faults and latencies from one seed.
#[derive(Parser)]
struct Simweb {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Draws images with the web's mix of sizes and formats into a folder.
    Draw {
        /// The folder; it is made.
        #[arg(long)]
        out: PathBuf,
        /// How many.
        #[arg(long, default_value_t = 200)]
        count: usize,
        /// Decides what they show.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Megapixels of the median; the mean is 1.6 times that.
        #[arg(long, default_value_t = 0.3)]
        megapixels: f64,
    },
    /// Writes a list as parquet with LAION-400M's columns, and prints as JSON what is to be expected.
    List {
        #[command(flatten)]
        web: Web,
        /// How many rows.
        #[arg(long, value_enum, default_value_t = Set::TenThousand)]
        set: Set,
        /// The first part of the set alone.
        #[arg(long, default_value_t = 1.0)]
        fraction: f64,
        /// The folder; it is made.
        #[arg(long)]
        out: PathBuf,
        /// https in place of http.
        #[arg(long)]
        tls: bool,
        /// The port of the URLs, where it is not the scheme's own.
        #[arg(long)]
        port: Option<u16>,
    },
    /// Serves until it is told to end by SIGTERM or SIGINT; prints a line of JSON when it listens,
    /// and one with its counts when it ends.
    Serve {
        #[command(flatten)]
        web: Web,
        /// A folder of images, all of which are kept in memory.
        #[arg(long)]
        images: PathBuf,
        /// Port of HTTP on 127.1.0.1 to 127.1.0.64.
        #[arg(long, default_value_t = 80)]
        http: u16,
        /// Port of HTTPS there.
        #[arg(long, default_value_t = 443)]
        https: u16,
        /// UDP port of the name server on 127.0.0.1.
        #[arg(long, default_value_t = 53)]
        dns: u16,
        /// Where the certificate that a client must trust is written, PEM.
        #[arg(long)]
        ca: Option<PathBuf>,
        /// Threads that serve HTTP; names and HTTPS are served by the same.
        #[arg(long, default_value_t = 1)]
        threads: usize,
        /// What the hosts' latencies (60 ms in the median) are multiplied by; 0 for none.
        #[arg(long, default_value_t = 1.0)]
        latency: f64,
        /// Milliseconds an answer of the name server waits, as LEAST-MOST.
        #[arg(long, default_value = "0-0", value_parser = range)]
        dns_latency: (u64, u64),
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Set {
    /// 10,000 rows.
    #[value(name = "10k")]
    TenThousand,
    /// 18 million rows.
    #[value(name = "18M")]
    EighteenMillion,
}

/// Which web it is; a list and its servers must be told the same.
#[derive(Args)]
struct Web {
    /// Decides everything.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What goes wrong, and how often.
    #[arg(long, value_enum, default_value_t = Preset::Web)]
    shares: Preset,
    /// Another value for one share: NAME=SHARE, again for more.
    #[arg(long = "share", value_name = "NAME=SHARE")]
    changed: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Preset {
    /// As an old list meets it.
    Web,
    /// Every image is there.
    Clean,
}

impl Web {
    fn world(&self) -> Result<World, Error> {
        let preset = match self.shares {
            Preset::Web => Shares::WEB,
            Preset::Clean => Shares::CLEAN,
        };
        let mut shares = serde_json::to_value(preset)?;
        for change in &self.changed {
            let (name, share) = change
                .split_once('=')
                .ok_or_else(|| format!("{change}: not NAME=SHARE"))?;
            shares[name] = share.parse::<f64>()?.into();
        }
        World::new(self.seed, serde_json::from_value(shares)?)
    }
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let (least, most) = text.split_once('-').ok_or("not LEAST-MOST")?;
    let number = |text: &str| text.parse::<u64>().map_err(|error| error.to_string());
    Ok((number(least)?, number(most)?))
}

fn main() -> ExitCode {
    match run(Simweb::parse().command) {
        Ok(printed) => {
            println!("{printed}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("simweb: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<Value, Error> {
    match command {
        Command::Draw {
            out,
            count,
            seed,
            megapixels,
        } => {
            Pool::draw(&out, count, seed, megapixels)?;
            let pool = Pool::read(&out)?;
            Ok(json!({"images": pool.count(), "mean_bytes": pool.mean_bytes()}))
        }
        Command::List {
            web,
            set,
            fraction,
            out,
            tls,
            port,
        } => {
            let world = web.world()?;
            let whole = if set == Set::TenThousand {
                1e4
            } else {
                LARGEST_ROWS
            };
            let rows = (whole * fraction.clamp(0.0, 1.0)).round() as u64;
            list::write(&world, Origin { tls, port }, rows, &out)?;
            Ok(serde_json::to_value(Expected::of(&world, rows))?)
        }
        Command::Serve {
            web,
            images,
            http,
            https,
            dns,
            ca,
            threads,
            latency,
            dns_latency,
        } => {
            let certificates = Certificates::generate()?;
            if let Some(path) = ca {
                std::fs::write(path, &certificates.authority_pem)?;
            }
            let site = Arc::new(Site {
                world: web.world()?,
                pool: Pool::read(&images)?,
                latency_scale: latency,
                served: Served::default(),
            });
            let acceptor = TlsAcceptor::from(certificates.server);
            for _ in 1..threads {
                let runtime = listening(&site, http, https, &acceptor)?;
                thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
            }
            let runtime = listening(&site, http, https, &acceptor)?;
            runtime.block_on(async {
                dns::listen(dns, Arc::clone(&site), dns_latency).await?;
                println!(
                    "{}",
                    json!({"http": http, "https": https, "dns": dns, "images": site.pool.count()})
                );
                ended().await
            })?;
            let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
            Ok(json!({
                "connections": count(&site.served.connections),
                "requests": count(&site.served.requests),
                "body_bytes": count(&site.served.body_bytes),
            }))
        }
    }
}

/// A thread's runtime with its listeners.
fn listening(site: &Arc<Site>, http: u16, https: u16, tls: &TlsAcceptor) -> Result<Runtime, Error> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        serve::listen(http, site, None)?;
        serve::listen(https, site, Some(tls))
    })?;
    Ok(runtime)
}

async fn ended() -> Result<(), Error> {
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
