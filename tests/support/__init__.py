"""What several test modules need: time, threads under watch, small raw servers."""
