"""Anomaly, change and prognosis: streaming detectors, health index, remaining life and failure probability; pure."""
