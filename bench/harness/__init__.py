"""What bench/run and bench/ledger measure with."""
