"""From the field to readings to health: tags, protocol sources, the gateway and the monitor."""
