"""The JSON bodies of the REST API, field for field."""
