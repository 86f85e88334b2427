"""A lakehouse a data team can trust: contracts, audited publishes, accounted rows, one incident per cause."""
