"""Promotions: the plan, the state machine, the engine and its steps."""
