"""Rules about evidence. Pure: values in, findings, blockers and verdicts out."""
