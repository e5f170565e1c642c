"""The verbs offered to both console and CLI: authorise, call, record."""
