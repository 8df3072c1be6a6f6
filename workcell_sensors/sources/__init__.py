"""One file per field protocol behind one Protocol (`source.Source`)."""
