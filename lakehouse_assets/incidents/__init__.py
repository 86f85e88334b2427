"""From a failed check to a closed incident."""
