//! Races of the whole directory, against any store: to be lost by nobody.
//!
//! Each race sets a company's stage, lets contenders go at once (each through a directory of its
//! own, as several processes would), and looks at what is left: exactly as many winners as there
//! may be, a typed refusal for every loser, one audit entry for every winner, and the invariants of
//! the whole organization recounted.
//!
//! ```no_run
//! use tenure::adapters::memory::MemoryStore;
//! use tenure::testing::races;
//!
//! futures_executor::block_on(races::verify(|| async { MemoryStore::new() }));
//! ```
//!
//! Half of the rounds run in one task, where the store's calls are interleaved in an order that is
//! the same in every run; the other half between threads.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a suite fails by panicking, and its own stage is set"
)]

mod arena;
mod grants;
mod owners;
mod people;
mod seats;
mod work;

use std::future::Future;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::ports::Store;
use crate::testing::SharedStore;
use arena::Arena;

type Race = for<'a> fn(&'a mut Arena, u32) -> BoxFuture<'a, ()>;

macro_rules! races {
    ($($module:ident { $($race:ident,)+ })+) => {
        &[$($((stringify!($race), |arena, round| $module::$race(arena, round).boxed()),)+)+]
    };
}

/// Every race there is.
const RACES: &[(&str, Race)] = races! {
    owners {
        two_owners_demote_each_other,
        two_owners_leave_together,
        ownership_is_accepted_while_whoever_offered_it_is_removed,
    }
    seats {
        six_accept_the_last_seats,
        the_seat_limit_is_lowered_while_somebody_accepts,
    }
    people {
        one_address_is_invited_ten_times,
        an_invitation_is_accepted_and_revoked,
        an_invitation_is_accepted_twice,
        an_invitation_is_accepted_and_sent_again,
        the_inviter_is_deactivated_while_somebody_accepts,
        one_address_is_claimed_in_several_spellings,
        somebody_is_deactivated_while_signing_in,
        a_team_is_deleted_while_people_join_it,
        a_role_is_deleted_while_it_is_given,
    }
    grants {
        a_role_is_lent_while_its_giver_or_its_holder_is_demoted,
        a_role_is_deleted_while_it_is_lent,
        two_duties_come_together_at_once,
    }
    work {
        three_workers_drive_one_handover,
        three_workers_deliver_one_outbox,
    }
};

/// Rounds of each race.
const ROUNDS: u32 = 210;
/// Rounds at one company, in one store.
const AT_ONE_COMPANY: u32 = 35;

/// The names of the races.
pub fn names() -> impl Iterator<Item = &'static str> {
    RACES.iter().map(|(name, _)| *name)
}

/// Runs every race against a store, 210 rounds each.
///
/// # Panics
/// When somebody loses what nobody may lose; the message says in which race, and what.
pub async fn verify<S, F, Fut>(make_store: F)
where
    S: Store + 'static,
    F: Fn() -> Fut,
    Fut: Future<Output = S>,
{
    for (name, race) in RACES {
        run(name, *race, ROUNDS, true, &make_store).await;
    }
}

/// Like [`verify`], with every call on the runtime of the caller: for stores whose futures work
/// nowhere else.
///
/// # Panics
/// As [`verify`].
pub async fn verify_on_one_runtime<S, F, Fut>(make_store: F)
where
    S: Store + 'static,
    F: Fn() -> Fut,
    Fut: Future<Output = S>,
{
    for (name, race) in RACES {
        run(name, *race, ROUNDS, false, &make_store).await;
    }
}

/// Runs one race by name, this many rounds.
///
/// # Panics
/// As [`verify`]; and when there is no race of this name.
pub async fn verify_one<S, F, Fut>(race: &str, rounds: u32, make_store: F)
where
    S: Store + 'static,
    F: Fn() -> Fut,
    Fut: Future<Output = S>,
{
    let (name, race) = RACES.iter().find(|(name, _)| *name == race).unwrap();
    run(name, *race, rounds, true, &make_store).await;
}

/// Like [`verify_one`], with every call on the runtime of the caller.
///
/// # Panics
/// As [`verify_one`].
pub async fn verify_one_on_one_runtime<S, F, Fut>(race: &str, rounds: u32, make_store: F)
where
    S: Store + 'static,
    F: Fn() -> Fut,
    Fut: Future<Output = S>,
{
    let (name, race) = RACES.iter().find(|(name, _)| *name == race).unwrap();
    run(name, *race, rounds, false, &make_store).await;
}

async fn run<S, F, Fut>(name: &'static str, race: Race, rounds: u32, threads: bool, make_store: &F)
where
    S: Store + 'static,
    F: Fn() -> Fut,
    Fut: Future<Output = S>,
{
    let mut done = 0;
    let mut companies = 0;
    while done < rounds {
        companies += 1;
        let in_threads = threads && companies % 2 == 0;
        let mut arena = Arena::open(name, SharedStore::new(make_store().await), in_threads).await;
        for round in done..rounds.min(done + AT_ONE_COMPANY) {
            race(&mut arena, round).await;
            arena.is_sound().await;
        }
        arena.history_is_sound().await;
        done += AT_ONE_COMPANY;
    }
}
