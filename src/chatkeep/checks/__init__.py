"""The checks that ship with chatkeep, and how others are found. What a check is: chat/checks/check.py."""
