"""Azure ML, Entra, GitHub and Azure Monitor on one machine: their wire, with real processes behind it."""
