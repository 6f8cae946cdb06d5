"""Which transformations of a function are at work, where a framework has to be asked: ``<backend>.py`` says so."""
