//! Proof that a store keeps the whole contract of [`Store`].
//!
//! A host that writes its own store calls [`verify`] in a test, with a way to make an empty one:
//!
//! ```
//! use tenure::adapters::memory::MemoryStore;
//! use tenure::testing::store_suite;
//!
//! futures_executor::block_on(store_suite::verify(|| async { MemoryStore::default() }));
//! ```
//!
//! Each check has a store of its own and is named by the promise it holds the store to; the message
//! of the panic says which one is broken, and how. The suite uses nothing of a store but its three
//! methods.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a conformance suite fails by panicking, and its own records are well formed"
)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "the numbers of the suite's own records are small"
)]

mod at_once;
mod audit;
mod claims;
mod commits;
mod crowd;
mod guards;
mod handovers;
mod loads;
mod pages;
mod people;
mod races;
mod samples;
mod subject;
mod values;

use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::ports::Store;
use subject::{Contest, Subject};

type Check = fn(Subject) -> BoxFuture<'static, ()>;

macro_rules! checks {
    ($($module:ident { $($check:ident,)+ })+) => {
        &[$($((stringify!($check), |subject| $module::$check(subject).boxed()),)+)+]
    };
}

/// Every check there is. One that is not listed here is dead code, and the compiler says so.
const CHECKS: &[(&str, Check)] = checks! {
    loads {
        what_does_not_exist_is_not_found,
        every_kind_of_record_comes_back_as_it_was_put,
        a_record_put_again_replaces_the_one_before,
        a_deleted_record_is_gone,
        many_needs_are_met_at_once,
        an_organization_comes_with_its_roles,
        a_membership_comes_with_its_teams_and_its_open_invitation,
        an_invitation_comes_with_its_memberships_and_their_teams,
        a_membership_comes_with_its_workspace,
        a_membership_comes_with_whoever_offers_it_ownership,
        an_invitation_comes_with_its_issuer_and_all_the_issuer_is,
        a_holder_comes_with_its_company,
        a_person_comes_with_their_user_and_their_other_memberships,
        a_past_is_tombstones_and_how_they_came,
        the_oldest_open_invitations_of_an_issuer_come_first,
        the_open_invitations_that_run_out_first_come_first,
        a_load_sees_one_instant,
    }
    guards {
        a_guard_holds_only_for_the_right_version,
        a_guard_of_no_version_holds_only_for_what_does_not_exist,
        one_broken_guard_among_many_is_a_conflict,
    }
    claims {
        a_claim_is_held_until_it_is_released,
        claims_that_differ_do_not_touch,
        releases_come_before_claims,
        a_release_by_a_stranger_frees_nothing,
        a_claim_is_made_once_in_one_change_set,
    }
    commits {
        a_change_set_that_fails_leaves_nothing_behind,
        an_empty_change_set_changes_nothing,
    }
    audit {
        an_entry_comes_back_with_its_detail,
        an_entry_that_stands_already_is_a_conflict,
        a_forgotten_membership_leaves_the_entries_and_no_detail,
        a_forgotten_user_leaves_the_entries_and_no_detail,
        what_is_forgotten_and_said_at_once_is_forgotten,
        entries_are_read_in_their_order,
        the_feed_has_every_entry_of_organizations_in_one_order,
        nothing_appears_behind_a_feed_position,
    }
    pages {
        memberships_of_a_user_are_those_live_by_id,
        invitations_are_those_with_the_status_by_id,
        teams_are_those_not_deleted_by_id,
        workspaces_support_and_handovers_are_listed_by_id,
        due_mail_comes_in_the_order_in_which_it_is_due,
        due_handovers_are_those_that_somebody_has_to_see_to,
        expired_invitations_are_those_open,
        due_closings_are_organizations_that_close,
    }
    handovers {
        a_handover_comes_with_whoever_it_is_from,
        the_handovers_that_concern_a_person_come_with_the_last_first,
        receipts_of_a_handover_are_listed_by_number,
        the_active_members_of_a_team_come_by_id,
    }
    people {
        people_are_listed_as_the_filter_says,
        people_stand_in_the_order_of_code_points,
    }
    at_once {
        of_two_records_with_one_key_the_later_is_kept,
        what_is_put_and_deleted_at_once_is_gone,
        a_change_set_of_thousands_is_committed_whole,
    }
    values {
        texts_come_back_letter_by_letter,
        instants_are_kept_to_the_microsecond,
    }
    races {
        one_of_many_with_the_same_guard_wins,
        one_of_many_that_put_the_same_new_record_wins,
        one_of_many_with_the_same_claim_wins,
        one_of_many_with_the_same_audit_position_wins,
    }
};

/// Checks that a store keeps every promise of [`Store`], each with a new store.
///
/// Some checks commit from threads of their own, outside any runtime. For a store whose futures
/// work only on the runtime that made it, use [`verify_on_one_runtime`].
///
/// # Panics
/// When the store breaks a promise; the message says which.
pub async fn verify<S, F, Fut>(make_store: F)
where
    S: Store + 'static,
    F: Fn() -> Fut,
    Fut: Future<Output = S>,
{
    run(make_store, Contest::BetweenThreads).await;
}

/// Like [`verify`], with every commit on the runtime of the caller.
///
/// # Panics
/// When the store breaks a promise; the message says which.
pub async fn verify_on_one_runtime<S, F, Fut>(make_store: F)
where
    S: Store + 'static,
    F: Fn() -> Fut,
    Fut: Future<Output = S>,
{
    run(make_store, Contest::OnOneRuntime).await;
}

async fn run<S, F, Fut>(make_store: F, contest: Contest)
where
    S: Store + 'static,
    F: Fn() -> Fut,
    Fut: Future<Output = S>,
{
    for (promise, check) in CHECKS {
        check(Subject::new(Arc::new(make_store().await), promise, contest)).await;
    }
}
