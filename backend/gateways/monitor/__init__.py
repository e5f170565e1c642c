"""Azure Monitor through azure-monitor-query (logs) and azure-monitor-querymetrics (platform metrics)."""
