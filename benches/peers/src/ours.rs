//! `tenure` itself: the live view, told of everything by records, and asked by id.

use std::sync::Arc;

use serde_json::{Value, json};
use tenure::access::live::{Applied, Guard, Holds, Update, View, Wants};
use tenure::domain::{Override, Reach, Record, Role, Scope, Timestamp};
use tenure::{Catalogue, Permission};
use uuid::Uuid;

use crate::peer::{Part, Peer};
use crate::random::Random;
use crate::world::{self, Member, PERMISSIONS, Question, World};

tenure::permissions! {
    /// [`PERMISSIONS`], in the same order.
    pub(crate) enum Desk {
        ViewTickets = "tickets.view",
        CreateTickets = "tickets.create",
        EditTickets = "tickets.edit",
        DeleteTickets = "tickets.delete",
        ViewReplies = "replies.view",
        CreateReplies = "replies.create",
        EditReplies = "replies.edit",
        DeleteReplies = "replies.delete",
        ViewNotes = "notes.view",
        CreateNotes = "notes.create",
        EditNotes = "notes.edit",
        DeleteNotes = "notes.delete",
        ViewCustomers = "customers.view",
        CreateCustomers = "customers.create",
        EditCustomers = "customers.edit",
        DeleteCustomers = "customers.delete",
        ViewCompanies = "companies.view",
        CreateCompanies = "companies.create",
        EditCompanies = "companies.edit",
        DeleteCompanies = "companies.delete",
        ViewArticles = "articles.view",
        CreateArticles = "articles.create",
        EditArticles = "articles.edit",
        DeleteArticles = "articles.delete",
        ViewMacros = "macros.view",
        CreateMacros = "macros.create",
        EditMacros = "macros.edit",
        DeleteMacros = "macros.delete",
        ViewInboxes = "inboxes.view",
        CreateInboxes = "inboxes.create",
        EditInboxes = "inboxes.edit",
        DeleteInboxes = "inboxes.delete",
        ViewReports = "reports.view",
        CreateReports = "reports.create",
        EditReports = "reports.edit",
        DeleteReports = "reports.delete",
        ViewTags = "tags.view",
        CreateTags = "tags.create",
        EditTags = "tags.edit",
        DeleteTags = "tags.delete",
        ViewWebhooks = "webhooks.view",
        CreateWebhooks = "webhooks.create",
        EditWebhooks = "webhooks.edit",
        DeleteWebhooks = "webhooks.delete",
        ViewInvoices = "invoices.view",
        CreateInvoices = "invoices.create",
        EditInvoices = "invoices.edit",
        DeleteInvoices = "invoices.delete",
    }
}

/// Nothing here is given for a while, so nobody asks for the time.
fn now() -> Timestamp {
    Timestamp::default()
}

fn role(world: &world::Role) -> Role {
    let role = Role::new(&world.name, 10).expect("a role");
    if world.keeps {
        return role.all_but::<Desk>([]).keeper();
    }
    world.gives.each().fold(role, |role, it| role.with(Desk::ALL[it], Reach::ALL))
}

/// A record as a store hands it out: those of teams and memberships have no constructor, as
/// nobody but the directory makes them.
fn read<T: serde::de::DeserializeOwned>(record: Value) -> Box<T> {
    Box::new(serde_json::from_value(record).expect("a record"))
}

fn team(organization: Uuid, id: Uuid, team: &world::Team) -> Record {
    let gives = team.gives.names().map(|it| (it.to_owned(), json!(Reach::ALL)));
    Record::Team(read(json!({
        "id": id,
        "organization": organization,
        "name": team.name,
        "description": null,
        "permissions": Value::Object(gives.collect()),
        "fence": {},
        "members": 0,
        "deleted": false,
    })))
}

fn membership(organization: Uuid, id: Uuid, member: &Member, role: &str, teams: &[Uuid]) -> Record {
    let status = if member.active {
        json!({ "name": "active", "since": 0 })
    } else {
        json!({ "name": "deactivated", "because": "left", "since": 0 })
    };
    let raised = member.raised.names().map(|it| (it, Override::Raise(Reach::ALL)));
    let denied = member.denied.names().map(|it| (it, Override::Deny));
    let overrides = raised.chain(denied).map(|(name, it)| (name.to_owned(), json!(it)));
    Record::Membership(read(json!({
        "id": id,
        "scope": { "organization": organization },
        "user": member.id,
        "email": null,
        "status": status,
        "role": role,
        "overrides": Value::Object(overrides.collect()),
        "fence": {},
        "teams": member.teams.map(|it| teams[it]),
        "profile": {},
        "source": "invitation",
        "brought_by": null,
        "epoch": 0,
        "invitation": null,
        "came_by": null,
        "announced": null,
        "external_id": null,
        "offer": null,
        "predecessor": null,
        "successor": null,
        "former_number": null,
        "created_at": 0,
    })))
}

fn view(world: &World) -> Arc<View> {
    let declared = Desk::ALL.iter().map(|it| it.name());
    assert!(declared.eq(PERMISSIONS), "the enum and the list are the same");
    let ids = &mut Random(11);
    let organization = ids.uuid();
    let teams: Vec<Uuid> = world.teams.iter().map(|_| ids.uuid()).collect();
    let mut records: Vec<Record> = world
        .roles
        .iter()
        .map(|it| Record::Role(organization.into(), Box::new(role(it))))
        .collect();
    records.extend(teams.iter().zip(&world.teams).map(|(id, it)| team(organization, *id, it)));
    records.extend(
        world
            .members
            .iter()
            .map(|it| membership(organization, ids.uuid(), it, &world.roles[it.role].name, &teams)),
    );
    let scope = Scope::from(tenure::domain::OrganizationId::from(organization));
    let catalogue = Arc::new(Catalogue::new().with::<Desk>());
    let view = View::new(scope, catalogue, Holds::Everybody, world.members.len());
    let applied = view.apply(&Update::of_records(&records), |_| Wants::Everything);
    assert_eq!(applied, Applied::Shown);
    Arc::new(view)
}

/// A guard that is kept, as a request does that asks more than one question.
pub(crate) struct Kept(Guard);

impl Peer for Kept {
    const CRATE: &'static str = "tenure";
    const CONFIGURATION: &'static str = "a live view, a guard for many questions";
    const PART: Part = Part::Whole;

    fn set_up(world: &World) -> Self {
        Self(view(world).guard())
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        let permission = Desk::ALL[usize::from(question.permission)];
        self.0.can_user(question.user.into(), permission, now)
    }
}

/// A guard for each question.
pub(crate) struct Taken(Arc<View>);

impl Peer for Taken {
    const CRATE: &'static str = "tenure";
    const CONFIGURATION: &'static str = "a live view, a guard for each question";
    const PART: Part = Part::Whole;

    fn set_up(world: &World) -> Self {
        Self(view(world))
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        let permission = Desk::ALL[usize::from(question.permission)];
        self.0.guard().can_user(question.user.into(), permission, now)
    }
}
