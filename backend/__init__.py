"""The product without a screen: domain, promotion engine, gateways, store, operations and the `mlops` command."""
