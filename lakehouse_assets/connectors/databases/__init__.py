"""How relational databases and warehouses are asked: options, windows, queries, answers, faults."""
