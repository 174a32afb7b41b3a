//! Who gets how many of some items.

use serde::{Deserialize, Serialize};

use crate::domain::{Load, MembershipId};

use super::Receivers;

/// How much somebody gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Who; none: nobody.
    pub to: Option<MembershipId>,
    /// How many items.
    pub items: u64,
}

/// Shares items out; the turn says who begins when not everybody gets the same.
pub(super) fn shares(to: &Receivers, items: u64, loads: &[Load], turn: u32) -> Vec<Share> {
    match to {
        Receivers::Nobody => vec![Share { to: None, items }],
        Receivers::RoundRobin(members) => {
            let many = members.len() as u64;
            let Some(each) = items.checked_div(many) else { return Vec::new() };
            let more = items % many;
            let place = |n: usize| (n as u64 + many - u64::from(turn) % many) % many;
            let share = |(n, to): (usize, &MembershipId)| Share {
                to: Some(*to),
                items: each + u64::from(place(n) < more),
            };
            let mut all: Vec<_> = members.iter().enumerate().map(share).collect();
            all.retain(|share| share.items > 0 || many == 1);
            all
        }
        Receivers::LeastLoaded(members) => least_loaded(members, items, loads),
    }
}

/// Fills those up first who have least, to the same level; of what is left at the end each of them
/// gets one.
fn least_loaded(members: &[MembershipId], items: u64, loads: &[Load]) -> Vec<Share> {
    let load =
        |of: MembershipId| loads.iter().find(|load| load.member == of).map_or(0, |load| load.items);
    let mut by_load: Vec<_> = members.iter().map(|member| (load(*member), *member)).collect();
    by_load.sort_unstable();
    // How many of them can be filled up to the load of the next one.
    let (mut many, mut sum) = (0_u64, 0_u64);
    for (load, _) in &by_load {
        if many > 0 && load.saturating_mul(many).saturating_sub(sum) >= items {
            break;
        }
        many += 1;
        sum = sum.saturating_add(*load);
    }
    let Some(level) = (sum.saturating_add(items)).checked_div(many) else { return Vec::new() };
    let mut more = sum.saturating_add(items) % many;
    let mut all = Vec::new();
    for (load, member) in by_load.into_iter().take(usize::try_from(many).unwrap_or(usize::MAX)) {
        let extra = u64::from(more > 0);
        more -= extra;
        let items = (level + extra).saturating_sub(load);
        if items > 0 {
            all.push(Share { to: Some(member), items });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn people(many: usize) -> Vec<MembershipId> {
        (1..=many as u128).map(|n| MembershipId::new(Uuid::from_u128(n))).collect()
    }

    fn of(shares: &[Share], member: MembershipId) -> u64 {
        shares.iter().filter(|it| it.to == Some(member)).map(|it| it.items).sum()
    }

    proptest! {
        #[test]
        fn taking_turns_gives_each_as_much_as_the_others(
            many in 1_usize..8, items in 0_u64..100, turn in any::<u32>(),
        ) {
            let all = people(many);
            let shares = shares(&Receivers::RoundRobin(all.clone()), items, &[], turn);
            let got: Vec<_> = all.iter().map(|it| of(&shares, *it)).collect();
            prop_assert_eq!(got.iter().sum::<u64>(), items);
            prop_assert!(got.iter().max().unwrap_or(&0) - got.iter().min().unwrap_or(&0) <= 1);
        }

        /// One item at a time to whoever has least, the first of them if several do.
        #[test]
        fn the_least_loaded_gets_the_next_item(
            loads in prop::collection::vec(0_u64..30, 1..8), items in 0_u64..100,
        ) {
            let all = people(loads.len());
            let known: Vec<_> = all
                .iter()
                .zip(&loads)
                .map(|(member, items)| Load { member: *member, items: *items })
                .collect();
            let shares = shares(&Receivers::LeastLoaded(all.clone()), items, &known, 0);
            let mut has: Vec<_> = loads.iter().copied().zip(all.iter().copied()).collect();
            for _ in 0..items {
                has.sort_unstable();
                if let Some((load, _)) = has.first_mut() {
                    *load += 1;
                }
            }
            has.sort_unstable_by_key(|(_, member)| *member);
            let levels = |all: Vec<u64>| { let mut all = all; all.sort_unstable(); all };
            let got: Vec<_> =
                all.iter().zip(&loads).map(|(it, load)| of(&shares, *it) + load).collect();
            prop_assert_eq!(shares.iter().map(|it| it.items).sum::<u64>(), items);
            prop_assert_eq!(levels(got), levels(has.into_iter().map(|(load, _)| load).collect()));
        }
    }

    #[test]
    fn turns_go_on_where_they_ended() {
        let all = people(3);
        let first = shares(&Receivers::RoundRobin(all.clone()), 4, &[], 0);
        let second = shares(&Receivers::RoundRobin(all.clone()), 4, &[], 4);
        let both = |it| of(&first, it) + of(&second, it);
        assert_eq!(all.iter().map(|it| both(*it)).collect::<Vec<_>>(), [3, 3, 2]);
        assert!(shares(&Receivers::RoundRobin(Vec::new()), 4, &[], 0).is_empty());
        assert!(shares(&Receivers::LeastLoaded(Vec::new()), 4, &[], 0).is_empty());
    }
}
