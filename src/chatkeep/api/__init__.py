"""The HTTP views, one file a section of the contract. They parse, call the heart, and shape its answer."""
