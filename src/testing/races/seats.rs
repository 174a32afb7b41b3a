//! I2: no more seats in use than there are.

use crate::commands::{AcceptInvitation, SetSeatLimit};
use crate::domain::Refusal;

use super::arena::Arena;

async fn limit(a: &Arena, free: Option<u32>) -> Option<u32> {
    let organization = a.organization;
    let used = a.state(Vec::new()).await.seats_used(organization);
    let limit = free.map(|free| u32::try_from(used).unwrap() + free);
    a.does(a.user("olivia"), SetSeatLimit { organization, limit }).await;
    limit
}

pub(super) async fn six_accept_the_last_seats(a: &mut Arena, round: u32) {
    let free = 1 + round % 3;
    limit(a, Some(free)).await;
    let (mut contenders, mut invited) = (Vec::new(), Vec::new());
    for n in 0..6 {
        let name = format!("p{round}-{n}");
        let it = a.invites(a.user("olivia"), &name, "agent").await;
        let accept = AcceptInvitation::new(a.organization, it.invitation);
        contenders.push(a.asks(n, a.link(&name).await, accept));
        invited.push(it.membership);
    }
    let refusals = a.winners(&a.command(contenders).await, free as usize);
    let full = |it: &Refusal| matches!(it, Refusal::SeatsFull { .. });
    a.holds(refusals.iter().all(full), &format!("losers are told {refusals:?}"));
    a.clear(a.user("olivia"), &invited).await;
    limit(a, None).await;
}

pub(super) async fn the_seat_limit_is_lowered_while_somebody_accepts(a: &mut Arena, round: u32) {
    let above = limit(a, Some(1)).await;
    let name = format!("p{round}");
    let it = a.invites(a.user("olivia"), &name, "agent").await;
    let accept = AcceptInvitation::new(a.organization, it.invitation);
    let lower = SetSeatLimit { organization: a.organization, limit: above.map(|above| above - 1) };
    let contenders =
        vec![a.asks(0, a.link(&name).await, accept), a.asks(1, a.user("olivia"), lower)];
    let answers = a.command(contenders).await;
    a.holds(answers[1].is_ok(), "nothing stood against the limit");
    if let Err(error) = &answers[0] {
        let full = matches!(error.refusal(), Some(Refusal::SeatsFull { .. }));
        a.holds(full, &format!("the loser is told {error}"));
    }
    limit(a, None).await;
    a.clear(a.user("olivia"), &[it.membership]).await;
}
