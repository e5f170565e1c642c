"""Setup: what is declared, how the world differs, and making it so. Nothing is ever deleted here."""
