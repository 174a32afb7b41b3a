//! I2: no more seats in use than there are.

use tenure::commands::SetSeatLimit;
use tenure::domain::Refusal;

use crate::stage::{Stage, asks};
use crate::tally::{After, Tally, holds};

async fn limit(stage: &Stage, free: u32) -> SetSeatLimit {
    let organization = stage.organization;
    let used = stage.state(Vec::new()).await.seats_used(organization);
    SetSeatLimit { organization, limit: Some(u32::try_from(used).unwrap() + free) }
}

pub(super) async fn two_accept_the_last_seat(stage: &Stage) -> Tally {
    let (one, _) = stage.accepts("olivia", "nora").await;
    let (other, _) = stage.accepts("olivia", "nils").await;
    stage.does(stage.user("olivia"), limit(stage, 1).await).await;
    let look = async |after: &After<'_, ()>| {
        let told = after.one_won()?;
        holds(matches!(told, Refusal::SeatsFull { .. }), format!("the loser is told {told}"))
    };
    stage.commands([one, other], look).await
}

pub(super) async fn the_seat_limit_is_lowered_while_somebody_accepts(stage: &Stage) -> Tally {
    let (accepts, _) = stage.accepts("olivia", "nora").await;
    stage.does(stage.user("olivia"), limit(stage, 1).await).await;
    let lower = limit(stage, 0).await;
    let look = async |after: &After<'_, ()>| {
        holds(after.won(1), "nothing stood against the limit")?;
        let Some(told) = after.refusal(0) else {
            let in_time = after.committed == [0, 1];
            return holds(in_time, "a seat was taken when there was none any more");
        };
        holds(matches!(told, Refusal::SeatsFull { .. }), format!("the loser is told {told}"))
    };
    stage.commands([accepts, asks(stage.user("olivia"), lower)], look).await
}
