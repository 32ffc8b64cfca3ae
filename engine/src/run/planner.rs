//! Owns the planner thread, which reads the list as fast as cores request shards. Never reads ahead of them, so
//! memory does not grow with the length of the list.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam::channel::Receiver;

use crate::core::Message;
use crate::core::Shared;
use crate::list::plan::Planner;
use crate::machine::sync::Outbox;
use crate::watch::Event;
use crate::watch::Guard;
use crate::watch::{Duty, Post};

/// Starts the thread. It ends at the end of the list, or when no core is left.
///
/// # Errors
/// The kernel's error if the thread cannot be created.
pub(super) fn start(
    shared: Arc<Shared>,
    planner: Planner,
    requests: Receiver<usize>,
    outboxes: Vec<Outbox<Message>>,
    guard: Guard,
    post: Post,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new()
        .name("planner".to_owned())
        .spawn(move || {
            let _guard = guard;
            serve(&shared, planner, &requests, &outboxes, &post);
        })
}

fn serve(
    shared: &Shared,
    mut plans: Planner,
    requests: &Receiver<usize>,
    outboxes: &[Outbox<Message>],
    post: &Post,
) {
    let mut planned = 0;
    let mut at_end = false;
    for core in requests {
        if shared.stopping() {
            break;
        }
        post.begin(Duty::List, 0, 0);
        let next = plans.next();
        post.rest();
        match next {
            Some(Ok(plan)) => {
                planned += 1;
                outboxes[core].send(Message::Plan(Some(Box::new(plan))));
            }
            Some(Err(error)) => {
                shared.send(Event::InputBroken(error));
                break;
            }
            None => {
                at_end = true;
                break;
            }
        }
    }
    shared.send(Event::ListEnded {
        losses: plans.losses(),
        planned: at_end.then_some(planned),
    });
    outboxes
        .iter()
        .for_each(|outbox| outbox.send(Message::Plan(None)));
}
