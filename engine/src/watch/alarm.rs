//! Owns ending a run in which a thread panicked: otherwise other threads would wait for it forever.
//! Never catches the panic itself.

use std::sync::Arc;

use crate::error::Error;

/// Ends the run if a thread panics.
#[derive(Clone)]
pub struct Alarm {
    ring: Arc<dyn Fn(Error) + Send + Sync>,
}

impl Alarm {
    /// An alarm that passes its error to `ring`.
    pub fn new(ring: impl Fn(Error) + Send + Sync + 'static) -> Self {
        Self {
            ring: Arc::new(ring),
        }
    }

    /// Ends the run with the error of a thread.
    pub fn ring(&self, error: Error) {
        (self.ring)(error);
    }

    /// A guard for the calling thread to hold.
    pub fn guard(&self) -> Guard {
        Guard {
            alarm: self.clone(),
        }
    }
}

/// Rings if it is dropped by a panic.
pub struct Guard {
    alarm: Alarm,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let thread = std::thread::current();
            let name = thread.name().unwrap_or("unnamed");
            self.alarm.ring(Error::local_resource(
                format!("the thread {name} panicked"),
                "this is a fault of turbo2ds; the message above says where. The same command goes on",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn only_a_panicking_thread_rings_the_alarm() {
        let (sender, receiver) = channel();
        let alarm = Alarm::new(move |error| sender.send(error).expect("the test listens"));
        let quiet = alarm.guard();
        let ended = std::thread::spawn(move || drop(quiet)).join();
        assert!(ended.is_ok());
        let loud = alarm.guard();
        let broken = std::thread::Builder::new()
            .name("loud".to_owned())
            .spawn(move || {
                let _loud = loud;
                panic!("on purpose");
            });
        assert!(broken.expect("a thread").join().is_err());
        drop(alarm);
        let rung: Vec<_> = receiver.iter().collect();
        assert_eq!(rung.len(), 1);
        assert!(rung[0].to_string().contains("loud"));
    }
}
