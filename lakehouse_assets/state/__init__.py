"""The transactional store: run log, rule results, ledger, incidents, outbox, leases."""
