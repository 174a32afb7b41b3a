//! Somebody leaves, with everything they hold; and people come back.

use tenure::SessionStamp;
use tenure::commands::{Command, Deactivate, Invite, Reactivate, RemoveMember, WorkOnReturn};
use tenure::directory::Maintenance;
use tenure::domain::{DeactivatedBecause, Disposition, HandoverPlan, WorkState};

use crate::Outcome;
use crate::desk::{Desk, HelpDesk, Person};
use crate::print::{chapter, table, tell as say};

pub(crate) async fn tell(desk: &HelpDesk) -> Outcome {
    chapter("Bob leaves");
    let (ada, bob) = (desk.person("ada@").await?, desk.person("bob@").await?);
    let berta = desk.person("berta@").await?;
    desk.tickets.add(desk.organization, bob.membership, 1_000, 200)?;
    desk.tickets.add(desk.organization, berta.membership, 14, 90)?;
    let session = desk.directory.open_session(bob.user, desk.organization).await?;
    say("Bob is signed in, and holds 1,000 open and 200 closed tickets. Ada asks what would \
         happen if he left and Berta took over, before she confirms anything:");
    let handover = Some(Disposition::To(berta.membership).into());
    let leave = leave(desk, &bob, DeactivatedBecause::Left, handover);
    preview(desk, &ada, &bob, leave.clone()).await?;
    holdings(desk, "Before", &[&bob, &berta])?;

    let request = ada.principal.clone().request().because("moves to Lisbon".parse()?);
    desk.directory.execute_command(request, leave).await?;
    say(format!(
        "Ada confirms. From this moment Bob may view tickets: {}. His session holds: {}. His \
         tickets follow in batches, each done once even if the program stops between two:",
        yes_no(
            desk.directory
                .check(&bob.principal, desk.organization, Desk::ViewTickets)
                .await?
                .is_allowed()
        ),
        yes_no(desk.directory.session_holds(&session).await?),
    ));
    drive(desk, 1_200).await?;
    holdings(desk, "After", &[&bob, &berta])?;
    let held = |by| desk.tickets.held(by);
    if (held(Some(berta.membership))?, held(None)?) != ((1_014, 290), (0, 0)) {
        return Err("a ticket was lost, closed, opened or left to nobody".into());
    }
    say(format!(
        "Every closed ticket is still closed, and none is without somebody. What Bob took in \
         still says so: {} tickets name him.",
        desk.tickets.written(bob.membership)?,
    ));
    bob_returns(desk, &ada, &bob, &session).await?;
    dora_returns(desk, &ada, &berta).await
}

/// The command by which somebody goes and may return.
pub(crate) fn leave(
    desk: &HelpDesk,
    who: &Person,
    because: DeactivatedBecause,
    handover: Option<HandoverPlan>,
) -> Command {
    let (scope, membership) = (desk.organization.into(), who.membership);
    Deactivate { scope, membership, because, handover }.into()
}

/// What a command would do, as a page asks before it is confirmed.
pub(crate) async fn preview(
    desk: &HelpDesk,
    by: &Person,
    leaver: &Person,
    command: Command,
) -> Outcome {
    let preview = desk.directory.preview(&by.principal, command).await?;
    let mut rows = vec![["Leaves".to_owned(), leaver.name.clone()]];
    for work in &preview.work {
        for it in &work.holds {
            let state = match it.state {
                WorkState::Open => "open",
                WorkState::Closed => "closed",
            };
            rows.push(["Holds".to_owned(), format!("{} {state} {}", it.items, it.kind)]);
        }
        for it in &work.moves {
            let whose = if it.to.is_some() { "to somebody else" } else { "to nobody" };
            rows.push(["Changes hands".to_owned(), format!("{} {} {whose}", it.items, it.kind)]);
        }
    }
    if let Some(seats) = preview.seats {
        let limit = seats.limit.map_or_else(|| "no limit".to_owned(), |it| format!("of {it}"));
        let change = format!("{} before, {} after, {limit}", seats.before, seats.after);
        rows.push(["Seats in use".to_owned(), change]);
    }
    rows.push(["Mails".to_owned(), preview.mails.len().to_string()]);
    table(["Preview", ""], &rows);
    Ok(())
}

/// Who holds how many tickets.
pub(crate) fn holdings(desk: &HelpDesk, when: &str, people: &[&Person]) -> Outcome {
    let mut rows = Vec::new();
    for person in people {
        let (open, closed) = desk.tickets.held(Some(person.membership))?;
        rows.push([person.name.clone(), open.to_string(), closed.to_string()]);
    }
    let (open, closed) = desk.tickets.held(None)?;
    rows.push(["(nobody)".to_owned(), open.to_string(), closed.to_string()]);
    table([when, "Open", "Closed"], &rows);
    Ok(())
}

/// Moves what is due, a few hundred tickets at a time.
pub(crate) async fn drive(desk: &HelpDesk, of: u64) -> Outcome {
    let mut most = Maintenance::default();
    (most.batches, most.items) = (1, 300);
    let mut moved = 0;
    loop {
        let done = desk.directory.maintain_up_to(most).await?;
        moved += done.items_moved;
        println!("    {moved:>5} of {of} tickets moved");
        if done.handovers_done > 0 || done.items_moved == 0 {
            println!();
            return Ok(());
        }
    }
}

async fn bob_returns(
    desk: &HelpDesk,
    ada: &Person,
    bob: &Person,
    before: &SessionStamp,
) -> Outcome {
    chapter("People return");
    let back = Reactivate {
        scope: desk.organization.into(),
        membership: bob.membership,
        work: WorkOnReturn::StaysWhereItIs,
    };
    desk.directory.execute(&ada.principal, back).await?;
    let session = desk.directory.open_session(bob.user, desk.organization).await?;
    say(format!(
        "Bob changes his mind, and Ada reactivates him: the same membership, role, team and \
         history. The session he had before holds: {}. The one he opens now holds: {}.",
        yes_no(desk.directory.session_holds(before).await?),
        yes_no(desk.directory.session_holds(&session).await?),
    ));
    Ok(())
}

/// Removed for good, invited again: a new membership that knows the old one.
async fn dora_returns(desk: &HelpDesk, ada: &Person, successor: &Person) -> Outcome {
    let dora = desk.person("dora@").await?;
    let remove = RemoveMember {
        scope: desk.organization.into(),
        membership: dora.membership,
        handover: Some(Disposition::To(successor.membership).into()),
    };
    desk.directory.execute(&ada.principal, remove).await?;
    let invite = Invite::new(desk.organization, "dora@acmehelp.example".parse()?, "agent".parse()?)
        .with_profile(tenure::Profile::named("Dora Nováková")?);
    let again = desk.directory.execute(&ada.principal, invite).await?.output;
    desk.deliver().await?;
    // Dora has a user from before, so she signs in and accepts as herself.
    let token = desk.links("dora@acmehelp.example")?.pop().ok_or("Dora got no mail")?;
    let accept = desk.directory.inspect(&token).await?.accept();
    desk.directory.execute(&dora.principal, accept).await?;
    let it = desk.directory.person(&ada.principal, desk.organization, again.membership).await?;
    let linked = it.membership.predecessor == Some(dora.membership);
    let removed = desk.removed().await?.contains(&dora.membership);
    say(format!(
        "Dora is removed for good, and later invited again. She signs in as the user she \
         has always been. Her new membership knows the old one: {}. The old one is still there \
         as a tombstone: {}. Teams and exceptions from before do not come back by themselves: she \
         is in {} teams.",
        yes_no(linked),
        yes_no(removed),
        it.membership.teams.len(),
    ));
    Ok(())
}

pub(crate) fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}
