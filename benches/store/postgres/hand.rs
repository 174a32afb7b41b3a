//! The same rows by hand: what a careful host writes with `sqlx` alone.
//!
//! One transaction for each command: it locks the organization's row, reads what the rules need,
//! inserts and updates, one statement for each table, and commits. Many rows of one table go by one
//! statement; nothing is folded into one statement that belongs to several tables. What to write it
//! is told: the change-sets were recorded before, so it neither decides nor hashes.

use std::sync::Mutex;
use std::vec::IntoIter;

use serde::Serialize;
use sqlx::Row as _;
use sqlx::postgres::{PgPool, PgQueryResult, PgTransaction};
use sqlx::types::Json;
use tenure::domain::{
    Actor, ChangeSet, Claim, Entry, Invitation, Mail, MailAbout, Membership, MembershipId,
    MembershipStatus, Organization, OrganizationId, Realm, Record, Rules, Stream, Tally, Timestamp,
    User,
};
use uuid::Uuid;

use super::person::{At, PAGE, Person};
use crate::hand::Kind;

/// One transaction.
pub(crate) struct Work {
    kind: Kind,
    organization: Organization,
    membership: Membership,
    invitation: Option<Invitation>,
    user: Option<User>,
    mail: Option<Mail>,
    claim: Vec<(Claim, Uuid)>,
    entry: Entry,
    salt: Uuid,
    text: String,
}

impl Work {
    pub(crate) fn of(kind: Kind, changes: &ChangeSet) -> Self {
        assert!(changes.delete.is_empty() && changes.release.is_empty());
        let [(entry, detail)] = changes.append.as_slice() else { panic!("{changes:?}") };
        let detail = serde_json::to_value(detail).unwrap();
        let text = |field: &str| detail[field].as_str().unwrap().to_owned();
        let (mut organization, mut membership) = (None, None);
        let (mut invitation, mut user, mut mail) = (None, None, None);
        for record in changes.put.clone() {
            match record {
                Record::Organization(it) => organization = Some(*it),
                Record::Membership(it) => assert!(membership.replace(*it).is_none()),
                Record::Invitation(it) => invitation = Some(*it),
                Record::User(it) => user = Some(*it),
                Record::Mail(it) => mail = Some(*it),
                other => panic!("{kind:?} writes {other:?}"),
            }
        }
        Self {
            kind,
            organization: organization.unwrap(),
            membership: membership.unwrap(),
            invitation,
            user,
            mail,
            claim: changes.claim.clone(),
            entry: entry.clone(),
            salt: text("salt").parse().unwrap(),
            text: text("text"),
        }
    }
}

pub(crate) struct Hand {
    pool: PgPool,
    organization: OrganizationId,
}

impl Hand {
    /// The pool's connections find the tables.
    pub(crate) fn new(pool: PgPool, organization: OrganizationId) -> Self {
        Self { pool, organization }
    }

    /// The next transaction: which one that is, is settled once the organization is locked.
    pub(crate) async fn commit(&self, waiting: &Mutex<IntoIter<Work>>) {
        let mut transaction = self.pool.begin().await.unwrap();
        let t = &mut transaction;
        let revision = self.lock(t).await;
        let work = waiting.lock().unwrap().next().unwrap();
        assert_eq!(revision + 1, work.organization.revision().get(), "somebody was first");
        match work.kind {
            Kind::Invite => {
                may(t, &work.entry, work.membership.role.as_str()).await;
                free(t, &work.claim).await;
                new_membership(t, &work.membership).await;
                new_invitation(t, work.invitation.as_ref().unwrap()).await;
                mail(t, work.mail.as_ref().unwrap()).await;
                claim(t, &work.claim).await;
            }
            Kind::Accept => {
                open(t, work.invitation.as_ref().unwrap()).await;
                target(t, &work.membership).await;
                free(t, &work.claim).await;
                new_user(t, work.user.as_ref().unwrap()).await;
                membership(t, &work.membership).await;
                invitation(t, work.invitation.as_ref().unwrap()).await;
                claim(t, &work.claim).await;
            }
            Kind::ChangeRole | Kind::Deactivate => {
                may(t, &work.entry, work.membership.role.as_str()).await;
                target(t, &work.membership).await;
                membership(t, &work.membership).await;
            }
        }
        organization(t, &work.organization).await;
        append(t, &work).await;
        transaction.commit().await.unwrap();
    }

    /// Its revision, once nobody else changes it.
    async fn lock(&self, t: &mut PgTransaction<'_>) -> u64 {
        let sql = "SELECT status, rules, seat_limit, tally, revision, audit_hash
                   FROM organizations WHERE id = $1 FOR UPDATE";
        let query = sqlx::query(sql).bind(self.organization.uuid());
        let row = query.fetch_one(&mut **t).await.unwrap();
        assert_eq!(row.get::<&str, _>("status"), "active");
        let _: (Json<Rules>, Json<Tally>) = (row.get("rules"), row.get("tally"));
        let _: (Option<i64>, &[u8]) = (row.get("seat_limit"), row.get("audit_hash"));
        u64::try_from(row.get::<i64, _>("revision")).unwrap()
    }

    /// A page of people with when they were here.
    pub(crate) async fn page(&self) -> Vec<Person> {
        let query = sqlx::query(PAGE).bind(self.organization.uuid()).bind(Uuid::nil());
        let rows = query.fetch_all(&self.pool).await.unwrap();
        rows.iter().map(Person::of).collect()
    }
}

/// Whoever asks is active and in a role above the one that is given.
async fn may(t: &mut PgTransaction<'_>, entry: &Entry, role: &str) {
    let (Stream::Organization(organization), Actor::Person { user, .. }) =
        (entry.stream, &entry.actor)
    else {
        panic!("{entry:?}")
    };
    let sql = "SELECT m.id, m.overrides, m.fence, own.rank, own.permissions, own.may_assign,
                   given.rank AS given_rank, given.takes_seat, given.invitable
               FROM memberships m
               JOIN roles own ON own.organization_id = m.organization_id AND own.name = m.role
               JOIN roles given ON given.organization_id = m.organization_id AND given.name = $3
               WHERE m.organization_id = $1 AND m.user_id = $2 AND m.status = 'active'
                 AND m.workspace_id IS NULL";
    let query = sqlx::query(sql).bind(organization.uuid()).bind(user.uuid()).bind(role);
    let row = query.fetch_one(&mut **t).await.unwrap();
    assert!(row.get::<i32, _>("rank") > row.get::<i32, _>("given_rank"));
    assert!(row.get::<bool, _>("invitable"));
    let _: Json<serde_json::Value> = row.get("permissions");
}

/// Nobody holds what is to be claimed.
async fn free(t: &mut PgTransaction<'_>, claims: &[(Claim, Uuid)]) {
    let texts: Vec<_> = claims.iter().map(|(claim, _)| claim.text()).collect();
    let query = sqlx::query("SELECT holder FROM claims WHERE claim = ANY($1)").bind(texts);
    assert!(query.fetch_optional(&mut **t).await.unwrap().is_none());
}

async fn open(t: &mut PgTransaction<'_>, it: &Invitation) {
    let sql = "SELECT status, generation, expires_at, memberships
               FROM invitations WHERE organization_id = $1 AND id = $2";
    let query = sqlx::query(sql).bind(it.organization.uuid()).bind(it.id.uuid());
    let row = query.fetch_one(&mut **t).await.unwrap();
    assert_eq!(row.get::<&str, _>("status"), "open");
    assert!(row.get::<At, _>("expires_at") == At(it.expires_at.micros()));
}

/// The membership that changes, with its role.
async fn target(t: &mut PgTransaction<'_>, it: &Membership) {
    let sql = "SELECT m.user_id, m.status, m.status_because, m.epoch, m.teams, r.rank, r.takes_seat
               FROM memberships m
               JOIN roles r ON r.organization_id = m.organization_id AND r.name = m.role
               WHERE m.organization_id = $1 AND m.id = $2";
    let query = sqlx::query(sql).bind(it.scope.organization.uuid()).bind(it.id.uuid());
    let row = query.fetch_one(&mut **t).await.unwrap();
    assert!(matches!(row.get::<&str, _>("status"), "pending" | "active"));
}

async fn organization(t: &mut PgTransaction<'_>, it: &Organization) {
    let sql = "UPDATE organizations SET tally = $2, revision = $3, audit_hash = $4 WHERE id = $1";
    let query = sqlx::query(sql)
        .bind(it.id.uuid())
        .bind(Json(&it.tally))
        .bind(integer(it.revision().get()))
        .bind(it.head.hash.bytes().as_slice());
    one(query.execute(&mut **t).await);
}

async fn new_user(t: &mut PgTransaction<'_>, it: &User) {
    assert_eq!(it.realm, Realm::Shared);
    let sql = "INSERT INTO users (id, realm, email, email_verified_at, identities,
                   password_generation, reset_generation, resets_asked_at, settings, memberships,
                   audit_position, audit_hash, version, created_at)
               VALUES ($1, 'shared', $2, $3, $4, $5, $6, '{}', $7, $8, $9, $10, $11, $12)";
    let query = sqlx::query(sql)
        .bind(it.id.uuid())
        .bind(it.email.as_ref().map(ToString::to_string))
        .bind(it.email_verified_at.map(at))
        .bind(Json(&it.identities))
        .bind(i64::from(it.password_generation.get()))
        .bind(i64::from(it.reset_generation.get()))
        .bind(Json(&it.settings))
        .bind(i64::from(it.memberships))
        .bind(integer(it.head.position.get()))
        .bind(it.head.hash.bytes().as_slice())
        .bind(integer(it.version.get()))
        .bind(at(it.created_at));
    one(query.execute(&mut **t).await);
}

async fn new_membership(t: &mut PgTransaction<'_>, it: &Membership) {
    let sql = "INSERT INTO memberships (id, organization_id, email, email_canonical, status,
                   status_because, status_since, role, overrides, grants, fence, teams, profile,
                   source, brought_by, epoch, invitation_id, created_at, sort_key)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '{}', '{}', $9, '{}', $10, $11, $12, $13,
                   $14, $15, $16)";
    let email = it.email.as_ref().unwrap();
    let query = sqlx::query(sql)
        .bind(it.id.uuid())
        .bind(it.scope.organization.uuid())
        .bind(email.to_string())
        .bind(email.canonical().as_str())
        .bind(status(it))
        .bind(because(it))
        .bind(at(it.status.since()))
        .bind(it.role.as_str())
        .bind(Json(&it.fence))
        .bind(Json(&it.profile))
        .bind(word(&it.source))
        .bind(it.brought_by.map(MembershipId::uuid))
        .bind(epoch(it))
        .bind(it.invitation.map(tenure::domain::InvitationId::uuid))
        .bind(at(it.created_at))
        .bind(it.sort_key());
    one(query.execute(&mut **t).await);
    let sql = "INSERT INTO membership_terms
                   (organization_id, scope_id, live, term, membership_id, lower_term)
               SELECT $1, $2, true, term, $3, lower_term
               FROM unnest($4::text[], $5::text[]) AS n(term, lower_term)";
    let terms: Vec<_> = it.search_terms().into_iter().collect();
    let lower: Vec<_> =
        [None].into_iter().chain(terms.iter().map(Some)).take(terms.len()).collect();
    let query = sqlx::query(sql)
        .bind(it.scope.organization.uuid())
        .bind(Uuid::nil())
        .bind(it.id.uuid())
        .bind(&terms)
        .bind(lower);
    query.execute(&mut **t).await.unwrap();
}

/// Neither name nor address nor team changes, so it keeps its places in those lists.
async fn membership(t: &mut PgTransaction<'_>, it: &Membership) {
    let sql = "UPDATE memberships
               SET user_id = $3, status = $4, status_because = $5, status_since = $6, role = $7,
                   epoch = $8, invitation_id = $9, came_by = $10
               WHERE organization_id = $1 AND id = $2";
    let query = sqlx::query(sql)
        .bind(it.scope.organization.uuid())
        .bind(it.id.uuid())
        .bind(it.user.map(tenure::domain::UserId::uuid))
        .bind(status(it))
        .bind(because(it))
        .bind(at(it.status.since()))
        .bind(it.role.as_str())
        .bind(epoch(it))
        .bind(it.invitation.map(tenure::domain::InvitationId::uuid))
        .bind(it.came_by.map(tenure::domain::InvitationId::uuid));
    one(query.execute(&mut **t).await);
}

async fn new_invitation(t: &mut PgTransaction<'_>, it: &Invitation) {
    let sql = "INSERT INTO invitations (id, organization_id, email, memberships, issuer, status,
                   generation, expires_at, times_sent, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let query = sqlx::query(sql)
        .bind(it.id.uuid())
        .bind(it.organization.uuid())
        .bind(it.email.as_ref().map(ToString::to_string))
        .bind(ids(&it.memberships))
        .bind(it.issuer.map(MembershipId::uuid))
        .bind(it.status.as_str())
        .bind(i64::from(it.generation.get()))
        .bind(at(it.expires_at))
        .bind(i64::from(it.times_sent))
        .bind(at(it.created_at));
    one(query.execute(&mut **t).await);
}

async fn invitation(t: &mut PgTransaction<'_>, it: &Invitation) {
    let sql = "UPDATE invitations SET status = $3 WHERE organization_id = $1 AND id = $2";
    let query = sqlx::query(sql).bind(it.organization.uuid()).bind(it.id.uuid());
    one(query.bind(it.status.as_str()).execute(&mut **t).await);
}

async fn mail(t: &mut PgTransaction<'_>, it: &Mail) {
    let MailAbout::Invitation { invitation, generation } = it.about else { panic!("{it:?}") };
    let sql = "INSERT INTO mails (id, organization_id, about, about_invitation_id,
                   about_generation, due_at, attempts, version)
               VALUES ($1, $2, 'invitation', $3, $4, $5, $6, $7)";
    let query = sqlx::query(sql)
        .bind(it.id.uuid())
        .bind(it.organization.map(tenure::domain::OrganizationId::uuid))
        .bind(invitation.uuid())
        .bind(i64::from(generation.get()))
        .bind(at(it.due_at))
        .bind(i64::from(it.attempts))
        .bind(integer(it.version.get()));
    one(query.execute(&mut **t).await);
}

async fn claim(t: &mut PgTransaction<'_>, claims: &[(Claim, Uuid)]) {
    let sql = "INSERT INTO claims (claim, holder)
               SELECT claim, holder FROM unnest($1::text[], $2::uuid[]) AS n(claim, holder)";
    let texts: Vec<_> = claims.iter().map(|(claim, _)| claim.text()).collect();
    let holders: Vec<_> = claims.iter().map(|(_, holder)| *holder).collect();
    sqlx::query(sql).bind(texts).bind(holders).execute(&mut **t).await.unwrap();
}

async fn append(t: &mut PgTransaction<'_>, work: &Work) {
    let entry = &work.entry;
    let (organization, position) = (work.organization.id.uuid(), integer(entry.position.get()));
    let sql =
        "INSERT INTO organization_entries (organization_id, position, at, command_id, command,
                   actor, actor_user_id, actor_membership_id, actor_purpose, actor_subject, source,
                   events, subjects, seats_used, commitment, previous, hash)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    let (mut user, mut membership, mut purpose, mut subject) = (None, None, None, None);
    let actor = match &entry.actor {
        Actor::Person { user: who, membership: own } => {
            user = Some(who.uuid());
            membership = own.map(MembershipId::uuid);
            "person"
        }
        Actor::Bearer { purpose: what_for, subject: what } => {
            purpose = Some(word(what_for));
            subject = Some(*what);
            "bearer"
        }
        Actor::Support { .. } | Actor::Provisioner { .. } | Actor::System => panic!("{entry:?}"),
    };
    let query = sqlx::query(sql)
        .bind(organization)
        .bind(position)
        .bind(at(entry.at))
        .bind(entry.command_id.uuid())
        .bind(&entry.command)
        .bind(actor)
        .bind(user)
        .bind(membership)
        .bind(purpose)
        .bind(subject)
        .bind(entry.source.as_ref().map(word))
        .bind(&entry.events)
        .bind(ids(&entry.subjects))
        .bind(entry.seats_used.map(integer))
        .bind(entry.commitment.bytes().as_slice())
        .bind(entry.previous.bytes().as_slice())
        .bind(entry.hash.bytes().as_slice());
    one(query.execute(&mut **t).await);
    let sql = "INSERT INTO organization_entry_details (organization_id, position, salt, text)
               VALUES ($1, $2, $3, $4)";
    let query = sqlx::query(sql).bind(organization).bind(position).bind(work.salt);
    one(query.bind(&work.text).execute(&mut **t).await);
    let sql = "INSERT INTO organization_entry_subjects (organization_id, membership_id, position)
               SELECT $1, membership, $2 FROM unnest($3::uuid[]) AS n(membership)";
    let query = sqlx::query(sql).bind(organization).bind(position).bind(ids(&entry.subjects));
    query.execute(&mut **t).await.unwrap();
}

fn one(done: Result<PgQueryResult, sqlx::Error>) {
    assert_eq!(done.unwrap().rows_affected(), 1);
}

fn at(instant: Timestamp) -> At {
    At(instant.micros())
}

fn ids(of: &[MembershipId]) -> Vec<Uuid> {
    of.iter().map(|id| id.uuid()).collect()
}

fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap()
}

fn status(it: &Membership) -> &'static str {
    it.status.name().group().as_str()
}

fn because(it: &Membership) -> Option<String> {
    match &it.status {
        MembershipStatus::Pending { because, .. } => Some(word(because)),
        MembershipStatus::Active { .. } => None,
        MembershipStatus::Deactivated { because, .. } => Some(word(because)),
        MembershipStatus::Removed { because, .. } => Some(word(because)),
    }
}

fn epoch(it: &Membership) -> i64 {
    serde_json::to_value(it.epoch).unwrap().as_i64().unwrap()
}

/// The name of a variant.
fn word(of: &impl Serialize) -> String {
    serde_json::to_value(of).unwrap().as_str().unwrap().to_owned()
}
