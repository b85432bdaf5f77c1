"""What the database can answer besides data, named by the reaction.

DatabaseDown (1)      nothing was written: stop entries, journal what protects, try again later
└── DatabaseCorrupt   ... and it will not come back by itself: restore, or rebuild from the venue
    └── DatabaseReplaced  ... it is sound, and lacks what was written to it before
AlreadyDecided (1)    the decision key was used before: do not order again
LeaseLost (3)         another process trades the account: stop
"""

from __future__ import annotations

from leeward.domain.errors import Failed, Refused


class DatabaseDown(Failed):
    pass


class DatabaseCorrupt(DatabaseDown):
    pass


class DatabaseReplaced(DatabaseCorrupt):
    pass


class AlreadyDecided(Failed):
    pass


class LeaseLost(Refused):
    pass
