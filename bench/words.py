"""What made-up texts are made of."""

WORDS = (
    *("time", "river", "stone", "light", "paper", "cloud", "garden"),
    *("winter", "letter", "number", "window", "silver", "mountain", "story"),
)
