//! Owns running `turbo2ds resolve`: each name in turn, with the resolver that a run with the same
//! options would use. Never formats: [`show`] does.

mod show;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use turbo2ds_dns::recursive::{Step, Tracer, is_private_name};
use turbo2ds_dns::{Answer, DnsError, Service};

use crate::net::resolver::{Backend, backend, setup};

use crate::config::DnsConfig;
use crate::error::Error;
use crate::text::terminal;

/// Exit code if a name has no address.
const EXIT_FAILED: u8 = 1;

/// Options of `turbo2ds resolve`.
#[derive(Clone, Debug)]
pub struct ResolveOptions {
    /// The names, normalized as in URLs.
    pub names: Vec<String>,
    /// How they are resolved.
    pub dns: DnsConfig,
    /// One JSON object instead of text.
    pub json: bool,
}

/// The resolution of one name.
#[derive(Clone, Debug)]
pub(super) struct Resolution {
    pub(super) name: String,
    pub(super) result: Result<Answer, DnsError>,
    pub(super) steps: Vec<Step>,
    pub(super) took: Duration,
    pub(super) by: ResolvedBy,
}

/// Which servers were asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResolvedBy {
    /// The authoritative servers, from the closest known zone down.
    Authorities,
    /// Recursive servers.
    Servers,
    /// The servers in resolv.conf, because only a private network can know the name.
    PrivateServers,
    /// The servers in resolv.conf, because no authoritative server can be reached.
    ServersInstead,
}

/// Resolves the names, prints their resolution, and returns the exit code.
///
/// # Errors
/// If the resolver cannot start, or waiting for answers fails.
pub(super) fn run(options: &ResolveOptions) -> Result<u8, Error> {
    let mut resolvers = Resolvers::open(&options.dns)?;
    let mut paths = Vec::with_capacity(options.names.len());
    for name in &options.names {
        let path = resolvers.look_up(name)?;
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
struct Resolvers {
    main: Primary,
    /// The servers in resolv.conf, if the main resolver asks the authoritative servers.
    fallback: Option<Tracer>,
    /// Whether the fallback is used for all further names.
    fell_back: bool,
}

enum Primary {
    Recursive(Tracer),
    Forwarding(Tracer),
    Library(Service),
}

fn system(error: std::io::Error) -> Error {
    crate::net::resolver::SetupError::System(error).into()
}

impl Resolvers {
    fn open(dns: &DnsConfig) -> Result<Self, Error> {
        let open = |settings, file, is_backed| {
            setup(settings, file)
                .and_then(|setup| Tracer::open(setup, is_backed))
                .map_err(system)
        };
        let (main, fallback) = match backend(dns, 1)? {
            Backend::Library(forwarder) => {
                let service = Service::spawn(*forwarder, 1, Instant::now).map_err(system)?;
                (Primary::Library(service), None)
            }
            Backend::BuiltIn { settings, fallback } => {
                let forwards = settings.forward;
                let fallback = fallback
                    .map(|fallback| open(*fallback, None, false))
                    .transpose()?;
                let tracer = open(*settings, dns.cache_path(), fallback.is_some())?;
                let main = if forwards {
                    Primary::Forwarding(tracer)
                } else {
                    Primary::Recursive(tracer)
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

    fn look_up(&mut self, name: &str) -> Result<Resolution, Error> {
        if let Some(fallback) = &mut self.fallback {
            if self.fell_back {
                return traced(fallback, name, ResolvedBy::ServersInstead);
            }
            if is_private_name(name) {
                return traced(fallback, name, ResolvedBy::PrivateServers);
            }
        }
        match &mut self.main {
            Primary::Library(service) => Ok(timed(service, name)),
            Primary::Forwarding(tracer) => traced(tracer, name, ResolvedBy::Servers),
            Primary::Recursive(tracer) => {
                let path = traced(tracer, name, ResolvedBy::Authorities)?;
                // An error without any query is due to the name itself.
                let in_vain = path.result.is_err() && !path.steps.is_empty();
                match &mut self.fallback {
                    Some(fallback) if in_vain && !tracer.has_heard() => {
                        self.fell_back = true;
                        let instead = traced(fallback, name, ResolvedBy::ServersInstead)?;
                        Ok(Resolution {
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

fn traced(tracer: &mut Tracer, name: &str, by: ResolvedBy) -> Result<Resolution, Error> {
    let traced = tracer.look_up(name).map_err(system)?;
    Ok(Resolution {
        name: name.to_owned(),
        result: traced.result,
        steps: traced.steps,
        took: traced.took,
        by,
    })
}

/// Resolves a name with the library, which reports no steps.
fn timed(service: &Service, name: &str) -> Resolution {
    let start = Instant::now();
    let (sender, answer) = mpsc::channel();
    let reply = Box::new(move |result| drop(sender.send(result)));
    service.handle().request(name.into(), reply);
    // Every request is answered.
    let result = answer.recv().unwrap_or(Err(DnsError::Failure));
    Resolution {
        name: name.to_owned(),
        result,
        steps: Vec::new(),
        took: start.elapsed(),
        by: ResolvedBy::Servers,
    }
}
