"""Every speed promise, measured as a ratio against a peer in the same run."""
