//! Proof that a host's work keeps the whole contract of [`Workload`].
//!
//! A host says how its own people make items and deal with them ([`Host`]), and calls [`verify`] in
//! a test, with a way to begin without items. `examples/offboarding/work.rs` is a workload on SQL;
//! `tests/workload_suite.rs` holds it to the contract.
//!
//! Each check begins anew for each kind of work and is named by the promise that it holds the
//! workload to; the message of the panic says which one is broken, for which kind, and how.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a conformance suite fails by panicking, and its own items are where it put them"
)]

mod held_back;
mod look;
mod named;
mod next;
mod once;
mod subject;
mod survey;
mod untouched;
mod what_moves;

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::domain::{ItemId, KindName, MembershipId, Place, Reason, Scope, WorkState};
use crate::ports::Workload;
use subject::{Contest, Subject};

/// A host as its own people deal with its work: what the suite has to do besides asking the
/// workload.
///
/// Every call is done when it comes back, and fails by panicking.
#[async_trait]
pub trait Host: Send + Sync {
    /// The workload under test.
    fn workload(&self) -> &dyn Workload;

    /// Whether items of a kind can be so at this host. What they cannot be is not checked.
    fn knows(&self, kind: &KindName, ability: Ability) -> bool;

    /// One of the places in which items of a kind can lie: each number is another one. Asked only
    /// for kinds that know [`Ability::Places`].
    fn place(&self, kind: &KindName, number: u32) -> Place;

    /// Makes an item, and says its name. It comes behind all others in the host's order.
    async fn put(&self, item: NewItem) -> ItemId;

    /// Somebody does something to an item that leaves its holder: answers it, changes its text.
    async fn touch(&self, kind: &KindName, item: &ItemId);

    /// Somebody gives an item to somebody, by the host's own means.
    async fn give(&self, kind: &KindName, item: &ItemId, to: MembershipId);

    /// From now on the host does not let an item go. Asked only for kinds that know
    /// [`Ability::HeldBack`].
    async fn hold_back(&self, kind: &KindName, item: &ItemId, because: &Reason);

    /// Reads what is on record of an item.
    async fn read(&self, kind: &KindName, item: &ItemId) -> OnRecord;
}

/// What items of a kind can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    /// Finished.
    Closed,
    /// Held by nobody.
    Unheld,
    /// In a workspace, not only in the organization itself.
    InWorkspaces,
    /// In listed resources: inboxes.
    Places,
    /// Held back by the host.
    HeldBack,
}

/// An item to be made.
#[derive(Clone, Debug)]
pub struct NewItem {
    /// The organization or workspace that it lies in.
    pub scope: Scope,
    /// Its kind.
    pub kind: KindName,
    /// Where in there it lies.
    pub place: Place,
    /// Whether it is still being worked on.
    pub state: WorkState,
    /// Who holds it, if anybody does; for authored work, who wrote it.
    pub holder: Option<MembershipId>,
}

/// What a host has on record of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnRecord {
    /// Who holds it, if anybody does; for authored work, who is credited.
    pub holder: Option<MembershipId>,
    /// Who wrote it in the beginning; none for kinds that are not authored.
    pub original_author: Option<MembershipId>,
    /// Everything else but the batch that moved it, in any words: its state, its place, its dates.
    pub rest: String,
}

type Check = fn(Subject) -> BoxFuture<'static, ()>;

macro_rules! checks {
    ($($module:ident { $($check:ident,)+ })+) => {
        &[$($((stringify!($check), |subject| $module::$check(subject).boxed()),)+)+]
    };
}

/// Every check there is. One that is not listed here is dead code, and the compiler says so.
const CHECKS: &[(&str, Check)] = checks! {
    survey {
        there_is_work_and_its_kinds_stay_the_same,
        a_survey_counts_by_kind_and_place_and_state,
        a_survey_has_no_row_without_items,
        a_survey_is_of_one_scope,
        a_survey_has_so_many_rows_at_most,
        loads_are_of_open_items_of_one_kind,
        loads_are_of_one_scope,
    }
    look {
        a_look_says_where_items_lie_in_which_state_and_who_holds_them,
        a_look_leaves_out_what_is_not_there,
        a_look_says_which_batch_was_the_last_to_touch_an_item,
        surveys_and_looks_change_nothing,
    }
    what_moves {
        the_original_author_stays_on_record,
        a_batch_changes_who_holds_an_item_and_nothing_else,
        a_batch_moves_items_held_by_that_person,
        a_batch_moves_items_that_nobody_holds_and_to_nobody,
        a_batch_moves_items_of_the_kind,
        a_batch_moves_items_in_the_scope,
        a_batch_moves_items_in_those_states,
        a_batch_moves_items_in_exactly_that_place,
    }
    next {
        the_next_items_come_in_an_order_that_does_not_change,
        there_is_more_if_there_are_more_such_items_behind,
    }
    named {
        those_named_move_and_no_others,
        what_is_named_and_does_not_move_is_skipped_with_the_reason,
    }
    once {
        a_batch_is_done_once_under_its_name,
        whatever_the_rest_of_a_batch_says_the_first_answer_stands,
        an_emptied_batch_says_what_was_done,
        nothing_is_ever_moved_under_the_name_of_an_empty_batch,
        batches_are_told_apart_by_handover_and_number,
        one_batch_asked_for_by_many_at_once_is_done_once,
        an_item_moves_with_one_of_two_batches_at_once,
    }
    untouched {
        only_those_that_the_batch_moved_move_back,
        what_was_touched_since_stays,
        what_another_batch_moved_since_stays,
    }
    held_back {
        what_is_held_back_is_skipped_with_the_reason,
        what_is_held_back_is_looked_at_once,
    }
};

/// Checks that a host's work keeps every promise of [`Workload`], each for each kind and with a new
/// host.
///
/// Some checks ask from threads of their own, outside any runtime. For a workload whose futures
/// work only on the runtime that made it, use [`verify_on_one_runtime`].
///
/// ```
/// # use tenure::testing::workload_suite::{self, Host};
/// fn my_work_keeps_the_contract(a_new_host: impl Fn() -> Box<dyn Host>) {
///     let make = || async { a_new_host() };
///     futures_executor::block_on(workload_suite::verify(make));
/// }
/// ```
///
/// # Panics
/// When the workload breaks a promise; the message says which.
pub async fn verify<F, Fut>(make_host: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Box<dyn Host>>,
{
    run(make_host, Contest::BetweenThreads).await;
}

/// Like [`verify`], with every call on the runtime of the caller.
///
/// # Panics
/// When the workload breaks a promise; the message says which.
pub async fn verify_on_one_runtime<F, Fut>(make_host: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Box<dyn Host>>,
{
    run(make_host, Contest::OnOneRuntime).await;
}

async fn run<F, Fut>(make_host: F, contest: Contest)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Box<dyn Host>>,
{
    let kinds = make_host().await.workload().kinds();
    assert!(!kinds.is_empty(), "the workload has no kinds");
    for kind in kinds {
        for (promise, check) in CHECKS {
            let host = Arc::from(make_host().await);
            check(Subject::new(host, kind.clone(), promise, contest)).await;
        }
    }
}
