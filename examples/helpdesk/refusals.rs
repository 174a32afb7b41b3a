//! What must be refused, and what people read then.

use std::time::Duration;

use tenure::commands::{
    ChangeRole, ChangeRules, Command, Invite, Leave, ResendInvitation, SetSeatLimit,
};
use tenure::domain::{DeactivatedBecause, RemovedBecause, Span, UserId};
use tenure::{EmailAddress, Error, Principal, Profile, Realm, Request, Rules, Token};

use crate::Outcome;
use crate::desk::{self, Desk, HelpDesk};
use crate::leaving::leave;
use crate::print::{chapter, table, tell as say};

/// Who tried what, and the answer.
type Tried = [String; 3];

pub(crate) async fn tell(desk: &HelpDesk) -> Outcome {
    chapter("What is refused");
    say("Each of these is tried, and each is refused; nothing changes and no mail goes out.");
    let before = desk.now().await?;
    let mut tried = commands(desk).await?;
    tried.extend(outsiders(desk).await?);
    let after = desk.now().await?;
    tried.extend(links(desk).await?);
    table(["Who", "Tries to", "The answer"], &tried);
    if before.revision() != after.revision() {
        return Err("something that was refused has changed something".into());
    }
    Ok(())
}

/// One attempt that must be refused.
async fn attempt(
    desk: &HelpDesk,
    request: impl Into<Request>,
    (who, what): (&str, &str),
    command: impl Into<Command>,
) -> Outcome<Tried> {
    match desk.directory.execute_command(request, command.into()).await {
        Err(Error::Refused(refusal)) => Ok([who.to_owned(), what.to_owned(), refusal.to_string()]),
        Err(other) => Err(other.into()),
        Ok(_) => Err(format!("{who} could {what}").into()),
    }
}

async fn commands(desk: &HelpDesk) -> Outcome<Vec<Tried>> {
    let (olivia, ada) = (desk.person(desk::OLIVIA).await?, desk.person("ada@").await?);
    let (bob, lars) = (desk.person("bob@").await?, desk.person("lars@").await?);
    let scope = desk.organization.into();
    let role = |person: &desk::Person, role: &str| -> Outcome<Command> {
        Ok(ChangeRole { scope, membership: person.membership, role: role.parse()?, handover: None }
            .into())
    };
    let friend = |role: &str| -> Outcome<Command> {
        let email = "friend@elsewhere.example".parse()?;
        Ok(Invite::new(scope, email, role.parse()?).into())
    };
    let because = RemovedBecause::Left;
    let go = Leave { scope, membership: olivia.membership, because, handover: None };
    let out = |who| leave(desk, who, DeactivatedBecause::Other, None);
    let (o, a, b) = (&olivia.principal, &ada.principal, &bob.principal);
    Ok(vec![
        attempt(desk, o, ("Olivia, the only owner", "leave"), go).await?,
        attempt(desk, o, ("Olivia", "take her own role away"), role(&olivia, "admin")?).await?,
        attempt(desk, a, ("Ada, admin", "deactivate the owner"), out(&olivia)).await?,
        attempt(desk, a, ("Ada", "make Lars an owner"), role(&lars, "owner")?).await?,
        attempt(desk, a, ("Ada", "let Lars go without a successor"), out(&lars)).await?,
        attempt(desk, a, ("Ada", "invite Bob, who is here"), again("bob", scope)?).await?,
        attempt(desk, b, ("Bob, agent", "invite a friend"), friend("agent")?).await?,
    ])
}

fn again(name: &str, scope: tenure::Scope) -> Outcome<Invite> {
    // Another spelling of the same address.
    let email = format!("{}@ACMEHELP.example", name.to_uppercase());
    Ok(Invite::new(scope, email.parse()?, "agent".parse()?))
}

/// A signed-in person who belongs nowhere: to them there is no Acme Help.
async fn outsiders(desk: &HelpDesk) -> Outcome<Vec<Tried>> {
    let sam: UserId = desk.directory.new_id();
    let email: EmailAddress = "sam@elsewhere.example".parse()?;
    let register = tenure::commands::RegisterUser::verified(sam, Realm::Shared, email);
    desk.directory.execute(Principal::System, register).await?;
    let lars = desk.person("lars@").await?;
    let out = leave(desk, &lars, DeactivatedBecause::Other, None);
    let who = Principal::Person(sam);
    let may = desk.directory.require(&who, desk.organization, Desk::ViewTickets);
    let Err(refused) = may.await else { return Err("Sam may view tickets".into()) };
    Ok(vec![
        ["Sam, a stranger".to_owned(), "see a ticket".to_owned(), refused.to_string()],
        attempt(desk, sam, ("Sam", "deactivate Lars"), out).await?,
    ])
}

/// Links that are used, old, expired or damaged; and a seat that is not there.
async fn links(desk: &HelpDesk) -> Outcome<Vec<Tried>> {
    let mut tried = Vec::new();
    let used = desk.links("bob@acmehelp.example")?.pop().ok_or("Bob got no mail")?;
    tried.push(follow(desk, &used, ("Somebody", "use Bob's link a second time")).await?);

    let damaged = Token::new(used.expose().replace(char::is_lowercase, "x"));
    let Err(error) = desk.directory.inspect(&damaged).await else {
        return Err("a damaged link works".into());
    };
    tried.push(["Somebody".into(), "use a link with other letters".into(), error.to_string()]);

    let sven = desk.people(tenure::ports::PeopleFilter {
        prefix: Some("sven@".to_owned()),
        ..Default::default()
    });
    let invitation = sven.await?.first().and_then(|it| it.invitation).ok_or("Sven was invited")?;
    let resend = ResendInvitation { scope: desk.organization.into(), invitation };
    desk.directory.execute(&desk.olivia, resend).await?;
    desk.deliver().await?;
    let old = desk.links("sven@acmehelp.example")?.into_iter().next().ok_or("no mail")?;
    tried.push(follow(desk, &old, ("Sven", "use his first link after a second was sent")).await?);
    tried.push(expired(desk).await?);
    tried.push(full(desk).await?);
    Ok(tried)
}

async fn follow(desk: &HelpDesk, token: &Token, tries: (&str, &str)) -> Outcome<Tried> {
    let view = desk.directory.inspect(token).await?;
    let accept = view.accept().with_password(desk::chosen_password()?);
    attempt(desk, view.link, tries, accept).await
}

/// For two seconds, links at Acme Help live for one.
async fn expired(desk: &HelpDesk) -> Outcome<Tried> {
    let organization = desk.organization;
    let short = Rules { invitation_lifetime: Span::seconds(1), ..desk::rules()? };
    desk.directory.execute(&desk.olivia, ChangeRules { organization, rules: short }).await?;
    let email = "late@acmehelp.example";
    let invite = Invite::new(organization, email.parse()?, "viewer".parse()?)
        .with_profile(Profile::named("Larry Late")?);
    desk.directory.execute(&desk.olivia, invite).await?;
    desk.deliver().await?;
    let rules = desk::rules()?;
    desk.directory.execute(&desk.olivia, ChangeRules { organization, rules }).await?;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let token = desk.links(email)?.pop().ok_or("Larry got no mail")?;
    follow(desk, &token, ("Larry", "use a link after it has run out")).await
}

/// With as many seats as are in use, nobody is dropped, and nobody more gets in.
async fn full(desk: &HelpDesk) -> Outcome<Tried> {
    let organization = desk.organization;
    let (used, limit) = desk.directory.seats(&desk.olivia, organization).await?;
    let least = SetSeatLimit { organization, limit: Some(u32::try_from(used)?) };
    desk.directory.execute(&desk.olivia, least).await?;
    let email = "one.more@acmehelp.example".parse()?;
    let invite = Invite::new(organization, email, "agent".parse()?);
    let what = ("Olivia", "invite somebody when the seats are full");
    let tried = attempt(desk, &desk.olivia, what, invite).await?;
    desk.directory.execute(&desk.olivia, SetSeatLimit { organization, limit }).await?;
    Ok(tried)
}
