//! Every order in which two parties can take their steps, one statement at a time.
//!
//! The orders are found by walking through them: wherever both parties can move, one goes first and,
//! in a later run from the same beginning, the other. A party that waits for a lock of the other
//! cannot move; the order goes on with the other until the lock is free, so what would be several
//! orders on paper is one in the database. Two parties of four statements each have at most 70.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sqlx::{PgConnection, Row as _};
use tenure::Error;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::gate::{Gate, Sign};

/// A statement that is not done after this time is looked at: it may be blocked.
const A_MOMENT: Duration = Duration::from_millis(4);
/// A statement that is neither done nor blocked after so many moments is a fault of the test.
const MOMENTS: u32 = 5_000;

/// Who goes first, at each point where both could, in one order.
#[derive(Default)]
pub(crate) struct Order(Vec<usize>);

impl Order {
    /// The order after this one, if there is one.
    pub(crate) fn next(mut self) -> Option<Self> {
        while let Some(last) = self.0.pop() {
            if last == 0 {
                self.0.push(1);
                return Some(self);
            }
        }
        None
    }
}

/// What a party answered.
pub(crate) type Answer<T> = Result<T, Error>;

/// What came of one order.
pub(crate) struct Run<T> {
    pub(crate) answers: [Answer<T>; 2],
    /// What was done, in words.
    pub(crate) story: Vec<String>,
    /// Which parties had to wait for a lock of the other.
    pub(crate) blocked: [bool; 2],
    /// How often both waited for each other, which the database ends after a while.
    pub(crate) deadlocks: u32,
    /// The parties in the order in which they committed.
    pub(crate) committed: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    Moving,
    Blocked,
    Waiting(&'static str),
    Done,
}

/// Tells blocked from slow, on a connection of its own.
pub(crate) struct Watch {
    pub(crate) connection: PgConnection,
    /// What the connections of each party are called.
    pub(crate) names: [String; 2],
}

impl Watch {
    async fn is_blocked(&mut self, party: usize) -> bool {
        let sql = "SELECT EXISTS (
            SELECT FROM pg_stat_activity one JOIN pg_stat_activity other
                ON other.pid = ANY (pg_blocking_pids(one.pid))
            WHERE one.application_name = $1 AND other.application_name = $2)";
        let row = sqlx::query(sql)
            .bind(&self.names[party])
            .bind(&self.names[1 - party])
            .fetch_one(&mut self.connection)
            .await;
        row.unwrap().get(0)
    }
}

/// One order under way.
struct Controller<'w> {
    gates: [Gate; 2],
    signs: UnboundedReceiver<Sign>,
    stands: [Stands; 2],
    watch: &'w mut Watch,
    blocked: [bool; 2],
}

impl Controller<'_> {
    fn hear(&mut self, (party, step): Sign) {
        self.stands[party] = step.map_or(Stands::Done, Stands::Waiting);
    }

    /// Until nobody moves any more.
    async fn settles(&mut self) {
        let mut moments = 0;
        loop {
            while let Ok(sign) = self.signs.try_recv() {
                self.hear(sign);
            }
            if !self.stands.contains(&Stands::Moving) {
                return;
            }
            if let Ok(sign) = timeout(A_MOMENT, self.signs.recv()).await {
                self.hear(sign.unwrap());
                continue;
            }
            for party in [0, 1] {
                if self.stands[party] == Stands::Moving && self.watch.is_blocked(party).await {
                    self.stands[party] = Stands::Blocked;
                    self.blocked[party] = true;
                }
            }
            moments += 1;
            assert!(moments < MOMENTS, "a statement is neither done nor blocked");
        }
    }

    /// Whoever was blocked may not be any more.
    fn may_be_free(&mut self) {
        for stands in &mut self.stands {
            if *stands == Stands::Blocked {
                *stands = Stands::Moving;
            }
        }
    }
}

/// Lets two parties take their steps in one order; where it says nothing, the first goes first.
pub(crate) async fn run<T: Send + 'static>(
    order: &mut Order,
    watch: &mut Watch,
    party: impl Fn(usize, Gate) -> BoxFuture<'static, Answer<T>>,
) -> Run<T> {
    let (tells, signs) = unbounded_channel();
    let gates = [0, 1].map(|n| Gate::watched(n, tells.clone()));
    let goes = |n: usize| -> JoinHandle<_> {
        let (gate, going) = (gates[n].clone(), party(n, gates[n].clone()));
        tokio::spawn(async move {
            let ended = AssertUnwindSafe(going).catch_unwind().await;
            gate.ends();
            ended
        })
    };
    let tasks = [goes(0), goes(1)];
    let stands = [Stands::Moving; 2];
    let mut it = Controller { gates, signs, stands, watch, blocked: [false; 2] };
    let (mut story, mut committed, mut deadlocks, mut chosen) = (Vec::new(), Vec::new(), 0, 0);
    loop {
        it.settles().await;
        let goes = match it.stands {
            [Stands::Waiting(_), Stands::Waiting(_)] => {
                if order.0.len() == chosen {
                    order.0.push(0);
                }
                chosen += 1;
                order.0[chosen - 1]
            }
            [Stands::Waiting(_), _] => 0,
            [_, Stands::Waiting(_)] => 1,
            [Stands::Done, Stands::Done] => break,
            both => {
                deadlocks += u32::from(both == [Stands::Blocked; 2]);
                it.may_be_free();
                continue;
            }
        };
        if let Stands::Waiting(step) = it.stands[goes] {
            let after =
                if it.stands.contains(&Stands::Blocked) { " (the other waits)" } else { "" };
            story.push(format!("{} {step}{after}", ["A", "B"][goes]));
            if step.starts_with("commits") {
                committed.push(goes);
            }
        }
        it.stands[goes] = Stands::Moving;
        it.may_be_free();
        it.gates[goes].lets_one_pass();
    }
    let blocked = it.blocked;
    let [one, other] = tasks;
    let answer = |ended: Result<_, _>| match ended {
        Ok(Ok(answer)) => answer,
        Ok(Err(panic)) => resume_unwind(panic),
        Err(error) => panic!("{error}"),
    };
    let answers = [answer(one.await), answer(other.await)];
    Run { answers, story, blocked, deadlocks, committed }
}
