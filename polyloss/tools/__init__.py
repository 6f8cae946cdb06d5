"""What reads the catalogue: descriptions, the chooser, pictures, the command line."""
