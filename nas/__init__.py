"""Hardware-aware neural architecture search with a carbon objective."""
