"""The digital twin: mirrors the cell, forks it on virtual time and tries changes first."""
