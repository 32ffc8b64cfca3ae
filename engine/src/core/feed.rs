//! Owns the order in which rows start: one plan after the other, names looked up ahead, and a fetch per
//! row as soon as the limit on downloads in flight allows. Never fetches a row itself.

use std::collections::VecDeque;
use std::rc::Rc;

use futures_channel::mpsc::UnboundedReceiver;
use futures_util::StreamExt;
use turbo2ds_codec::BoundingBox;

use super::Core;
use crate::dataset::sealed::ShardSlot;
use crate::failure::Failure;
use crate::http::Target;
use crate::limits;
use crate::list::plan::ShardPlan;

/// A row that is ready to start.
pub(super) struct Due {
    pub(super) slot: ShardSlot,
    pub(super) row: usize,
    pub(super) target: Result<Target, Failure>,
    /// Bounding boxes to blur.
    pub(super) boxes: Vec<BoundingBox>,
}

type Plans = UnboundedReceiver<Option<Box<ShardPlan>>>;

/// The shard whose rows are being started.
struct Current {
    slot: ShardSlot,
    plan: ShardPlan,
    next_row: usize,
}

/// Prepares rows ahead of their fetch.
struct Feeder {
    ahead: VecDeque<Due>,
    current: Option<Current>,
    plans: Plans,
    list_ended: bool,
}

impl Core {
    /// Starts every row of the list, then waits for the last shard. Shards that failed on this machine
    /// are retried at the end.
    pub(super) async fn feed(self: Rc<Self>, plans: Plans) {
        let mut feeder = Feeder {
            ahead: VecDeque::new(),
            current: None,
            plans,
            list_ended: false,
        };
        self.request_plan();
        loop {
            while let Some(due) = feeder.next(&self).await {
                self.outage.wait_until_up().await;
                let place = self.places.take().await;
                monoio::spawn(self.clone().fetch_row(due, place));
            }
            self.wait_all_closed().await;
            if self.again.borrow().is_empty() || self.shared.stopping() {
                return;
            }
        }
    }

    fn request_plan(&self) {
        // If the planner has ended, it has sent the end of the list.
        let _ = self.plan_requests.send(self.index);
    }
}

impl Feeder {
    /// The next row. Also prepares rows after it, even of the next shard, as long as that needs no
    /// waiting and names may be looked up.
    async fn next(&mut self, core: &Rc<Core>) -> Option<Due> {
        while self.ahead.len() < limits::LOOK_AHEAD_ROWS
            && (self.ahead.is_empty() || core.fetcher.names.may_look_ahead())
        {
            if self.current.is_none() && !self.open_next(core).await {
                break;
            }
            self.prepare_row(core);
        }
        self.ahead.pop_front()
    }

    /// Prepares one row of the current shard.
    fn prepare_row(&mut self, core: &Core) {
        let Some(current) = &mut self.current else {
            return;
        };
        let row = current.next_row;
        if row == current.plan.rows() {
            self.current = None;
            return;
        }
        current.next_row += 1;
        let plan = &current.plan;
        let boxes = plan.key(row).and_then(|_| plan.boxes(row));
        let target = match (plan.url(row), &boxes) {
            (_, Err(failure)) => Err(*failure),
            (Some(url), Ok(_)) if core.shared.redactions().has_url(url) => Err(Failure::Redacted),
            (Some(url), Ok(_)) => Target::parse(url),
            (None, Ok(_)) => Err(Failure::InvalidUrl),
        };
        if let Ok(target) = &target {
            core.fetcher.look_ahead(target);
        }
        self.ahead.push_back(Due {
            slot: current.slot,
            row,
            target,
            boxes: boxes.unwrap_or_default(),
        });
    }

    /// Opens the next shard. Waits for it only if no prepared row is left.
    async fn open_next(&mut self, core: &Rc<Core>) -> bool {
        let may_wait = self.ahead.is_empty();
        let place = match core.open_permits.try_acquire(1) {
            Some(place) => place,
            None if may_wait => core.open_permits.acquire(1).await,
            None => return false,
        };
        let Some((plan, attempt)) = self.next_plan(core, may_wait).await else {
            return false;
        };
        match core.open_shard(plan.clone(), attempt, place) {
            Some(slot) => {
                self.current = Some(Current {
                    slot,
                    plan,
                    next_row: 0,
                });
            }
            None => self.list_ended = true,
        }
        self.current.is_some()
    }

    async fn next_plan(&mut self, core: &Core, may_wait: bool) -> Option<(ShardPlan, u32)> {
        if core.shared.stopping() {
            return None;
        }
        if self.list_ended {
            return core.again.borrow_mut().pop();
        }
        let plan = match self.plans.try_recv() {
            Ok(plan) => plan,
            Err(_) if may_wait => self.plans.next().await.flatten(),
            Err(_) => return None,
        };
        match plan {
            Some(plan) => {
                core.request_plan();
                Some((*plan, 0))
            }
            None => {
                self.list_ended = true;
                core.again.borrow_mut().pop()
            }
        }
    }
}
