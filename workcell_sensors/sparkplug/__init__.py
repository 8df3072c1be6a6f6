"""Sparkplug B 3.0: payloads, the host application's and the edge node's rules; pure."""
