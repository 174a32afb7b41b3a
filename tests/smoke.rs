//! Smoke.
#![allow(clippy::unwrap_used, missing_docs)]
use tenure::adapters::memory::MemoryStore;
use tenure::adapters::sqlite::SqliteStore;
use tenure::commands::*;
use tenure::domain::*;
use tenure::testing::*;
use tenure::*;

tenure::permissions! {
    /// Desk.
    pub enum Desk { /// View
        View = "tickets.view", /// Delete
        Delete = "tickets.delete" }
}

async fn walk(store: impl Store + 'static) -> Result<(), Box<dyn std::error::Error>> {
    let postbox = Postbox::default();
    let directory = UserDirectory::builder(store, postbox.clone(), KeyRing::new([7; 32]))
        .permissions::<Desk>()
        .build();
    let olivia: UserId = directory.new_id();
    directory
        .execute(
            Principal::System,
            RegisterUser::verified(olivia, Realm::Shared, "olivia@acme.example".parse()?),
        )
        .await?;
    let org: OrganizationId = directory.new_id();
    let founded = directory
        .execute(
            Principal::System,
            FoundOrganization {
                organization: org,
                name: "Acme".parse()?,
                realm: Realm::Shared,
                founder: olivia,
                profile: Profile::named("Olivia")?,
                role: "owner".parse()?,
                roles: vec![
                    Role::new("owner", 100)?.all_but::<Desk>([]).assigns_all().keeper(),
                    Role::new("agent", 10)?.with(Desk::View, Reach::ALL),
                ],
                rules: Rules::default(),
                seat_limit: Some(3),
            },
        )
        .await?;
    let owner = Principal::Person(olivia);
    let invited = directory
        .execute(&owner, Invite::new(org, "bob@acme.example".parse()?, "agent".parse()?))
        .await?;
    let m = directory.maintain().await?;
    assert_eq!(m.mails_sent, 1);
    let letters = postbox.take();
    let tenure::ports::LetterKind::Invitation { token, .. } = &letters[0].kind else { panic!() };
    let view = directory.inspect(token).await?;
    let accepted = directory.execute(view.link.clone(), view.accept()).await?;
    assert!(accepted.output.is_active);
    let bob = Principal::Person(accepted.output.user);
    assert!(directory.check(&bob, org, Desk::View).await?.is_allowed());
    assert!(!directory.check(&bob, org, Desk::Delete).await?.is_allowed());
    let page = directory.people(&owner, org, Default::default(), None, 50).await?;
    assert_eq!(page.rows.len(), 2);
    let rows = directory
        .row_actions(&owner, org, &[invited.output.membership, founded.output.membership])
        .await?;
    println!("{rows:#?}");
    let p = directory
        .preview(
            &owner,
            Deactivate {
                scope: org.into(),
                membership: invited.output.membership,
                because: DeactivatedBecause::Left,
                handover: None,
            },
        )
        .await?;
    println!("{p:#?}");
    directory
        .execute(
            &owner,
            Deactivate {
                scope: org.into(),
                membership: invited.output.membership,
                because: DeactivatedBecause::Left,
                handover: None,
            },
        )
        .await?;
    assert!(!directory.check(&bob, org, Desk::View).await?.is_allowed());
    let head = directory.verify_audit(Stream::Organization(org)).await?;
    assert_eq!(head.position.get(), 4);
    let again = directory.execute(view.link.clone(), view.accept()).await.unwrap_err();
    println!("{again}");
    Ok(())
}

#[tokio::test]
async fn memory() {
    walk(MemoryStore::new()).await.unwrap();
}

#[tokio::test]
async fn sqlite() {
    let dir = tempfile::tempdir().unwrap();
    walk(SqliteStore::open(dir.path().join("a.db")).unwrap()).await.unwrap();
}

#[tokio::test]
async fn cast() {
    let c = tenure::testing::cast::Company::found(MemoryStore::new()).await;
    let page = c
        .directory
        .people(&c.principal("ada"), c.organization, Default::default(), None, 50)
        .await
        .unwrap();
    for r in &page.rows {
        println!("{} {} {}", r.membership.display_name(), r.role, r.status);
    }
    assert_eq!(page.total, Some(9));
}
