"""The qualities of service of a cluster with limits (fixture `limited`)."""

#: One under which a user has one job at once.
ONE_AT_ONCE = "one-at-once"
#: One that no user may ask for.
FORBIDDEN = "forbidden"
