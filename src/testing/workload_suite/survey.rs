//! What is counted: kinds, surveys and loads.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::MOST_COUNTS;
use crate::domain::{KindName, Load, MembershipId, Place, Scope, WorkCount, WorkState};

use super::subject::{ADA, BOB, ELSEWHERE, EVE, NORTH, SOUTH, Subject, WHOLE};
use super::{Ability, NewItem};

type Counts = BTreeMap<(KindName, Place, WorkState), u64>;

/// What somebody holds, each combination once.
async fn counted(s: &Subject, scope: Scope, holder: MembershipId) -> Counts {
    let rows = s.answered(s.workload().survey(scope, holder).await);
    let mut counts = Counts::new();
    for WorkCount { kind, place, state, items } in rows {
        s.holds(items > 0, "a row has no items");
        let twice = counts.insert((kind, place, state), items).is_some();
        s.holds(!twice, "two rows have the same kind, place and state");
    }
    counts
}

/// Puts an item and notes it.
async fn put(s: &Subject, item: NewItem, counts: &mut Counts) {
    *counts.entry((item.kind.clone(), item.place.clone(), item.state)).or_insert(0) += 1;
    s.put(item).await;
}

pub(super) async fn there_is_work_and_its_kinds_stay_the_same(s: Subject) {
    let kinds = s.workload().kinds();
    s.holds(kinds.contains(&s.kind), "the kind is there for one host and not for the next");
    s.stack(1).await;
    s.same(&s.workload().kinds(), &kinds, "the kinds, asked again");
    let names: BTreeSet<_> = kinds.iter().map(|kind| kind.name.clone()).collect();
    s.holds(names.len() == kinds.len(), "two kinds have one name");
}

pub(super) async fn a_survey_counts_by_kind_and_place_and_state(s: Subject) {
    let mut due = Counts::new();
    put(&s, s.item(), &mut due).await;
    put(&s, s.item(), &mut due).await;
    put(&s, NewItem { place: s.place(1), ..s.item() }, &mut due).await;
    if s.knows(Ability::Closed) {
        put(&s, NewItem { state: WorkState::Closed, ..s.item() }, &mut due).await;
        let closed = NewItem { place: s.place(1), state: WorkState::Closed, ..s.item() };
        put(&s, closed, &mut due).await;
    }
    for kind in s.workload().kinds() {
        put(&s, s.item_of(&kind.name), &mut due).await;
    }
    s.put(NewItem { holder: Some(EVE), ..s.item() }).await;
    if s.knows(Ability::Unheld) {
        s.put(NewItem { holder: None, ..s.item() }).await;
    }
    s.same(&counted(&s, WHOLE, BOB).await, &due, "what Bob holds");
}

pub(super) async fn a_survey_has_no_row_without_items(s: Subject) {
    s.same(&counted(&s, WHOLE, BOB).await, &Counts::new(), "what Bob holds before there is any");
    s.stack(2).await;
    s.does(&s.batch(0)).await;
    s.same(&counted(&s, WHOLE, BOB).await, &Counts::new(), "what Bob holds when all has moved");
}

pub(super) async fn a_survey_is_of_one_scope(s: Subject) {
    let (mut whole, mut north, mut elsewhere) = (Counts::new(), Counts::new(), Counts::new());
    put(&s, s.item(), &mut whole).await;
    if s.knows(Ability::InWorkspaces) {
        put(&s, NewItem { scope: NORTH, ..s.item() }, &mut whole).await;
        put(&s, NewItem { scope: SOUTH, ..s.item() }, &mut whole).await;
        north.insert((s.kind.name.clone(), s.place(0), WorkState::Open), 1);
    }
    put(&s, NewItem { scope: ELSEWHERE, ..s.item() }, &mut elsewhere).await;
    s.same(&counted(&s, WHOLE, BOB).await, &whole, "an organization with its workspaces");
    s.same(&counted(&s, NORTH, BOB).await, &north, "one workspace alone");
    s.same(&counted(&s, ELSEWHERE, BOB).await, &elsewhere, "another organization");
}

pub(super) async fn a_survey_has_so_many_rows_at_most(s: Subject) {
    if !s.knows(Ability::Places) {
        return;
    }
    for number in (0..).take(MOST_COUNTS + 1) {
        s.put(NewItem { place: s.place(number), ..s.item() }).await;
    }
    let rows = counted(&s, WHOLE, BOB).await.len();
    s.holds(rows <= MOST_COUNTS, &format!("{rows} rows are more than {MOST_COUNTS}"));
    s.holds(rows > 0, "there are none at all");
}

async fn loads(s: &Subject, scope: Scope) -> BTreeMap<MembershipId, u64> {
    let answer = s.workload().loads(scope, &s.kind.name, &[ADA, BOB]).await;
    let rows = s.answered(answer);
    let loads: BTreeMap<_, _> =
        rows.iter().map(|Load { member, items }| (*member, *items)).collect();
    s.holds(loads.len() == rows.len(), "somebody is there twice");
    loads.into_iter().filter(|(_, items)| *items > 0).collect()
}

pub(super) async fn loads_are_of_open_items_of_one_kind(s: Subject) {
    s.stack(2).await;
    s.put(NewItem { place: s.place(1), ..s.item() }).await;
    s.put(NewItem { holder: Some(EVE), ..s.item() }).await;
    if s.knows(Ability::Closed) {
        s.put(NewItem { state: WorkState::Closed, ..s.item() }).await;
        s.put(NewItem { state: WorkState::Closed, holder: Some(ADA), ..s.item() }).await;
    }
    for kind in s.workload().kinds().into_iter().filter(|it| it.name != s.kind.name) {
        s.put(s.item_of(&kind.name)).await;
    }
    s.same(&loads(&s, WHOLE).await, &BTreeMap::from([(BOB, 3)]), "Ada's and Bob's open items");
}

pub(super) async fn loads_are_of_one_scope(s: Subject) {
    s.stack(1).await;
    let mut whole = 1;
    if s.knows(Ability::InWorkspaces) {
        s.put(NewItem { scope: NORTH, ..s.item() }).await;
        s.put(NewItem { scope: SOUTH, ..s.item() }).await;
        whole = 3;
        s.same(&loads(&s, NORTH).await, &BTreeMap::from([(BOB, 1)]), "in one workspace");
    }
    s.put(NewItem { scope: ELSEWHERE, ..s.item() }).await;
    s.same(&loads(&s, WHOLE).await, &BTreeMap::from([(BOB, whole)]), "in the organization");
}
