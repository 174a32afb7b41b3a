//! What a lane remembers changes no answer: several directories on one store, each with a memory of
//! its own, answer as one that remembers nothing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_executor::block_on;
use tenure::adapters::memory::MemoryStore;
use tenure::adapters::sqlite::{Durability, SqliteOptions};
use tenure::commands::{
    AcceptOwnership, ChangeRole, ChangeTeamMembers, CreateTeam, Deactivate, EditProfile, EditRole,
    EndSessions, Invite, OfferOwnership, OverridePermission, Reactivate, ResumeOrganization,
    SetSeatLimit, SetTeamPermissions, SuspendOrganization, WorkOnReturn,
};
use tenure::domain::{
    ChangeSet, Claim, DeactivatedBecause, Key, MembershipStatus, Need, OrganizationStatus,
    Override, Reach, Record, State, TeamId, verify_chain,
};
use tenure::ports::{CommitError, Find, StoreError};
use tenure::testing::cast::{Company, Desk, KEY, roles};
use tenure::testing::{FakeEntropy, SharedStore};
use tenure::{
    Command, Error, KeyRing, Management, Principal, Profile, Refusal, Store, UserDirectory,
};

/// A store that keeps what it was asked.
#[derive(Clone)]
struct Asked(SharedStore, Arc<Mutex<Vec<Need>>>);

impl Asked {
    /// What was asked since the last time.
    fn take(&self) -> Vec<Need> {
        std::mem::take(&mut *self.1.lock().unwrap())
    }
}

#[async_trait]
impl Store for Asked {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        self.1.lock().unwrap().extend_from_slice(needs);
        self.0.load(needs).await
    }

    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        self.0.commit(changes).await
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        self.0.find(question).await
    }
}

/// Acme Help in a store, and two directories that remember it each on its own.
struct Town {
    company: Company,
    store: SharedStore,
    asked: Asked,
    here: UserDirectory,
    there: UserDirectory,
}

impl Town {
    fn new(store: impl Store + 'static) -> Self {
        let store = SharedStore::new(store);
        let company = block_on(Company::found(store.clone()));
        let asked = Asked(store.clone(), Arc::default());
        let here = house(&company, asked.clone(), 1);
        let there = house(&company, store.clone(), 2);
        Self { company, store, asked, here, there }
    }

    /// A directory that remembers nothing yet.
    fn stranger(&self, seed: u64) -> UserDirectory {
        house(&self.company, self.store.clone(), seed)
    }

    fn command(&self, directory: &UserDirectory, who: &str, command: impl Into<Command>) -> Answer {
        let done = block_on(directory.execute_command(self.company.principal(who), command.into()));
        match done {
            Ok(_) => Ok(()),
            Err(Error::Refused(refusal)) => Err(refusal),
            Err(other) => panic!("{other}"),
        }
    }

    fn here(&self, who: &str, command: impl Into<Command>) -> Answer {
        self.command(&self.here, who, command)
    }

    fn there(&self, who: &str, command: impl Into<Command>) {
        self.command(&self.there, who, command).unwrap();
    }

    fn invite(&self, name: &str) -> Invite {
        Invite::new(self.company.organization, Company::email(name), "agent".parse().unwrap())
    }

    fn rename(&self, name: &str, to: &str) -> EditProfile {
        let scope = self.company.organization.into();
        let fields = Profile::named(to).unwrap().0;
        EditProfile { scope, membership: self.company.member(name).membership, fields }
    }

    fn change_role(&self, name: &str, role: &str) -> ChangeRole {
        let scope = self.company.organization.into();
        let membership = self.company.member(name).membership;
        ChangeRole { scope, membership, role: role.parse().unwrap(), handover: None }
    }

    /// The answer is a refusal, and the same as from somebody who remembers nothing.
    fn is_refused_here(&self, who: &str, command: impl Into<Command>) -> Refusal {
        let command = command.into();
        let refusal = self.here(who, command.clone()).unwrap_err();
        assert_eq!(self.command(&self.stranger(3), who, command), Err(refusal.clone()));
        refusal
    }

    fn asks_for_organization(&self) -> bool {
        let need = Need::Record(Key::Organization(self.company.organization));
        self.asked.take().contains(&need)
    }

    fn chain_verifies(&self) {
        let Company { organization, .. } = self.company;
        let who = Principal::System;
        let page = self.here.audit(&who, organization, tenure::domain::Revision::NONE, 500);
        let page = block_on(page).unwrap();
        verify_chain(tenure::domain::Head::default(), &page.entries).unwrap();
    }
}

type Answer = Result<(), Refusal>;

fn house(company: &Company, store: impl Store + 'static, seed: u64) -> UserDirectory {
    UserDirectory::builder_with(
        store,
        company.postbox.clone(),
        KeyRing::new(KEY),
        company.clock.clone(),
        FakeEntropy::new(1_000 + seed),
    )
    .permissions::<Desk>()
    .workload(company.workload.clone())
    .build()
}

/// On either store.
fn in_each_town(test: impl Fn(&Town)) {
    test(&Town::new(MemoryStore::new()));
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new(folder.path().join("people.db"));
    test(&Town::new(options.durability(Durability::Process).open().unwrap()));
}

// ── What is remembered ──────────────────────────────────────────────────────────────────────────

#[test]
fn whoever_acts_again_is_not_looked_up_again() {
    in_each_town(|town| {
        let user = town.company.member("ada").user.unwrap();
        let own = Need::Holder(Claim::MembershipUser(town.company.organization.into(), user));
        town.here("ada", town.invite("nina")).unwrap();
        assert!(town.asked.take().contains(&own));
        town.here("ada", town.invite("nora")).unwrap();
        let asked = town.asked.take();
        assert!(!asked.contains(&own));
        assert!(!asked.contains(&Need::Record(Key::Organization(town.company.organization))));
        // The one invited is looked up all the same.
        assert!(!asked.is_empty());
    });
}

#[test]
fn somebody_else_is_looked_up_and_the_organization_is_not() {
    in_each_town(|town| {
        let user = town.company.member("amir").user.unwrap();
        let own = Need::Holder(Claim::MembershipUser(town.company.organization.into(), user));
        town.here("ada", town.invite("nina")).unwrap();
        town.asked.take();
        town.here("amir", town.invite("nora")).unwrap();
        let asked = town.asked.take();
        assert!(asked.contains(&own));
        assert!(!asked.contains(&Need::Record(Key::Organization(town.company.organization))));
    });
}

#[test]
fn a_refusal_is_looked_up_afresh() {
    in_each_town(|town| {
        town.here("ada", town.invite("nina")).unwrap();
        town.asked.take();
        assert_eq!(
            town.here("ada", town.invite("nina")),
            Err(Refusal::AlreadyMember(tenure::domain::StatusName::Invited))
        );
        assert!(town.asks_for_organization());
    });
}

#[test]
fn no_more_than_sixteen_actors_are_remembered() {
    let mut town = Town::new(MemoryStore::new());
    let names: Vec<&'static str> =
        (0..17).map(|n| &*Box::leak(format!("person{n}").into_boxed_str())).collect();
    for name in &names {
        block_on(town.company.bring_in(name, "agent"));
    }
    let looked_up = |name: &str, to: &str| {
        town.asked.take();
        town.here(name, town.rename(name, to)).unwrap();
        let user = town.company.member(name).user.unwrap();
        let own = Need::Holder(Claim::MembershipUser(town.company.organization.into(), user));
        town.asked.take().contains(&own)
    };
    for name in &names {
        assert!(looked_up(name, "First"), "{name}");
    }
    for name in names.iter().skip(1) {
        assert!(!looked_up(name, "Second"), "{name}");
    }
    assert!(looked_up("person0", "Second"));
}

#[test]
fn no_more_than_sixty_four_organizations_are_remembered() {
    let town = Town::new(MemoryStore::new());
    let founder = town.company.member("olivia").user.unwrap();
    let found = || {
        let command = tenure::commands::FoundOrganization {
            organization: town.here.new_id(),
            name: "Another".parse().unwrap(),
            realm: tenure::Realm::Shared,
            founder,
            profile: Profile::named("Olivia").unwrap(),
            role: "owner".parse().unwrap(),
            roles: roles(),
            rules: tenure::Rules::default(),
            seat_limit: None,
        };
        block_on(town.here.execute(Principal::System, command)).unwrap();
    };
    town.here("ada", town.invite("nina")).unwrap();
    (0..63).for_each(|_| found());
    town.asked.take();
    town.here("ada", town.invite("nora")).unwrap();
    assert!(!town.asks_for_organization());
    (0..64).for_each(|_| found());
    town.asked.take();
    town.here("ada", town.invite("nils")).unwrap();
    assert!(town.asks_for_organization());
}

// ── What others change meanwhile ────────────────────────────────────────────────────────────────

#[test]
fn whoever_was_demoted_elsewhere_is_refused() {
    in_each_town(|town| {
        town.here("ada", town.invite("nina")).unwrap();
        town.there("olivia", town.change_role("ada", "agent"));
        let refusal = town.is_refused_here("ada", town.invite("nora"));
        assert_eq!(refusal, Refusal::MissingPermission(Management::Invite.into()));
        town.chain_verifies();
    });
}

#[test]
fn whoever_was_deactivated_elsewhere_is_refused() {
    in_each_town(|town| {
        town.here("ada", town.invite("nina")).unwrap();
        let membership = town.company.member("ada").membership;
        let (because, handover) = (DeactivatedBecause::Leave, None);
        let scope = town.company.organization.into();
        town.there("olivia", Deactivate { scope, membership, because, handover });
        town.is_refused_here("ada", town.invite("nora"));
        town.there("olivia", Reactivate { scope, membership, work: WorkOnReturn::StaysWhereItIs });
        town.here("ada", town.invite("nora")).unwrap();
        town.chain_verifies();
    });
}

#[test]
fn a_suspended_organization_refuses_here_too_until_it_is_resumed() {
    in_each_town(|town| {
        let organization = town.company.organization;
        town.here("ada", town.invite("nina")).unwrap();
        town.there("system", SuspendOrganization { organization });
        let refusal = town.is_refused_here("ada", town.invite("nora"));
        assert!(matches!(
            refusal,
            Refusal::OrganizationNotActive(OrganizationStatus::Suspended { .. })
        ));
        town.there("system", ResumeOrganization { organization });
        town.here("ada", town.invite("nora")).unwrap();
        town.chain_verifies();
    });
}

#[test]
fn a_refusal_that_was_lifted_elsewhere_is_not_given() {
    in_each_town(|town| {
        town.here("bob", town.rename("bob", "Robert")).unwrap();
        town.there("olivia", town.change_role("bob", "admin"));
        town.here("bob", town.invite("nina")).unwrap();
        town.chain_verifies();
    });
}

#[test]
fn seats_that_were_taken_and_freed_elsewhere_count() {
    in_each_town(|town| {
        let organization = town.company.organization;
        let scope = organization.into();
        let limit = |limit| SetSeatLimit { organization, limit: Some(limit) };
        let dora = Reactivate {
            scope,
            membership: town.company.member("dora").membership,
            work: WorkOnReturn::StaysWhereItIs,
        };
        let bob = town.company.member("bob").membership;
        let (because, handover) = (DeactivatedBecause::Leave, None);
        town.here("olivia", limit(5)).unwrap();
        let refusal = town.is_refused_here("olivia", dora.clone());
        assert_eq!(refusal, Refusal::SeatsFull { used: 5, limit: 5 });
        town.here("olivia", town.rename("bob", "Robert")).unwrap();
        town.there("olivia", limit(6));
        town.here("olivia", dora).unwrap();
        town.there("olivia", Deactivate { scope, membership: bob, because, handover });
        town.there("olivia", limit(5));
        town.is_refused_here(
            "olivia",
            Reactivate { scope, membership: bob, work: WorkOnReturn::StaysWhereItIs },
        );
        town.chain_verifies();
    });
}

#[test]
fn what_a_team_gave_is_gone_when_it_is_taken_elsewhere() {
    in_each_town(|town| {
        let organization = town.company.organization;
        let members = vec![town.company.member("bob").membership];
        let name = "Welcome".parse().unwrap();
        let team = CreateTeam { organization, name, description: None, members };
        let team = block_on(town.there.execute(town.company.principal("olivia"), team));
        let team = team.unwrap().output;
        let give = |permissions: BTreeMap<_, _>| SetTeamPermissions {
            organization,
            team,
            permissions,
            fence: tenure::domain::Fence::default(),
        };
        town.there("olivia", give([(Management::EditPeople.into(), Reach::ALL)].into()));
        town.here("bob", town.rename("carl", "Charles")).unwrap();
        town.asked.take();
        town.here("bob", town.rename("carl", "Karl")).unwrap();
        assert!(!town.asks_for_organization());
        town.there("olivia", give(BTreeMap::new()));
        town.is_refused_here("bob", town.rename("carl", "Carlo"));
        town.chain_verifies();
    });
}

#[test]
fn what_one_batch_changes_of_an_actor_the_next_one_knows() {
    in_each_town(|town| {
        town.here("ada", town.invite("nina")).unwrap();
        town.here("olivia", town.change_role("ada", "agent")).unwrap();
        town.is_refused_here("ada", town.invite("nora"));
        town.here("olivia", town.change_role("ada", "admin")).unwrap();
        town.here("ada", town.invite("nora")).unwrap();
        town.chain_verifies();
    });
}

#[test]
fn an_offer_that_was_made_here_is_found_by_whoever_acted_before() {
    in_each_town(|town| {
        let organization = town.company.organization;
        town.here("ada", town.invite("nina")).unwrap();
        let membership = town.company.member("ada").membership;
        let then_become = Some("admin".parse().unwrap());
        let role = "owner".parse().unwrap();
        let offer = OfferOwnership { organization, membership, role, then_become };
        town.here("olivia", offer).unwrap();
        town.here("ada", town.rename("bob", "Robert")).unwrap();
        town.here("ada", AcceptOwnership { organization }).unwrap();
        town.here("ada", town.change_role("olivia", "agent")).unwrap();
        town.chain_verifies();
    });
}

// ── Whatever comes ──────────────────────────────────────────────────────────────────────────────

/// Numbers that follow from a seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all.get(self.below(all.len())).unwrap()
    }
}

const PEOPLE: [&str; 7] = ["olivia", "ada", "amir", "bob", "berta", "vera", "carl"];

fn any_command(town: &Town, team: TeamId, numbers: &mut Numbers) -> (&'static str, Command) {
    let organization = town.company.organization;
    let scope = organization.into();
    let who = *PEOPLE.get(numbers.below(4)).unwrap();
    let whom = numbers.one_of(&PEOPLE);
    let membership = town.company.member(whom).membership;
    let command = match numbers.below(14) {
        0..=2 => town.invite(&format!("new{}", numbers.below(30))).into(),
        3 => town.change_role(whom, numbers.one_of(&["admin", "agent", "customer"])).into(),
        4 => town.rename(whom, numbers.one_of(&["A", "B", "C"])).into(),
        5 => {
            let because = DeactivatedBecause::Leave;
            Deactivate { scope, membership, because, handover: None }.into()
        }
        6 | 7 => Reactivate { scope, membership, work: WorkOnReturn::StaysWhereItIs }.into(),
        8 => ChangeTeamMembers {
            organization,
            team,
            join: vec![membership],
            leave: Vec::new(),
            handover: None,
        }
        .into(),
        9 => ChangeTeamMembers {
            organization,
            team,
            join: Vec::new(),
            leave: vec![membership],
            handover: None,
        }
        .into(),
        10 => {
            let permissions = match numbers.below(2) {
                0 => BTreeMap::new(),
                _ => [(Management::Invite.into(), Reach::ALL)].into(),
            };
            let fence = tenure::domain::Fence::default();
            SetTeamPermissions { organization, team, permissions, fence }.into()
        }
        11 => {
            let permission = Management::Invite.into();
            let to = (numbers.below(2) == 0).then_some(Override::Deny);
            OverridePermission { scope, membership, permission, to }.into()
        }
        12 => {
            let mut role = roles().into_iter().find(|role| role.name.as_str() == "admin").unwrap();
            if numbers.below(2) == 0 {
                role = role.all_but([Management::EditPeople, Management::Billing]);
            }
            EditRole { organization, role }.into()
        }
        _ => match numbers.below(6) {
            0 => return ("system", SuspendOrganization { organization }.into()),
            1..=3 => return ("system", ResumeOrganization { organization }.into()),
            4 => SetSeatLimit { organization, limit: Some(12) }.into(),
            _ => EndSessions { scope, membership }.into(),
        },
    };
    (who, command)
}

/// What there is of the company, leaving out what is drawn.
fn is(town: &Town) -> String {
    let mut needs = vec![Need::Record(Key::Organization(town.company.organization))];
    needs.extend(
        PEOPLE.map(|name| Need::Record(Key::Membership(town.company.member(name).membership))),
    );
    let state = State::new(block_on(town.store.load(&needs)).unwrap());
    let it = state.organization(town.company.organization).unwrap();
    let status = |of: MembershipStatus| of.name();
    let people: Vec<_> = PEOPLE
        .iter()
        .map(|name| {
            let id = town.company.member(name).membership;
            let it = state.membership(town.company.organization, id).unwrap();
            let teams = it.teams.len();
            (status(it.status), &it.role, &it.overrides, teams, &it.profile, it.epoch)
        })
        .collect();
    let roles: Vec<_> = state.roles(it.id).collect();
    format!("{:?} {:?} {:?} {people:?} {roles:?}", it.status, it.tally, it.seat_limit)
}

#[test]
fn two_that_remember_answer_as_many_that_do_not() {
    for seed in 0..12 {
        let (remembering, forgetting) =
            (Town::new(MemoryStore::new()), Town::new(MemoryStore::new()));
        let [team, same] = [&remembering, &forgetting].map(|town| {
            let name = "Welcome".parse().unwrap();
            let (organization, members) = (town.company.organization, Vec::new());
            let team = CreateTeam { organization, name, description: None, members };
            block_on(town.here.execute(town.company.principal("olivia"), team)).unwrap().output
        });
        assert_eq!(team, same);
        let mut numbers = Numbers(seed);
        let mut done = 0;
        for turn in 0..250 {
            let (who, command) = any_command(&remembering, team, &mut numbers);
            let house = if numbers.below(3) == 0 { &remembering.there } else { &remembering.here };
            let answer = remembering.command(house, who, command.clone());
            let stranger = forgetting.stranger(turn);
            let expected = forgetting.command(&stranger, who, command.clone());
            assert_eq!(answer, expected, "seed {seed}, turn {turn}: {who} asks {command:?}");
            done += u32::from(answer.is_ok());
        }
        assert!(done > 30, "seed {seed}: {done}");
        assert_eq!(is(&remembering), is(&forgetting));
        remembering.chain_verifies();
    }
}
