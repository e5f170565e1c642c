"""The GraphQL API: our own subset of the schema, executed over the same documents."""
