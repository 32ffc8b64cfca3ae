//! The whole resolver against a script of answers, forged and true: nothing that its sender may not
//! speak for is believed or kept, every question ends, and what it may cost is bounded.

mod message;
mod script;
mod world;

use arbitrary::Unstructured;

/// One input.
pub fn run(bytes: &[u8]) {
    let mut script = Unstructured::new(bytes);
    if let Ok(run) = script::Run::new(&mut script) {
        run.play(&mut script);
    }
}
