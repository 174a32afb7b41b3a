//! The one door: everything a host asks for, and the only code that does I/O through ports.

mod access;
mod activity;
mod audit;
mod check;
mod decide;
mod drive;
mod duties;
mod error;
mod execute;
mod follow;
mod handovers;
mod hints;
mod import;
mod lane;
mod mails;
mod maintain;
mod many;
mod memory;
mod pace;
mod people;
mod prepare;
mod preview;
mod publish;
mod request;
mod row_actions;
mod self_deletion;
mod sessions;
mod tokens;
mod views;

use std::sync::Arc;

use crate::access::{Catalogue, Permission, Standing};
use crate::commands::{Host, standing_needs};
use crate::domain::{
    Key, KeyRing, Need, OrganizationStatus, Principal, Refusal, Scope, State, Thing,
};
use crate::ports::{Clock, Entropy, Mailer, Store, Workload};

pub use access::Access;
pub use audit::AuditPage;
pub use error::Error;
pub use execute::Done;
pub use import::{Reviewed, SeatsNeeded};
pub use maintain::{Maintained, Maintenance};
pub use many::{Batching, Progress};
pub use people::{Page, PeopleCursor, PeoplePage, PersonRow};
pub use prepare::{Prepared, Written};
pub use preview::{Preview, SeatChange, TeamLeft, TeamWithout, WorkMove, WorkPreview};
pub use request::Request;
pub use row_actions::{RowAction, RowActions};
pub use self_deletion::{Reauthenticated, SelfDeletion};
pub use sessions::SessionStamp;
pub use tokens::InvitationView;
pub use views::Keeping;

/// Who belongs to which organization, since when, as what, and who takes over when they go.
///
/// Cheap to clone: every clone is the same directory. Nothing runs behind the host's back; what is
/// due is done by [`maintain`](Self::maintain).
#[derive(Clone)]
pub struct UserDirectory {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    mailer: Arc<dyn Mailer>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    workload: Option<Arc<dyn Workload>>,
    host: Arc<Host>,
    lanes: lane::Lanes,
    views: views::Views,
    memories: memory::Memories,
    paces: pace::Paces,
}

impl std::fmt::Debug for UserDirectory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserDirectory").finish_non_exhaustive()
    }
}

/// Puts a [`UserDirectory`] together.
pub struct Builder {
    store: Arc<dyn Store>,
    mailer: Arc<dyn Mailer>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    workload: Option<Arc<dyn Workload>>,
    keys: KeyRing,
    catalogue: Catalogue,
    keeping: Keeping,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").finish_non_exhaustive()
    }
}

impl Builder {
    /// With the host's permissions; call it once for each enum.
    #[must_use]
    pub fn permissions<P: Permission>(mut self) -> Self {
        self.catalogue = self.catalogue.with::<P>();
        self
    }

    /// With the host's work: it is handed over when somebody leaves.
    #[must_use]
    pub fn workload(mut self, workload: impl Workload + 'static) -> Self {
        self.workload = Some(Arc::new(workload));
        self
    }

    /// With other bounds for the live views of permissions.
    #[must_use]
    pub const fn keeping(mut self, keeping: Keeping) -> Self {
        self.keeping = keeping;
        self
    }

    /// With another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// With another source of randomness than the system's.
    #[must_use]
    pub fn entropy(mut self, entropy: impl Entropy + 'static) -> Self {
        self.entropy = Arc::new(entropy);
        self
    }

    /// The directory.
    pub fn build(self) -> UserDirectory {
        let host = Host::new(
            self.catalogue,
            self.keys,
            self.workload.as_ref().map(|it| it.kinds()).unwrap_or_default(),
        );
        UserDirectory {
            inner: Arc::new(Inner {
                store: self.store,
                mailer: self.mailer,
                clock: self.clock,
                entropy: self.entropy,
                workload: self.workload,
                host: Arc::new(host),
                lanes: lane::Lanes::default(),
                views: views::Views::new(self.keeping),
                memories: memory::Memories::default(),
                paces: pace::Paces::default(),
            }),
        }
    }
}

impl UserDirectory {
    /// Begins with a store, a mailer, and the keys of the links; clock and randomness are the
    /// system's.
    #[cfg(feature = "system")]
    pub fn builder(
        store: impl Store + 'static,
        mailer: impl Mailer + 'static,
        keys: KeyRing,
    ) -> Builder {
        use crate::adapters::system::{SystemClock, SystemEntropy};
        Self::builder_with(store, mailer, keys, SystemClock, SystemEntropy)
    }

    /// Begins with all ports named.
    pub fn builder_with(
        store: impl Store + 'static,
        mailer: impl Mailer + 'static,
        keys: KeyRing,
        clock: impl Clock + 'static,
        entropy: impl Entropy + 'static,
    ) -> Builder {
        Builder {
            store: Arc::new(store),
            mailer: Arc::new(mailer),
            clock: Arc::new(clock),
            entropy: Arc::new(entropy),
            workload: None,
            keys,
            catalogue: Catalogue::new(),
            keeping: Keeping::default(),
        }
    }

    /// A new identity, for what the host names itself: an organization, a user.
    pub fn new_id<T: From<uuid::Uuid>>(&self) -> T {
        let now = self.inner.clock.now();
        let bytes = self.inner.entropy.draw();
        let mut random = [0; 10];
        for (slot, byte) in random.iter_mut().zip(bytes) {
            *slot = byte;
        }
        uuid::Builder::from_unix_timestamp_millis(now.unix_millis(), &random).into_uuid().into()
    }
}

impl Inner {
    /// Loads what a question needs, with the standing of whoever asks in a scope.
    async fn load(
        &self,
        scope: Scope,
        who: &Principal,
        mut needs: Vec<Need>,
    ) -> Result<State, Error> {
        needs.push(Need::Record(Key::Organization(scope.organization)));
        needs.extend(scope.workspace.map(|id| Need::Record(Key::Workspace(id))));
        standing_needs(scope, who, &mut needs);
        Ok(State::new(self.store.load(&needs).await?))
    }

    /// The standing of somebody who may ask questions in a scope; to others (I11) there is no such
    /// organization.
    fn standing<'s>(
        &self,
        state: &'s State,
        scope: Scope,
        who: &Principal,
    ) -> Result<Standing<'s>, Refusal> {
        let absent = Refusal::NotFound(Thing::Organization);
        let now = self.clock.now();
        let whole = Standing::of(state, scope.whole(), who, now).ok_or(absent.clone())?;
        let inside = match who {
            Principal::Person(_) | Principal::Support { .. } => {
                whole.is_in()
                    || whole.membership().is_some_and(crate::domain::Membership::is_active)
            }
            Principal::Provisioner { organization, .. } => *organization == scope.organization,
            Principal::System => true,
            Principal::Bearer(_) => false,
        };
        if !inside {
            return Err(absent);
        }
        let status = state.organization(scope.organization).map(|it| it.status);
        let works = status == Some(OrganizationStatus::Active);
        if let (Principal::Person(_) | Principal::Support { .. }, Some(status), false) =
            (who, status, works)
        {
            return Err(Refusal::OrganizationNotActive(status));
        }
        Standing::of(state, scope, who, now).ok_or(Refusal::NotFound(Thing::Workspace))
    }

    /// Whether somebody may ask a question that takes a permission.
    fn may_ask(
        standing: &Standing<'_>,
        who: &Principal,
        permission: crate::access::Management,
    ) -> Result<(), Refusal> {
        let needs_none = matches!(who, Principal::System | Principal::Provisioner { .. });
        let permission = permission.into();
        if needs_none || standing.holds(&permission).is_allowed() {
            Ok(())
        } else {
            Err(Refusal::MissingPermission(permission))
        }
    }
}
