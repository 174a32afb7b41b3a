//! An invitation and a row of the host in one transaction: both are committed, or neither is.
//!
//! Run with `cargo run --example shared_transaction`.

use std::sync::Arc;

use tenure::adapters::sqlite::{SqliteStore, rusqlite::Connection};
use tenure::commands::Invite;
use tenure::domain::StatusGroup;
use tenure::ports::PeopleFilter;
use tenure::testing::cast::Company;
use tenure::{Error, Prepared};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    on_sqlite().await
}

/// The host's table lies in the same file, and its rows are written on the thread that writes ours.
async fn on_sqlite() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("people.db");
    let store = Arc::new(SqliteStore::open(&path)?);
    let acme = Company::found(Arc::clone(&store)).await;
    let host = Connection::open(&path)?;
    host.execute("CREATE TABLE welcome (invitation TEXT NOT NULL, gift TEXT NOT NULL)", ())?;
    let gifts = || host.query_row("SELECT count(*) FROM welcome", (), |row| row.get::<_, u32>(0));
    say("SQLite, to begin with", gifts()?, &acme).await?;

    // What the host writes names the invitation, whose identity is chosen when it is prepared.
    let with_gift = |prepared: &Prepared<_>, gift: &'static str| {
        let invitation = invitation_of(prepared);
        store.transaction(move |connection| {
            if gift.is_empty() {
                return Err("there is no gift left".into());
            }
            connection.execute("INSERT INTO welcome VALUES (?1, ?2)", (invitation, gift))?;
            Ok(())
        })
    };

    // Both: decided, written together, and shown by the live views.
    let nora = prepare(&acme, "nora").await?;
    let transaction = with_gift(&nora, "a mug");
    nora.commit_in(transaction).await?.published().await?;
    say("Nora is invited with a mug", gifts()?, &acme).await?;

    // Neither: the host changes its mind, and its error comes out as it went in.
    let otto = prepare(&acme, "otto").await?;
    let transaction = with_gift(&otto, "");
    match otto.commit_in(transaction).await {
        Err(Error::Host(error)) => println!("  {error}"),
        other => return Err(format!("this was to fail: {other:?}").into()),
    }
    say("Otto is not invited without a gift", gifts()?, &acme).await?;

    // Neither: somebody else was first. Prepared again, it is decided on what is so now.
    let pia = prepare(&acme, "pia").await?;
    acme.invite("quentin", "agent").await?;
    let transaction = with_gift(&pia, "a pen");
    match pia.commit_in(transaction).await {
        Err(Error::Contended) => println!("  somebody else was first: prepare again"),
        other => return Err(format!("this was to fail: {other:?}").into()),
    }
    say("Quentin was first, without a gift", gifts()?, &acme).await?;
    let pia = prepare(&acme, "pia").await?;
    let transaction = with_gift(&pia, "a pen");
    pia.commit_in(transaction).await?.published().await?;
    say("Pia is invited with a pen", gifts()?, &acme).await
}

type Invited = <Invite as tenure::Intent>::Output;

async fn prepare(acme: &Company, name: &str) -> Result<Prepared<Invited>, Failure> {
    let invite = Invite::new(acme.organization, Company::email(name), "agent".parse()?);
    Ok(acme.directory.prepare(acme.principal("olivia"), invite).await?)
}

fn invitation_of(prepared: &Prepared<Invited>) -> String {
    prepared.outcome().output.invitation.to_string()
}

/// How many gifts and how many invited people there are, and that the audit is whole.
async fn say(what: &str, gifts: u32, acme: &Company) -> Result<(), Failure> {
    let (olivia, organization) = (acme.principal("olivia"), acme.organization);
    let filter = PeopleFilter { status: Some(StatusGroup::Pending), ..PeopleFilter::default() };
    let invited = acme.directory.people(&olivia, organization, filter, None, 50).await?;
    let stream = tenure::domain::Stream::Organization(organization);
    let position = acme.directory.verify_audit(stream).await?.position;
    let people = invited.rows.len();
    println!("{what}: {gifts} gifts, {people} people invited, audit whole up to {position}");
    Ok(())
}
