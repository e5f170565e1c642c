"""Every network call the backend makes. Vendor types stop here; domain values and our own errors leave."""
