//! Owns answers that other threads give to tasks of a reactor: a task takes a [`Ticket`] to the other thread
//! and waits; the answer comes through the reactor's mailbox. Never moves a task's waker to another thread.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use futures_channel::oneshot;

/// An answer on its way to the reactor: the question's number, and nothing if the other thread gave it up.
#[derive(Debug)]
pub(crate) struct Reply<T> {
    question: u64,
    answer: Option<T>,
}

type Post<T> = Arc<dyn Fn(Reply<T>) + Send + Sync>;

/// The questions of one reactor.
pub(crate) struct Replies<T> {
    post: Post<T>,
    waiting: RefCell<HashMap<u64, oneshot::Sender<T>>>,
    next: Cell<u64>,
}

impl<T> Replies<T> {
    /// Questions whose answers go through `post` to the reactor's mailbox, which hands them to
    /// [`Self::take`].
    pub(crate) fn new(post: impl Fn(Reply<T>) + Send + Sync + 'static) -> Self {
        Self {
            post: Arc::new(post),
            waiting: RefCell::default(),
            next: Cell::new(0),
        }
    }

    /// A question: the ticket goes to the thread that answers.
    pub(crate) fn ask(&self) -> (Ticket<T>, Waiting<T>) {
        let question = self.next.get();
        self.next.set(question + 1);
        let (sender, receiver) = oneshot::channel();
        self.waiting.borrow_mut().insert(question, sender);
        let ticket = Ticket {
            question,
            post: self.post.clone(),
            answered: false,
        };
        (ticket, Waiting(receiver))
    }

    /// Hands an answer from the mailbox to the task that waits for it.
    pub(crate) fn take(&self, reply: Reply<T>) {
        let waiting = self.waiting.borrow_mut().remove(&reply.question);
        if let (Some(waiting), Some(answer)) = (waiting, reply.answer) {
            // The task may have given up.
            let _ = waiting.send(answer);
        }
    }
}

/// The right to answer one question, on any thread. Dropping it answers that there is no answer.
pub(crate) struct Ticket<T> {
    question: u64,
    post: Post<T>,
    answered: bool,
}

impl<T> Ticket<T> {
    /// Answers.
    pub(crate) fn answer(mut self, answer: T) {
        self.answered = true;
        (self.post)(Reply {
            question: self.question,
            answer: Some(answer),
        });
    }
}

impl<T> Drop for Ticket<T> {
    fn drop(&mut self) {
        if !self.answered {
            (self.post)(Reply {
                question: self.question,
                answer: None,
            });
        }
    }
}

/// A task's wait for an answer.
pub(crate) struct Waiting<T>(oneshot::Receiver<T>);

impl<T> Waiting<T> {
    /// The answer; `None` if the other thread gave it up.
    pub(crate) async fn answer(self) -> Option<T> {
        self.0.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::config::IoBackend;
    use crate::machine::runtime;
    use crate::machine::sync::mailbox;

    #[test]
    fn answers_of_another_thread_reach_their_questions_in_any_order() {
        let (backend, _) = runtime::choose(IoBackend::Auto).expect("some backend works");
        let (outbox, inbox) = mailbox::<Reply<u64>>().expect("a socket pair");
        let replies = Rc::new(Replies::new(move |reply| outbox.send(reply)));
        let answers = runtime::block_on(backend, async {
            let (tickets, waiting): (Vec<_>, Vec<_>) = (0..3).map(|_| replies.ask()).unzip();
            let thread = std::thread::spawn(move || {
                let mut tickets = tickets;
                drop(tickets.remove(1));
                for ticket in tickets.into_iter().rev() {
                    let question = ticket.question;
                    ticket.answer(question * 10);
                }
            });
            let taking = replies.clone();
            let mut left = 3;
            let take = move |reply| {
                taking.take(reply);
                left -= 1;
                left > 0
            };
            let mail = monoio::spawn(inbox.run(take, || {}));
            let mut answers = Vec::new();
            for waiting in waiting {
                answers.push(waiting.answer().await);
            }
            mail.await.expect("the mailbox runs");
            thread.join().expect("no panic");
            answers
        })
        .expect("a reactor");
        assert_eq!(answers, [Some(0), None, Some(20)]);
    }
}
