"""The pages of MyThoughts, served by the new side."""

RELEASE = "1"
