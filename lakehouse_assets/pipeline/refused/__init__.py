"""What was refused: quarantined rows, their release, accepted exceptions, and input that never became rows."""
