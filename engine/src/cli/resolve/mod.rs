//! Owns the run of `turbo2ds resolve`: each name in turn, by the resolver that a run with the same
//! options would have. Never formats: [`show`] does.

mod show;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use turbo2ds_dns::recursive::{Step, Tracer, is_private_name};
use turbo2ds_dns::{Answer, DnsError, Service};

use crate::net::resolver::{Backend, backend, setup};

use crate::config::DnsConfig;
use crate::error::Error;
use crate::text::terminal;

/// Exit code where a name has no address.
const EXIT_FAILED: u8 = 1;

/// What `turbo2ds resolve` was asked.
#[derive(Clone, Debug)]
pub struct ResolveOptions {
    /// The names, in the URL standard's spelling.
    pub names: Vec<String>,
    /// How they are resolved.
    pub dns: DnsConfig,
    /// One JSON object instead of text.
    pub json: bool,
}

/// One name's way.
#[derive(Clone, Debug)]
pub(super) struct Path {
    pub(super) name: String,
    pub(super) result: Result<Answer, DnsError>,
    pub(super) steps: Vec<Step>,
    pub(super) took: Duration,
    pub(super) by: By,
}

/// Who was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The authorities, from the closest zone known.
    Authorities,
    /// Servers that resolve for us.
    Servers,
    /// Resolv.conf's, since only a private network can know the name.
    PrivateServers,
    /// Resolv.conf's, since no authority can be reached.
    ServersInstead,
}

/// Resolves the names and prints their paths; gives the exit code.
///
/// # Errors
/// No resolver can be had, or waiting for answers failed.
pub(super) fn run(options: &ResolveOptions) -> Result<u8, Error> {
    let mut walker = Walker::open(&options.dns)?;
    let mut paths = Vec::with_capacity(options.names.len());
    for name in &options.names {
        let path = walker.look_up(name)?;
        if !options.json {
            terminal::out(show::text(&path).trim_end());
        }
        paths.push(path);
    }
    if options.json {
        terminal::out(show::json(&paths));
    }
    let all = paths.iter().all(|path| path.result.is_ok());
    Ok(if all { 0 } else { EXIT_FAILED })
}

/// The resolvers in use.
struct Walker {
    main: Main,
    /// Resolv.conf's servers, where the authorities are asked.
    fallback: Option<Tracer>,
    /// Who is asked, and whether that is for good.
    fell_back: bool,
}

enum Main {
    Walks(Tracer),
    Forwards(Tracer),
    Library(Service),
}

fn system(error: std::io::Error) -> Error {
    crate::net::resolver::SetupError::System(error).into()
}

impl Walker {
    fn open(dns: &DnsConfig) -> Result<Self, Error> {
        let open = |settings, file, is_backed| {
            setup(settings, file)
                .and_then(|setup| Tracer::open(setup, is_backed))
                .map_err(system)
        };
        let (main, fallback) = match backend(dns, 1)? {
            Backend::Library(forwarder) => {
                let service = Service::spawn(*forwarder, 1, Instant::now).map_err(system)?;
                (Main::Library(service), None)
            }
            Backend::BuiltIn { settings, fallback } => {
                let forwards = settings.forward;
                let fallback = fallback
                    .map(|fallback| open(*fallback, None, false))
                    .transpose()?;
                let tracer = open(*settings, dns.cache_file.as_deref(), fallback.is_some())?;
                let main = if forwards {
                    Main::Forwards(tracer)
                } else {
                    Main::Walks(tracer)
                };
                (main, fallback)
            }
        };
        Ok(Self {
            main,
            fallback,
            fell_back: false,
        })
    }

    fn look_up(&mut self, name: &str) -> Result<Path, Error> {
        if let Some(fallback) = &mut self.fallback {
            if self.fell_back {
                return traced(fallback, name, By::ServersInstead);
            }
            if is_private_name(name) {
                return traced(fallback, name, By::PrivateServers);
            }
        }
        match &mut self.main {
            Main::Library(service) => Ok(timed(service, name)),
            Main::Forwards(tracer) => traced(tracer, name, By::Servers),
            Main::Walks(tracer) => {
                let path = traced(tracer, name, By::Authorities)?;
                // An error that nobody was asked about is the name's own.
                let in_vain = path.result.is_err() && !path.steps.is_empty();
                match &mut self.fallback {
                    Some(fallback) if in_vain && !tracer.has_heard() => {
                        self.fell_back = true;
                        let instead = traced(fallback, name, By::ServersInstead)?;
                        Ok(Path {
                            steps: [path.steps, instead.steps].concat(),
                            took: path.took + instead.took,
                            ..instead
                        })
                    }
                    _ => Ok(path),
                }
            }
        }
    }
}

fn traced(tracer: &mut Tracer, name: &str, by: By) -> Result<Path, Error> {
    let traced = tracer.look_up(name).map_err(system)?;
    Ok(Path {
        name: name.to_owned(),
        result: traced.result,
        steps: traced.steps,
        took: traced.took,
        by,
    })
}

/// A name by the library, which shows no steps.
fn timed(service: &Service, name: &str) -> Path {
    let start = Instant::now();
    let (sender, answer) = mpsc::channel();
    let reply = Box::new(move |result| drop(sender.send(result)));
    service.handle().request(name.into(), reply);
    // Every request is answered.
    let result = answer.recv().unwrap_or(Err(DnsError::Failure));
    Path {
        name: name.to_owned(),
        result,
        steps: Vec::new(),
        took: start.elapsed(),
        by: By::Servers,
    }
}
