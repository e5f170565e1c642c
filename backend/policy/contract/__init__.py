"""The contract with callers: read, put into the forms that programs know, compared, and kept. Pure."""
