"""`make run` and `make tour`: a first world made by the product's own commands. Standard library only."""
