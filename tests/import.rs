//! Lists of people with the blemishes that real ones have, and what becomes of them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use proptest::prelude::*;
use tenure::adapters::memory::MemoryStore;
use tenure::adapters::sqlite::SqliteStore;
use tenure::commands::{
    Block, ImportProblem, Review, RevokeInvitation, RowProblem, SetSeatLimit, review_addresses,
    review_csv,
};
use tenure::domain::{
    BatchRoles, OrganizationId, Refusal, RoleName, Rules, SeatUse, Source, StatusName, Stream,
};
use tenure::testing::cast::{Company, roles};
use tenure::{Batching, Error, Principal, Role};

const BLEMISHED: &[u8] = "\u{feff}Name,E-Mail,ROLE,Notes\r\n\
    Nadia Haddad,Nadia@Acme.Example,Agent,\r\n\
    \"Okafor, Chidi\",chidi@acme.example,agent,\"speaks Igbo, English\"\r\n\
    山田 花子,hanako@acme.example,,\r\n\
    Nadia again,nadia@ACME.example,agent,\r\n\
    No At,not-an-address,agent,\r\n\
    Wrong Role,wrong@acme.example,wizard,\r\n\
    Bob,bob@acme.example,agent,here already\r\n\
    Ivan,ivan@acme.example,agent,invited already\r\n\
    Vera Viewer,vv@acme.example,viewer,nobody is invited as a viewer\r\n\
    Big Boss,boss@acme.example,owner,an admin makes no owner\r\n\
    Short,short@acme.example\r\n"
    .as_bytes();

fn agent() -> RoleName {
    "agent".parse().unwrap()
}

fn blemished(company: &Company) -> Review {
    review_csv(BLEMISHED, company.organization, &agent(), &roles())
}

fn lines(review: &Review) -> (Vec<u64>, Vec<u64>) {
    let invites = review.invites.iter().map(|it| it.line).collect();
    (invites, review.problems.iter().map(|it| it.line).collect())
}

fn refusal(review: &Review, line: u64) -> &Refusal {
    let problem = review.problems.iter().find(|it| it.line == line).unwrap();
    let ImportProblem::Refused(refusal) = &problem.problem else { panic!("{problem}") };
    refusal
}

/// The seats and the refusals that a review foretold are those that the import meets.
async fn agrees(company: &Company, who: &Principal, read: Review) -> Review {
    let organization = company.organization;
    let before = company.directory.seats(&company.principal("olivia"), organization).await.unwrap();
    let reviewed = company.directory.review(who, organization, read.clone()).await.unwrap().review;
    let after = company.directory.seats(&company.principal("olivia"), organization).await.unwrap();
    assert_eq!(before, after, "a review commits nothing");
    let how = Batching::each();
    let answers = company.directory.import(who, &read, how).await.unwrap();
    assert_eq!(answers.len(), read.invites.len());
    for (row, answer) in read.invites.iter().zip(answers) {
        let is_it = |it: &&RowProblem| it.excerpt == row.invite.email.as_str();
        let foretold = reviewed.problems.iter().find(is_it);
        match (answer, foretold) {
            (Ok(_), None) => assert!(reviewed.invites.contains(row)),
            (Err(Error::Refused(refusal)), Some(problem)) => {
                assert_eq!(problem.problem, ImportProblem::Refused(refusal));
            }
            (answer, foretold) => panic!("line {}: {answer:?}, not {foretold:?}", row.line),
        }
    }
    reviewed
}

#[tokio::test]
#[expect(non_snake_case, reason = "it names the capability")]
async fn S1_51_a_file_is_reviewed_and_then_sent() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("people.db")).unwrap();
    let company = Company::found(store).await;
    let ada = company.principal("ada");
    let read = blemished(&company);
    assert_eq!(lines(&read), (vec![2, 3, 4, 8, 9, 10, 11, 12], vec![5, 6, 7]));
    assert_eq!(read.ignored, ["Notes"]);
    let reviewed = agrees(&company, &ada, read).await;
    assert_eq!(lines(&reviewed), (vec![2, 3, 4, 12], vec![5, 6, 7, 8, 9, 10, 11]));
    assert_eq!(*refusal(&reviewed, 8), Refusal::AlreadyMember(StatusName::Active));
    assert_eq!(*refusal(&reviewed, 9), Refusal::AlreadyMember(StatusName::Invited));
    assert_eq!(*refusal(&reviewed, 10), Refusal::NotInvitable("viewer".parse().unwrap()));
    assert_eq!(*refusal(&reviewed, 11), Refusal::MayNotAssign("owner".parse().unwrap()));
    let stream = Stream::Organization(company.organization);
    company.directory.verify_audit(stream).await.unwrap();
    let page = company
        .directory
        .audit(&ada, company.organization, tenure::domain::Revision::NONE, 500)
        .await
        .unwrap();
    let imported = page.entries.iter().filter(|it| it.entry.source == Some(Source::Import));
    assert_eq!(imported.count(), 4);
}

#[tokio::test]
#[expect(non_snake_case, reason = "it names the capability")]
async fn S0_12_several_addresses_with_one_role() {
    let company = Company::found(MemoryStore::new()).await;
    let text = "eve@acme.example, Finn Ito <finn@acme.example>;bob@acme.example\nEVE@acme.example";
    let read = review_addresses(text, company.organization, &agent());
    let reviewed = agrees(&company, &company.principal("ada"), read).await;
    let invited: Vec<_> = reviewed.invites.iter().map(|it| it.invite.email.as_str()).collect();
    assert_eq!(invited, ["eve@acme.example", "finn@acme.example"]);
}

#[tokio::test]
async fn a_blocked_person_stays_out_and_a_revoked_one_may_come() {
    let company = Company::found(MemoryStore::new()).await;
    let (organization, olivia) = (company.organization, company.principal("olivia"));
    let membership = company.member("bob").membership;
    let block = Block { organization, membership, handover: None };
    company.directory.execute(&olivia, block).await.unwrap();
    let invitation = company.member("ivan").invitation.unwrap();
    let revoke = RevokeInvitation { scope: organization.into(), invitation };
    company.directory.execute(&olivia, revoke).await.unwrap();
    let read = review_addresses("bob@acme.example ivan@acme.example", organization, &agent());
    let reviewed = agrees(&company, &olivia, read).await;
    assert_eq!(reviewed.invites.len(), 1);
    assert_eq!(reviewed.problems[0].problem, ImportProblem::Refused(Refusal::Blocked));
}

#[tokio::test]
#[expect(non_snake_case, reason = "it names the contradiction")]
async fn C3_one_role_for_all_or_one_for_each_row() {
    for (batch, mixed_is_fine) in [(BatchRoles::PerRow, true), (BatchRoles::OneRole, false)] {
        let rules = Rules { batch, ..Rules::default() };
        let company = Company::found_with(MemoryStore::new(), roles(), rules, None).await;
        let (organization, ada) = (company.organization, company.principal("ada"));
        let file = b"email,role\nx@acme.example,agent\ny@acme.example,customer";
        let mixed = review_csv(file, organization, &agent(), &roles());
        let reviewed = company.directory.review(&ada, organization, mixed.clone()).await;
        let how = Batching::each();
        let imported = company.directory.import(&ada, &mixed, how).await;
        assert_eq!(reviewed.is_ok(), mixed_is_fine);
        assert_eq!(imported.is_ok(), mixed_is_fine);
        if let Err(error) = imported {
            assert!(matches!(error.refusal(), Some(Refusal::RuleForbids { rule: "C3", .. })));
        }
        let one = review_addresses("z@acme.example w@acme.example", organization, &agent());
        assert_eq!(agrees(&company, &ada, one).await.invites.len(), 2);
    }
}

#[tokio::test]
async fn a_review_counts_the_seats_it_needs_and_those_that_are_free() {
    for (seats, sound) in [(SeatUse::Active, 4), (SeatUse::ActiveAndPending, 2)] {
        let rules = Rules { seats, ..Rules::default() };
        let company = Company::found_with(MemoryStore::new(), roles(), rules, None).await;
        let (organization, olivia) = (company.organization, company.principal("olivia"));
        let (used, _) = company.directory.seats(&olivia, organization).await.unwrap();
        let limit = Some(u32::try_from(used).unwrap() + 2);
        let limit = SetSeatLimit { organization, limit };
        company.directory.execute(&olivia, limit).await.unwrap();
        let text = "a@acme.example b@acme.example c@acme.example d@acme.example";
        let read = review_addresses(text, organization, &agent());
        let ada = company.principal("ada");
        let seats = company.directory.review(&ada, organization, read.clone()).await.unwrap().seats;
        assert_eq!((seats.needed, seats.free, seats.missing()), (4, Some(2), 2));
        assert_eq!(agrees(&company, &ada, read).await.invites.len(), sound);
    }
}

#[tokio::test]
async fn a_long_list_is_reviewed_as_it_is_imported() {
    let rules = Rules { seats: SeatUse::ActiveAndPending, ..Rules::default() };
    let company = Company::found_with(MemoryStore::new(), roles(), rules, Some(1_000)).await;
    let text: Vec<_> = (0..1_200).map(|n| format!("p{n}@acme.example")).collect();
    let text = text.join("\n");
    let read = review_addresses(&text, company.organization, &agent());
    let reviewed = agrees(&company, &company.principal("ada"), read).await;
    assert_eq!(reviewed.invites.len() + reviewed.problems.len(), 1_200);
    assert!(matches!(refusal(&reviewed, 1_200), Refusal::SeatsFull { .. }));
}

#[tokio::test]
async fn whoever_may_invite_nobody_learns_nothing() {
    let company = Company::found(MemoryStore::new()).await;
    let organization = company.organization;
    for name in ["sam", "rita", "bob", "dora", "carl", "support"] {
        let read = review_addresses("bob@acme.example", organization, &agent());
        let who = company.principal(name);
        let reviewed = company.directory.review(&who, organization, read.clone()).await;
        let imported = company.directory.import(&who, &read, Batching::each()).await;
        for error in [reviewed.unwrap_err(), imported.unwrap_err()] {
            let stranger = matches!(name, "sam" | "rita" | "dora");
            let knows_nothing = matches!(error.refusal(), Some(Refusal::NotFound(_)));
            assert_eq!(knows_nothing, stranger, "{name}: {error}");
        }
    }
}

#[tokio::test]
async fn a_row_for_another_scope_is_refused() {
    let company = Company::found(MemoryStore::new()).await;
    let read = review_addresses("x@acme.example", company.rival, &agent());
    let ada = company.principal("ada");
    let reviewed = company.directory.review(&ada, company.organization, read).await.unwrap();
    assert!(reviewed.review.invites.is_empty());
}

fn acme() -> OrganizationId {
    OrganizationId::new(uuid::Uuid::nil())
}

fn sound(review: &Review) {
    assert!(review.invites.len() + review.problems.len() <= Review::MAX_ROWS);
    for problem in &review.problems {
        assert!(problem.line > 0);
        assert!(problem.excerpt.chars().count() <= 64);
        assert!(!problem.to_string().chars().any(char::is_control), "{problem}");
    }
    let mut seen = std::collections::BTreeSet::new();
    for row in &review.invites {
        assert!(seen.insert(row.invite.email.canonical().clone()), "an address counts once");
    }
}

fn read_both_ways(bytes: &[u8]) {
    let named: Vec<Role> = roles();
    sound(&review_csv(bytes, acme(), &agent(), &named));
    sound(&review_csv(&[b"email,role,name\n", bytes].concat(), acme(), &agent(), &named));
    sound(&review_addresses(&String::from_utf8_lossy(bytes), acme(), &agent()));
}

#[test]
fn ten_megabytes_of_anything_are_read_or_refused() {
    for unit in [b'\0', b',', b'"'] {
        let mut bytes = b"email,role,name\n".to_vec();
        bytes.resize(Review::MAX_BYTES, unit);
        sound(&review_csv(&bytes, acme(), &agent(), &roles()));
    }
    let text = "a@x.org,".repeat(Review::MAX_BYTES / 8);
    sound(&review_addresses(&text, acme(), &agent()));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read_both_ways(&bytes);
    }

    #[test]
    fn what_looks_like_a_list_never_panics(
        text in "([a-c]{1,3}@[x-z]\\.org|[,;\"<>\r\n\t ]|é|王|\u{202e}|\0){0,60}"
    ) {
        read_both_ways(text.as_bytes());
    }
}
