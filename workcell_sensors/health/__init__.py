"""Windows, features, alarms, drift and learned thresholds over the tag table; pure and streaming."""
