"""What statements say, in words and side by side, for every page alike. No Qt in here."""
