"""What happened lately, in words, each with the way to where one sees it."""
