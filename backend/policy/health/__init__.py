"""Whether a candidate is well: each measure against its limit and against stable, with the number of calls in mind."""
