"""What records of Kafka are made of: keys, values, schemas, envelopes, positions. `connectors.kafka` reads them."""
