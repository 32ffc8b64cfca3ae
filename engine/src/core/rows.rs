//! Owns the path of one row: it is fetched and handed to the compute thread, or fails. Never writes output.

use std::rc::Rc;

use turbo2ds_codec::BoundingBox;

use super::feed::Due;
use super::{Core, Held};
use crate::dataset::sealed::ShardSlot;
use crate::failure::Failure;
use crate::fetch::Body;
use crate::http::Target;
use crate::machine::sync::Permit;
use crate::pixels::Task;

impl Core {
    /// Fetches one row. Its place in flight is held until the compute queue accepts the body, so that a
    /// slow compute thread slows the network and memory stays bounded.
    pub(super) async fn fetch_row(self: Rc<Self>, due: Due, place: Permit) {
        let (fetched, _place) = match due.target {
            Ok(target) => self.places.hold(place, self.fetch(&target)).await,
            Err(failure) => (Err(failure), place),
        };
        match fetched {
            Ok(body) => self.hand_over(due.slot, due.row, body, due.boxes).await,
            Err(failure) => self.fail_row(due.slot, due.row, failure),
        }
    }

    /// Fetches a target, again for each time the network was down meanwhile.
    async fn fetch(&self, target: &Target) -> Result<Body, Failure> {
        loop {
            let since = self.outage.since();
            match self.fetcher.fetch(target).await {
                Err(failure) if self.outage.outlasts(failure, &target.host, since).await => {}
                result => return result,
            }
        }
    }

    async fn hand_over(&self, slot: ShardSlot, row: usize, body: Body, boxes: Vec<BoundingBox>) {
        let permit = self.compute_permits.acquire(1).await;
        let expected_hash = self.expected_hash(slot, row);
        self.live.received(body.bytes.len());
        let held = Held {
            _queue_permit: permit,
            _share: body.share,
        };
        self.held.borrow_mut().insert((slot, row), held);
        let task = Task::Image {
            row,
            body: body.bytes,
            boxes,
            expected_hash,
        };
        self.compute(slot, task);
    }

    /// The hash that the list expects of a row, if hashes are verified. A null is the empty text, which
    /// matches no body.
    fn expected_hash(&self, slot: ShardSlot, row: usize) -> Option<String> {
        self.shared.config.input.verify_hash_col.as_ref()?;
        let open = self.open.borrow();
        let given = open.get(&slot)?.plan.expected_hash(row);
        Some(given.unwrap_or_default().to_owned())
    }

    /// Records a row's failure.
    pub(super) fn fail_row(&self, slot: ShardSlot, row: usize, failure: Failure) {
        self.live.failed(failure);
        let text = self.failure_text(failure);
        let complete = match self.open.borrow_mut().get_mut(&slot) {
            Some(shard) => shard.fail(row, failure, text),
            None => false,
        };
        if complete {
            self.seal(slot);
        }
    }
}
