"""What a proxy in front of chatkeep does to it: what was seen, what that means, and the setting that mends it."""
