//! The races, each between two.

mod grants;
mod owners;
mod people;
mod seats;
mod sync;
mod work;

use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;

use crate::stage::Stage;
use crate::tally::Tally;

pub(crate) type Race = for<'a> fn(&'a Stage) -> LocalBoxFuture<'a, Tally>;

macro_rules! races {
    ($($module:ident { $($race:ident,)+ })+) => {
        &[$($((stringify!($race), |stage| $module::$race(stage).boxed_local()),)+)+]
    };
}

pub(crate) const RACES: &[(&str, Race)] = races! {
    seats {
        two_accept_the_last_seat,
        the_seat_limit_is_lowered_while_somebody_accepts,
    }
    owners {
        two_owners_demote_each_other,
        two_owners_leave_together,
        ownership_is_accepted_while_whoever_offered_it_is_removed,
    }
    people {
        an_invitation_is_accepted_twice,
        one_address_is_invited_twice,
        one_address_is_claimed_in_two_spellings,
        an_invitation_is_accepted_and_revoked,
        an_invitation_is_accepted_and_sent_again,
        the_inviter_is_deactivated_while_somebody_accepts,
        somebody_is_deactivated_while_signing_in,
        a_team_is_deleted_while_somebody_joins_it,
    }
    grants {
        a_role_is_lent_while_its_holder_is_demoted,
        a_role_is_lent_while_its_giver_is_demoted,
        a_role_is_deleted_while_it_is_given,
    }
    sync {
        somebody_is_announced_without_an_address_while_signing_on,
        somebody_is_announced_while_signing_on,
        somebody_is_brought_along_while_signing_on,
    }
    work {
        a_receiver_is_deactivated_while_work_is_left_to_them,
        two_workers_drive_one_handover,
        a_worker_takes_over_from_one_that_is_slow,
        two_workers_deliver_one_outbox,
    }
};
