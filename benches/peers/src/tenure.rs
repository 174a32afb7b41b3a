//! `tenure` itself. TODO: `access::View` is not there yet; until then this takes no part.
