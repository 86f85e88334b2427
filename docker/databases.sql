-- The state store uses the first database of the server; Dagster keeps to its own.
CREATE DATABASE dagster;
